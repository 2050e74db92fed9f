"""Step Functions, the interpreter: executions are run by an engine of ours, and the API reaches into them.

AWS: an execution interprets the Amazon States Language; StopExecution ends it for good, and with it what its ``.sync``
tasks wait for; SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat reach the task that waits for their token.
See: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html
See: https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html

ministack 1.5.33: `ministack.services.stepfunctions._run_execution` is an interpreter of its own, which ends a third of
the executions that were recorded in AWS otherwise; `ministack.services.stepfunctions._stop_execution` sets the status
and no more, so tasks go on; an unknown token is TaskDoesNotExist in AWS only if no task ever had it;
GetActivityTask gives a worker the tasks of executions that have ended, too.

Removable when: ministack's interpreter agrees with recordings of AWS, has a public extension point for integrations
that notifies them of an abort, and stops an execution's threads on StopExecution (1.5.33 does not).
"""

from __future__ import annotations

import enum
import json
import logging
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Protocol

from smproc.local.server.patches.registry import Names, Wrappers, core, service, takes

NAMES: Names = {
    "ministack.core.responses": {
        "error_response_json": takes("code", "message", "status", "extra"),
        "json_response": callable,
        "now_iso": takes(),
    },
    "ministack.services.stepfunctions": {
        "_activities": lambda value: callable(value.get),
        "_activity_tasks": lambda value: callable(value.get),
        "_get_activity_task": takes("data"),
        "_emit_execution_status_event": takes("execution"),
        "_map_runs": lambda value: callable(value.get) and callable(value.values),
        "_executions": lambda value: callable(value.get) and callable(value.values),
        "_fail_execution": takes("execution", "error", "cause"),
        "_register_sfn_jsonata_functions": takes("expr"),
        "_run_execution": takes("exec_arn"),
        "_send_task_failure": takes("data"),
        "_send_task_heartbeat": takes("data"),
        "_send_task_success": takes("data"),
        "_SFN_WAIT_SCALE": lambda value: isinstance(value, int | float),
        "_state_machines": lambda value: callable(value.get),
        "_stop_execution": takes("data"),
    },
}
_log = logging.getLogger(__name__)


class CallbackResult(enum.Enum):
    """The result of a callback: SendTaskSuccess, SendTaskFailure or SendTaskHeartbeat."""

    ACCEPTED = enum.auto()
    TIMED_OUT = enum.auto()
    UNKNOWN = enum.auto()


class Engine(Protocol):
    """An interpreter of state machines."""

    def run(self, record: MutableMapping[str, Any], machine: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Run an execution to its end, writing its events; return its final members, None if it was stopped."""

    def stop(self, execution_arn: str, error: str | None, cause: str | None) -> bool:
        """Stop an execution and what it waits for; return False if it does not run."""

    def succeed(self, token: str, output: str) -> CallbackResult:
        """End the task that waits for a token with success."""

    def fail(self, token: str, error: str | None, cause: str | None) -> CallbackResult:
        """End the task that waits for a token with an error."""

    def start_activity_task(self, token: str, worker_name: str | None) -> bool:
        """Start an activity task that a worker got; return False if nothing waits for it any more."""

    def heartbeat(self, token: str) -> CallbackResult:
        """Reset the heartbeat of the task that waits for a token."""


_engines: list[Engine] = []


def set_engine(engine: Engine) -> None:
    """Set the interpreter that runs executions from now on.

    Args:
        engine: the interpreter.
    """
    _engines[:] = [engine]


def register_jsonata_functions(expression: object) -> None:
    """Register the functions that Step Functions adds to JSONata.

    Args:
        expression: a compiled expression of jsonata-python.
    """
    service("stepfunctions")._register_sfn_jsonata_functions(expression)


def record_map_run(run: Mapping[str, Any]) -> None:
    """Keep the record of a map run, which ListMapRuns and DescribeMapRun report.

    Args:
        run: the record, which may change.
    """
    service("stepfunctions")._map_runs[run["mapRunArn"]] = run


def map_run(arn: str) -> MutableMapping[str, Any] | None:
    """Return the record of a map run, None if there is none.

    Args:
        arn: its ARN.
    """
    record: MutableMapping[str, Any] | None = service("stepfunctions")._map_runs.get(arn)
    return record


def record_child_execution(execution: Mapping[str, Any]) -> None:
    """Keep the record of a child execution of a map run, which ListExecutions and DescribeExecution report.

    Args:
        execution: the record, which may change.
    """
    service("stepfunctions")._executions[execution["executionArn"]] = execution


def has_activity(arn: str) -> bool:
    """Return whether there is an activity.

    Args:
        arn: its ARN.
    """
    return arn in service("stepfunctions")._activities


def add_activity_task(arn: str, token: str, task_input: str) -> None:
    """Add a task to those of an activity, for the next worker that asks.

    Args:
        arn: the activity's ARN.
        token: the task token.
        task_input: the task's input, in JSON.
    """
    service("stepfunctions")._activity_tasks[arn].append({"taskToken": token, "input": task_input})


def wait_scale() -> float:
    """Return the factor of waits, which ministack takes from the variable SFN_WAIT_SCALE; 1 by default."""
    return float(service("stepfunctions")._SFN_WAIT_SCALE)


def _run_execution(original: Callable[..., Any], exec_arn: str) -> None:
    states = service("stepfunctions")
    execution = states._executions.get(exec_arn)
    machine = execution and states._state_machines.get(execution["stateMachineArn"])
    if not machine or not _engines:
        original(exec_arn)
        return
    try:
        end = _engines[0].run(execution, machine)
    except Exception as error:  # noqa: BLE001 - an execution fails, whatever the engine raises
        _log.exception("The engine failed in %s", exec_arn)
        states._fail_execution(execution, "States.Runtime", str(error))
        execution["output"] = None  # ministack has the error there too
        return
    if end is not None:
        execution.update(end, stopDate=core("responses").now_iso())
        states._emit_execution_status_event(execution)


def _stop_execution(original: Callable[..., Any], data: Mapping[str, Any]) -> object:
    if _engines:
        _engines[0].stop(str(data.get("executionArn")), data.get("error"), data.get("cause"))
    response = original(data)
    execution = service("stepfunctions")._executions.get(data.get("executionArn"))
    if execution is not None and execution["events"]:
        execution["events"][-1].setdefault("previousEventId", 0)
    return response


def _send_task_success(original: Callable[..., Any], data: Mapping[str, Any]) -> object:
    try:
        return _callback(original, data, lambda engine, token: engine.succeed(token, data.get("output", "{}")))
    except ValueError as error:
        return core("responses").error_response_json("InvalidOutput", f"Invalid output: '{error}'", 400)


def _send_task_failure(original: Callable[..., Any], data: Mapping[str, Any]) -> object:
    return _callback(original, data, lambda engine, token: engine.fail(token, data.get("error"), data.get("cause")))


def _send_task_heartbeat(original: Callable[..., Any], data: Mapping[str, Any]) -> object:
    return _callback(original, data, lambda engine, token: engine.heartbeat(token))


async def _get_activity_task(original: Callable[..., Any], data: Mapping[str, Any]) -> object:
    while True:
        response = await original(data)
        token = json.loads(response[2]).get("taskToken")
        if not token or not _engines or _engines[0].start_activity_task(token, data.get("workerName")):
            return response


def _callback(
    original: Callable[..., Any], data: Mapping[str, Any], send: Callable[[Engine, str], CallbackResult]
) -> object:
    result = send(_engines[0], str(data.get("taskToken"))) if _engines else CallbackResult.UNKNOWN
    responses = core("responses")
    if result is CallbackResult.UNKNOWN:
        return original(data)
    if result is CallbackResult.TIMED_OUT:
        message = "Task Timed Out: 'Provided task does not exist anymore'"
        return responses.error_response_json("TaskTimedOut", message, 400)
    return responses.json_response({})


WRAPPERS: Wrappers = {
    "ministack.services.stepfunctions": {
        "_run_execution": _run_execution,
        "_stop_execution": _stop_execution,
        "_get_activity_task": _get_activity_task,
        "_send_task_success": _send_task_success,
        "_send_task_failure": _send_task_failure,
        "_send_task_heartbeat": _send_task_heartbeat,
    }
}
