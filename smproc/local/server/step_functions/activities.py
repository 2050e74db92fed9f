"""Activity tasks: a worker polls for them with GetActivityTask, and answers with SendTaskSuccess or SendTaskFailure.

AWS: ``TimeoutSeconds`` and ``HeartbeatSeconds`` of an activity task count from the moment when a worker gets the task;
a task whose execution has ended is not given to a worker.
See: https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html
See: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-activities.html

moto: the time-out counts from when the task is scheduled, and a task waits on when its execution has ended.
"""

from __future__ import annotations

import copy
import json
import time
from typing import Any

from moto.stepfunctions.parser.api import ActivityDoesNotExist
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import TimeoutSeconds
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task_activitiy import StateTaskActivity
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    ActivityCallbackEndpoint,
    CallbackOutcomeFailure,
    CallbackOutcomeFailureError,
    CallbackTimeoutError,
    HeartbeatTimeoutError,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from smproc.local.server import patches
from smproc.local.server.step_functions import moto_package

# How often a waiting task looks whether its execution goes on.
_POLL_IN_SECONDS = 1.0
_FOREVER_IN_SECONDS = TimeoutSeconds.DEFAULT_TIMEOUT_SECONDS


class ActivityStore:
    """The activities of an account, as the interpreter finds them: ministack has them."""

    def get(self, arn: str) -> _Activity | None:
        """Return an activity, None if there is none."""
        return _Activity(arn) if patches.has_activity(arn) else None


class _Activity:
    def __init__(self, arn: str) -> None:
        self._arn = arn

    def add_task(self, task: Any) -> None:
        patches.add_activity_task(self._arn, task.task_token, task.task_input)


def apply() -> None:
    """Replace the evaluation of activity tasks."""
    moto_package.replace(StateTaskActivity, "_evaluate_with_timeout", _evaluate)
    moto_package.replace(StateTaskActivity, "_eval_execution", _eval_execution)


def start(endpoint: object, worker_name: str | None) -> bool:
    """Start a task that a worker got; return False if it is no activity task, or does not wait any more.

    Args:
        endpoint: the interpreter's endpoint of the task's token.
        worker_name: the worker's name, which the history names.
    """
    if not isinstance(endpoint, ActivityCallbackEndpoint) or endpoint.consumer_error is not None:
        return False
    endpoint.notify_activity_task_start(worker_name=worker_name)
    return True


def _evaluate(self: StateTaskActivity, env: Environment) -> None:
    without_timeout = copy.copy(self)
    without_timeout.timeout = TimeoutSeconds(timeout_seconds=_FOREVER_IN_SECONDS, is_default=True)
    without_timeout.timeout_once_started = self.timeout
    ExecutionState._evaluate_with_timeout(without_timeout, env)


def _eval_execution(self: StateTaskActivity, env: Environment) -> None:
    task_input = self._eval_parameters(env=env)
    timeout_in_seconds = _evaluated(self.timeout_once_started, env)
    heartbeat_in_seconds = _evaluated(self.heartbeat, env) if self.heartbeat else None
    text = task_input if isinstance(task_input, str) else to_json_str(task_input)
    arn = self.resource.resource_arn
    try:
        endpoint = env.callback_pool_manager.add_activity_task(
            callback_id=env.states.context_object.update_task_token(), activity_arn=arn, activity_input=text
        )
    except ActivityDoesNotExist as error:
        raise RuntimeError(f"The activity {arn} does not exist.") from error
    scheduled = {"resource": arn, "input": text, "inputDetails": {"truncated": False}}
    if not self.timeout_once_started.is_default_value():
        scheduled["timeoutInSeconds"] = timeout_in_seconds
    if heartbeat_in_seconds is not None:
        scheduled["heartbeatInSeconds"] = heartbeat_in_seconds
    _add_event(env, "ActivityScheduled", activityScheduledEventDetails=scheduled)

    worker_started = endpoint.get_activity_task_start_endpoint()
    started = _wait(env, lambda seconds: _outcome_so_far(worker_started, seconds), _FOREVER_IN_SECONDS)
    if started is None:
        _leave(env, endpoint)
        return
    worker = {} if started.worker_name is None else {"workerName": started.worker_name}
    _add_event(env, "ActivityStarted", activityStartedEventDetails=worker)
    try:
        outcome = _outcome(env, endpoint, timeout_in_seconds, heartbeat_in_seconds)
    except TimeoutError as error:
        endpoint.report(error)
        raise
    if outcome is None:
        _leave(env, endpoint)
        return
    if isinstance(outcome, CallbackOutcomeFailure):
        raise CallbackOutcomeFailureError(callback_outcome_failure=outcome)
    env.stack.append(json.loads(outcome.output))
    details = {"output": outcome.output, "outputDetails": {"truncated": False}}
    _add_event(env, "ActivitySucceeded", activitySucceededEventDetails=details)


def _evaluated(part: Any, env: Environment) -> int:
    part.eval(env=env)
    return int(env.stack.pop())


def _outcome_so_far(endpoint: Any, seconds: float) -> Any:
    try:
        return endpoint.wait(seconds)
    except AttributeError:
        return None  # moto sets the attribute that this returns when a worker gets the task


def _outcome(env: Environment, endpoint: Any, timeout_in_seconds: float, heartbeat_in_seconds: float | None) -> Any:
    """Return what a worker sent, None if the execution ended before."""
    ends_at = time.monotonic() + timeout_in_seconds
    heartbeats = None if heartbeat_in_seconds is None else endpoint.setup_heartbeat_endpoint(heartbeat_in_seconds)
    while env.is_running():
        rest = ends_at - time.monotonic()
        if heartbeats is None:
            outcome = _wait(env, endpoint.wait, rest)
        else:
            if not heartbeats.clear_and_wait() and endpoint.get_outcome() is None:
                raise HeartbeatTimeoutError
            outcome = endpoint.get_outcome()
        if outcome is not None:
            return outcome
        if time.monotonic() >= ends_at:
            raise CallbackTimeoutError
    return None


def _wait(env: Environment, wait: Any, seconds: float) -> Any:
    """Return what is waited for, None after so many seconds or when the execution has ended."""
    ends_at = time.monotonic() + seconds
    while env.is_running() and (rest := ends_at - time.monotonic()) > 0:
        if (found := wait(min(rest, _POLL_IN_SECONDS))) is not None:
            return found
    return None


def _leave(env: Environment, endpoint: Any) -> None:
    """End a task whose execution has ended: nobody reads its result."""
    endpoint.report(TimeoutError())
    env.stack.append(None)


def _add_event(env: Environment, kind: str, **details: Any) -> None:
    env.event_manager.add_event(context=env.event_history_context, event_type=kind, event_details=details)
