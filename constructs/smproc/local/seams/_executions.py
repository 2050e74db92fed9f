"""Step Functions: integrations of our own, and an execution's end that reaches what runs in it."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from smproc.local.seams._ministack import Names, service, takes, wrap

Task = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]

_ABORTED = "ABORTED"
NAMES: Names = {
    "ministack.services.stepfunctions": {
        "_SERVICE_DISPATCH": lambda value: (
            isinstance(value, dict) and callable(value.get("arn:aws:states:::sqs:sendMessage"))
        ),
        "_ExecutionError": lambda value: isinstance(value, type) and str(value("e", "c").args[0]) == "e: c",
        "_execute_task": takes("state_def", "raw_input", "execution", "ctx"),
        "_invoke_resource_with_timeout": takes("resource", "input_data", "timeout"),
        "_add_event": takes("execution", "event_type", "details"),
        "_fail_execution": takes("execution", "error", "cause"),
        "_find_matching_retrier": takes("retriers", "error", "retry_counts"),
        "_find_matching_catcher": takes("catchers", "error"),
        "_run_parallel_branches": takes("state_def", "raw_input", "execution", "ctx"),
        "_apply_jsonata_arguments": takes("state_def", "raw_input", "ctx"),
        "_apply_jsonata_output": takes("state_def", "raw_input", "ctx", "result", "error_output", "default"),
        "_state_query_language": takes("state_def", "ctx"),
    }
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
    def aborted(self) -> bool:
        """Whether somebody has stopped the execution."""
        return _aborted(self.execution)


_current: ContextVar[CurrentTask | None] = ContextVar("smproc_current_task", default=None)
# The execution that an abort names; a Map's children are executions of their own and abort with it.
_root: ContextVar[dict[str, Any] | None] = ContextVar("smproc_root_execution", default=None)
_on_abort: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)


def add_task(resource: str, task: Task) -> None:
    """Let Step Functions hand a resource's tasks to us.

    Args:
        resource: the resource's ARN without ``.sync``.
        task: works on a task; called on a thread that may wait. It fails with `task_error`.
    """
    service("stepfunctions")._SERVICE_DISPATCH[resource] = task  # noqa: SLF001 - a seam


def task_error(error: str, cause: str) -> Exception:
    """The exception with which a task fails."""
    raised: Exception = service("stepfunctions")._ExecutionError(error, cause)  # noqa: SLF001 - a seam
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
        service("stepfunctions")._add_event(  # noqa: SLF001 - a seam
            task.execution, "TaskSubmitted", {"taskSubmittedEventDetails": details}
        )


def call_on_abort(wake: Callable[[], None]) -> Callable[[], None]:
    """Have a function called when the current execution is aborted; returns what takes that back."""
    root = _root.get()
    if root is None:
        return lambda: None
    waiting = _on_abort[root["executionArn"]]
    waiting.append(wake)
    if _aborted(root):
        wake()

    def forget() -> None:
        waiting.remove(wake)
        if not waiting:
            _on_abort.pop(root["executionArn"], None)

    return forget


def aborted() -> bool:
    """Whether the execution that the calling thread works for has been stopped."""
    root = _root.get()
    return root is not None and _aborted(root)


def _aborted(execution: Mapping[str, Any]) -> bool:
    return bool(execution["status"] == _ABORTED)


def amend() -> None:
    """Give tasks their execution, and make an abort final: ministack itself only sets the status."""
    states = service("stepfunctions")
    wrap(states, "_execute_task", _execute_task)
    wrap(states, "_run_parallel_branches", _run_parallel)
    wrap(states, "_invoke_resource_with_timeout", _invoke_with_timeout)
    wrap(states, "_add_event", _add_event)
    wrap(states, "_fail_execution", _fail_execution)
    wrap(states, "_find_matching_retrier", _find_retrier)
    wrap(states, "_find_matching_catcher", _find_catcher)


def _execute_task(
    original: Callable[..., Any], state_def: object, raw_input: object, execution: dict[str, Any], ctx: object
) -> object:
    root = _root.get() or execution
    if _aborted(root):
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
    if states._state_query_language(state_def, ctx) != "JSONata":  # noqa: SLF001 - a seam
        return original(state_def, raw_input, execution, ctx)
    given = states._apply_jsonata_arguments(state_def, raw_input, ctx)  # noqa: SLF001 - a seam
    results, following = original(state_def, given, execution, ctx)
    output = states._apply_jsonata_output(state_def, raw_input, ctx, result=results, default=results)  # noqa: SLF001
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
    if _aborted(execution) and event_type != "ExecutionAborted":
        return {}  # an aborted execution's history ends with the abort
    event = original(execution, event_type, details)
    if event_type == "ExecutionAborted":
        for wake in list(_on_abort.get(execution["executionArn"], ())):
            wake()
    return event


def _fail_execution(original: Callable[..., Any], execution: dict[str, Any], error: str, cause: str) -> None:
    if not _aborted(execution):
        original(execution, error, cause)


def _find_retrier(original: Callable[..., Any], *args: object) -> object:
    return (None, -1) if aborted() else original(*args)


def _find_catcher(original: Callable[..., Any], *args: object) -> object:
    return None if aborted() else original(*args)
