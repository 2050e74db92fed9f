"""Step Functions: integrations of our own, and an execution's end that reaches what runs in it."""

from __future__ import annotations

import contextvars
import json
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from smproc.local.server.patches.registry import Names, responses, service, takes, wrap

Task = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]

_RUNNING = "RUNNING"
# Ends that come from outside of the execution, and that nothing inside of it may change.
_CUT_SHORT = ("ABORTED", "TIMED_OUT")
_CUTS = ("ExecutionAborted", "ExecutionTimedOut")
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
        "_run_parallel_branches": takes("state_def", "raw_input", "execution", "ctx"),
        "_apply_jsonata_arguments": takes("state_def", "raw_input", "ctx"),
        "_apply_state_assign": takes("state_def", "raw_input", "ctx", "result", "error_output"),
        "_apply_jsonata_output": takes("state_def", "raw_input", "ctx", "result", "error_output", "default"),
        "_state_query_language": takes("state_def", "ctx"),
    },
}


@dataclass(frozen=True, slots=True)
class CurrentTask:
    """The Step Functions task that the calling thread works for.

    Attributes:
        execution: ministack's record of the execution.
        ends_at: the moment of ``time.monotonic()`` at which the task times out.
    """

    execution: dict[str, Any]
    ends_at: float | None = None

    @property
    def execution_arn(self) -> str:
        """The execution's ARN."""
        return str(self.execution["executionArn"])

    @property
    def role_arn(self) -> str:
        """The role of its state machine; empty when that is gone."""
        machine = service("stepfunctions")._state_machines.get(self.execution["stateMachineArn"])
        return str(machine["roleArn"]) if machine else ""

    @property
    def aborted(self) -> bool:
        """Whether the execution has been stopped or has timed out."""
        return _cut_short(self.execution)


_current: ContextVar[CurrentTask | None] = ContextVar("smproc_current_task", default=None)
# The execution that an abort names; a Map's children are executions of their own and abort with it.
_root: ContextVar[dict[str, Any] | None] = ContextVar("smproc_root_execution", default=None)
_on_abort: list[tuple[str, Callable[[], None]]] = []


def add_task(resource: str, task: Task) -> None:
    """Let Step Functions hand a resource's tasks to us.

    Args:
        resource: the resource's ARN without ``.sync``.
        task: works on a task; called on a thread that may wait. It fails with `task_error`.
    """
    service("stepfunctions")._SERVICE_DISPATCH[resource] = task


def task_error(error: str, cause: str) -> Exception:
    """The exception with which a task fails."""
    raised: Exception = service("stepfunctions")._ExecutionError(error, cause)
    return raised


def current_task() -> CurrentTask | None:
    """The task that the calling thread works for; None outside an execution, as in TestState."""
    return _current.get()


def task_submitted(resource: str, output: Mapping[str, Any]) -> None:
    """Write into the current execution's history that a job has been submitted, as Step Functions does.

    Args:
        resource: ``createProcessingJob`` or ``createProcessingJob.sync``.
        output: what CreateProcessingJob answered.
    """
    if (task := current_task()) is not None:
        details = {
            "resourceType": "sagemaker",
            "resource": resource,
            "output": json.dumps(output),
            "outputDetails": {"truncated": False},
        }
        service("stepfunctions")._add_event(task.execution, "TaskSubmitted", {"taskSubmittedEventDetails": details})


def call_on_abort(wake: Callable[[], None]) -> Callable[[], None]:
    """Have a function called when the current execution is stopped or times out; returns what takes that back."""
    root = _root.get()
    if root is None:
        return lambda: None
    waiting = (str(root["executionArn"]), wake)
    _on_abort.append(waiting)
    if _cut_short(root):
        wake()
    return lambda: _on_abort.remove(waiting)


def aborted() -> bool:
    """Whether the execution that the calling thread works for has been stopped or has timed out."""
    root = _root.get()
    return root is not None and _cut_short(root)


def executing() -> bool:
    """Whether the calling thread works for an execution, and not for TestState."""
    return _root.get() is not None


def _cut_short(execution: Mapping[str, Any]) -> bool:
    return execution["status"] in _CUT_SHORT


def apply() -> None:
    """Give tasks their execution, make an abort final and let a state machine time out.

    ministack itself sets an aborted execution's status and no more; of a machine's TimeoutSeconds it knows nothing.
    """
    states = service("stepfunctions")
    wrap(states, "_run_execution", _run_execution)
    wrap(states, "_execute_task", _execute_task)
    wrap(states, "_run_parallel_branches", _run_parallel)
    wrap(states, "_invoke_resource_with_timeout", _invoke_with_timeout)
    wrap(states, "_add_event", _add_event)
    wrap(states, "_fail_execution", _fail_execution)
    wrap(states, "_find_matching_catcher", _find_catcher)


def _run_execution(original: Callable[..., Any], exec_arn: str) -> None:
    states = service("stepfunctions")
    execution = states._executions.get(exec_arn)
    machine = execution and states._state_machines.get(execution["stateMachineArn"])
    if not machine:
        original(exec_arn)
        return
    # Of the two that a task starts, AWS stops with it the one that it waits for.
    forget = (
        call_on_abort(lambda: states._stop_execution({"executionArn": exec_arn}))
        if execution.get("sync")
        else lambda: None
    )
    token = _root.set(execution)
    timer = _timer(execution, str(machine["definition"]))
    try:
        original(exec_arn)
    finally:
        if timer is not None:
            timer.cancel()
        _root.reset(token)
        forget()


def _timer(execution: dict[str, Any], definition: str) -> threading.Timer | None:
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
    execution.update(status="TIMED_OUT", stopDate=responses().now_iso())
    states = service("stepfunctions")
    states._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
    states._emit_execution_status_event(execution)


def _execute_task(
    original: Callable[..., Any], state_def: object, raw_input: object, execution: dict[str, Any], ctx: object
) -> object:
    root = _root.get() or execution
    if _cut_short(root):
        raise task_error("States.TaskFailed", "The execution was aborted")
    task_token, root_token = _current.set(CurrentTask(execution)), _root.set(root)
    try:
        return original(state_def, raw_input, execution, ctx)
    finally:
        _current.reset(task_token)
        _root.reset(root_token)


def _run_parallel(
    original: Callable[..., Any],
    state_def: Mapping[str, Any],
    raw_input: object,
    execution: dict[str, Any],
    ctx: dict[str, Any],
) -> object:
    states = service("stepfunctions")
    if states._state_query_language(state_def, ctx) != "JSONata":
        return original(state_def, raw_input, execution, ctx)
    given = states._apply_jsonata_arguments(state_def, raw_input, ctx)
    results, following = original(state_def, given, execution, ctx)
    output = states._apply_jsonata_output(state_def, raw_input, ctx, result=results, default=results)
    states._apply_state_assign(state_def, raw_input, ctx, result=results)
    return output, following


def _invoke_with_timeout(original: Callable[..., Any], resource: str, input_data: object, timeout: float) -> object:
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
    if _cut_short(execution) and event_type not in _CUTS:
        return {}  # an aborted execution's history ends with the abort
    event = original(execution, event_type, details)
    if event_type in _CUTS:
        # A copy: whoever is woken, and others meanwhile, leave the list.
        for arn, wake in _on_abort.copy():
            if arn == execution["executionArn"]:
                wake()
    return event


def _fail_execution(original: Callable[..., Any], execution: dict[str, Any], error: str, cause: str) -> None:
    if not _cut_short(execution):
        original(execution, error, cause)


def _find_catcher(original: Callable[..., Any], *args: object) -> object:
    return None if aborted() else original(*args)
