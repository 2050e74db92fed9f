"""Step Functions, executions: integrations of our own, final aborts, time-outs of state machines.

AWS: ``createProcessingJob`` and ``createProcessingJob.sync`` are integrations. StopExecution and the TimeoutSeconds of
a state machine end an execution for good, and with it the jobs and nested executions that its ``.sync`` tasks wait for.
See: https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html
See: https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html

ministack 1.5.33: `ministack.services.stepfunctions._SERVICE_DISPATCH` has no SageMaker integration.
`ministack.services.stepfunctions._stop_execution` sets the status and no more: tasks go on, may write further events
and may fail the execution. `ministack.services.stepfunctions._run_execution` ignores TimeoutSeconds.

Removable when: a release of ministack has a public extension point for integrations that notifies them of an abort,
stops the execution's threads on StopExecution, and reads TimeoutSeconds of the state machine (1.5.33 does not).
"""

from __future__ import annotations

import contextvars
import json
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from smproc.local.server.patches.registry import Names, Wrappers, core, service, takes

Task = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]

_RUNNING = "RUNNING"
# The statuses of an execution that was ended from outside, and that nothing inside it may change.
_ABORTED_STATUSES = ("ABORTED", "TIMED_OUT")
_ABORT_EVENTS = ("ExecutionAborted", "ExecutionTimedOut")
NAMES: Names = {
    "ministack.core.responses": {"now_iso": takes()},
    "ministack.services.stepfunctions": {
        "_executions": lambda value: callable(value.get) and callable(value.values),
        "_state_machines": lambda value: callable(value.get),
        "_run_execution": takes("exec_arn"),
        "_stop_execution": takes("data"),
        "_emit_execution_status_event": takes("execution"),
        "_SERVICE_DISPATCH": lambda value: (
            isinstance(value, dict) and callable(value.get("arn:aws:states:::sqs:sendMessage"))
        ),
        "_ExecutionError": lambda value: isinstance(value, type) and str(value("e", "c").args[0]) == "e: c",
        "_execute_task": takes("state_def", "raw_input", "execution", "ctx"),
        "_invoke_resource_with_timeout": takes("resource", "input_data", "timeout"),
        "_add_event": takes("execution", "event_type", "details"),
        "_fail_execution": takes("execution", "error", "cause"),
        "_find_matching_catcher": takes("catchers", "error"),
    },
}


@dataclass(frozen=True, slots=True)
class CurrentTask:
    """The Step Functions task that the calling thread works for.

    Attributes:
        execution: ministack's record of the execution.
        ends_at: the ``time.monotonic()`` at which the task times out; None without a time-out.
    """

    execution: dict[str, Any]
    ends_at: float | None = None

    @property
    def execution_arn(self) -> str:
        """The ARN of the execution."""
        return str(self.execution["executionArn"])

    @property
    def role_arn(self) -> str:
        """The role of the state machine; empty when the state machine is deleted."""
        machine = service("stepfunctions")._state_machines.get(self.execution["stateMachineArn"])
        return str(machine["roleArn"]) if machine else ""


_current: ContextVar[CurrentTask | None] = ContextVar("smproc_current_task", default=None)
# The execution that an abort names. The children of a Map are executions of their own and abort with it.
_root: ContextVar[dict[str, Any] | None] = ContextVar("smproc_root_execution", default=None)
_abort_callbacks: list[tuple[str, Callable[[], None]]] = []


def add_task(resource: str, task: Task) -> None:
    """Register an integration.

    Args:
        resource: the resource's ARN without ``.sync``.
        task: runs a task of the resource; called on a thread that may wait. It fails by raising a `task_error`.
    """
    service("stepfunctions")._SERVICE_DISPATCH[resource] = task


def task_error(error: str, cause: str) -> Exception:
    """Return the exception that fails a task.

    Args:
        error: the error's name, which Retry and Catch match.
        cause: the error's cause.
    """
    exception: Exception = service("stepfunctions")._ExecutionError(error, cause)
    return exception


def current_task() -> CurrentTask | None:
    """Return the task that the calling thread works for; None outside an execution, as in TestState."""
    return _current.get()


def task_submitted(resource: str, output: Mapping[str, Any]) -> None:
    """Add the event TaskSubmitted, as Step Functions does, to the current execution's history.

    Args:
        resource: ``createProcessingJob`` or ``createProcessingJob.sync``.
        output: the answer to CreateProcessingJob.
    """
    if (task := current_task()) is not None:
        details = {
            "resourceType": "sagemaker",
            "resource": resource,
            "output": json.dumps(output),
            "outputDetails": {"truncated": False},
        }
        service("stepfunctions")._add_event(task.execution, "TaskSubmitted", {"taskSubmittedEventDetails": details})


def call_on_abort(callback: Callable[[], None]) -> Callable[[], None]:
    """Register a callback for when the current execution is stopped or times out; immediate if it already has been.

    Args:
        callback: called on the thread that aborts the execution.

    Returns:
        A function that removes the callback.
    """
    root = _root.get()
    if root is None:
        return lambda: None
    entry = (str(root["executionArn"]), callback)
    _abort_callbacks.append(entry)
    if _is_aborted(root):
        callback()
    return lambda: _abort_callbacks.remove(entry)


def aborted() -> bool:
    """Return whether the execution that the calling thread works for has been stopped or has timed out."""
    root = _root.get()
    return root is not None and _is_aborted(root)


def executing() -> bool:
    """Return whether the calling thread works for an execution, and not for TestState."""
    return _root.get() is not None


def _is_aborted(execution: Mapping[str, Any]) -> bool:
    return execution["status"] in _ABORTED_STATUSES


def _run_execution(original: Callable[..., Any], exec_arn: str) -> None:
    states = service("stepfunctions")
    execution = states._executions.get(exec_arn)
    machine = execution and states._state_machines.get(execution["stateMachineArn"])
    if not machine:
        original(exec_arn)
        return
    # A task may start an execution or start it and wait for it; AWS stops the latter with the task.
    cancel = (
        call_on_abort(lambda: states._stop_execution({"executionArn": exec_arn}))
        if execution.get("sync")
        else lambda: None
    )
    token = _root.set(execution)
    timer = _start_timer(execution, str(machine["definition"]))
    try:
        original(exec_arn)
    finally:
        if timer is not None:
            timer.cancel()
        _root.reset(token)
        cancel()


def _start_timer(execution: dict[str, Any], definition: str) -> threading.Timer | None:
    try:
        timeout = json.loads(definition).get("TimeoutSeconds")
    except ValueError:
        return None  # ministack fails the execution for it
    if timeout is None:
        return None
    timer = threading.Timer(float(timeout), contextvars.copy_context().run, (_time_out, execution))
    timer.daemon = True
    timer.start()
    return timer


def _time_out(execution: dict[str, Any]) -> None:
    if execution["status"] != _RUNNING:
        return
    execution.update(status="TIMED_OUT", stopDate=core("responses").now_iso())
    states = service("stepfunctions")
    states._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
    states._emit_execution_status_event(execution)


def _execute_task(
    original: Callable[..., Any], state_def: object, raw_input: object, execution: dict[str, Any], ctx: object
) -> object:
    root = _root.get() or execution
    if _is_aborted(root):
        raise task_error("States.TaskFailed", "The execution was aborted")
    task_token, root_token = _current.set(CurrentTask(execution)), _root.set(root)
    try:
        return original(state_def, raw_input, execution, ctx)
    finally:
        _current.reset(task_token)
        _root.reset(root_token)


def _invoke_resource_with_timeout(
    original: Callable[..., Any], resource: str, input_data: object, timeout: float
) -> object:
    task = _current.get()
    if task is None:
        return original(resource, input_data, timeout)
    token = _current.set(CurrentTask(task.execution, time.monotonic() + timeout))
    try:
        return original(resource, input_data, timeout)
    finally:
        _current.reset(token)


def _add_event(
    original: Callable[..., Any], execution: dict[str, Any], event_type: str, details: object = None
) -> object:
    if _is_aborted(execution) and event_type not in _ABORT_EVENTS:
        return {}  # the history of an aborted execution ends with the abort
    event = original(execution, event_type, details)
    if event_type in _ABORT_EVENTS:
        # A copy: callbacks are removed, by those that are called and by others, while this loop runs.
        for arn, callback in _abort_callbacks.copy():
            if arn == execution["executionArn"]:
                callback()
    return event


def _fail_execution(original: Callable[..., Any], execution: dict[str, Any], error: str, cause: str) -> None:
    if not _is_aborted(execution):
        original(execution, error, cause)


def _find_matching_catcher(original: Callable[..., Any], *args: object) -> object:
    return None if aborted() else original(*args)


WRAPPERS: Wrappers = {
    "ministack.services.stepfunctions": {
        "_run_execution": _run_execution,
        "_execute_task": _execute_task,
        "_invoke_resource_with_timeout": _invoke_resource_with_timeout,
        "_add_event": _add_event,
        "_fail_execution": _fail_execution,
        "_find_matching_catcher": _find_matching_catcher,
    }
}
