"""Step Functions, RedriveExecution: an execution that did not succeed goes on from the state at which it ended.

AWS: RedriveExecution runs a failed, aborted or timed-out execution of a standard workflow again from the state at which
it ended, with that state's input, the variables and the history so far. DescribeExecution reports redrives.
See: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_RedriveExecution.html

ministack 1.5.33: `ministack.services.stepfunctions.handle_request` does not know the action, and
`ministack.services.stepfunctions._describe_execution` reports no redrives.

Removable when: a release of ministack has the action (1.5.33 does not) and hands it to the interpreter.
"""

from __future__ import annotations

import contextvars
import json
import threading
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any

from smproc.local.server.patches.registry import Names, Wrappers, core, service, takes

NAMES: Names = {
    "ministack.core.responses": {
        "error_response_json": takes("code", "message", "status", "extra"),
        "json_response": callable,
        "now_iso": takes(),
    },
    "ministack.services.stepfunctions": {
        "_add_event": takes("execution", "event_type", "details"),
        "_describe_execution": takes("data"),
        "_emit_execution_status_event": takes("execution"),
        "_executions": lambda value: callable(value.get) and callable(value.values),
        "_finalize_response": takes("response"),
        "_run_execution": takes("exec_arn"),
        "_state_machines": lambda value: callable(value.get),
        "handle_request": takes("method", "path", "headers", "body", "query_params"),
    },
}

_REDRIVABLE = ("FAILED", "ABORTED", "TIMED_OUT")
# Two events must fit: the redrive's own, and one more.
_EVENTS_MAX = 24_999
_REDRIVABLE_PERIOD = timedelta(days=14)
_OK = 200
_lock = threading.Lock()


def add_redriven_event(execution: MutableMapping[str, Any]) -> None:
    """Add the event that an execution is redriven to its history.

    Args:
        execution: ministack's record of the execution, with its number of redrives.
    """
    details = {
        "previousEventId": len(execution["events"]),
        "executionRedrivenEventDetails": {"redriveCount": execution["redriveCount"]},
    }
    service("stepfunctions")._add_event(execution, "ExecutionRedriven", details)


async def _handle_request(original: Callable[..., Any], *request: Any) -> object:
    _method, _path, headers, body, _query = request
    if not headers.get("x-amz-target", "").endswith(".RedriveExecution"):
        return await original(*request)
    return _answer(body)


def _answer(body: bytes) -> object:
    try:
        data = json.loads(body or b"{}")
    except ValueError:
        return core("responses").error_response_json("SerializationException", "Invalid JSON", 400)
    return service("stepfunctions")._finalize_response(_redrive_execution(data))


def _redrive_execution(data: Mapping[str, Any]) -> object:
    states = service("stepfunctions")
    responses = core("responses")
    arn = data.get("executionArn")
    execution = states._executions.get(arn)
    if execution is None:
        return responses.error_response_json("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'", 400)
    with _lock:
        reason = _refusal(execution)
        if execution.get("mapRunArn"):
            reason = reason or "Execution belongs to a map run: redrive the execution that started the map run"
        if reason is not None:
            return responses.error_response_json("ExecutionNotRedrivable", reason, 400)
        now = responses.now_iso()
        for member in ("error", "cause"):
            execution.pop(member, None)
        execution.update(
            status="RUNNING",
            stopDate=None,
            output=None,
            redriveCount=execution.get("redriveCount", 0) + 1,
            redriveDate=now,
        )
    add_redriven_event(execution)
    states._emit_execution_status_event(execution)
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(states._run_execution, arn), daemon=True).start()
    return responses.json_response({"redriveDate": now})


def _refusal(execution: Mapping[str, Any]) -> str | None:
    """Return why an execution cannot be redriven, None if it can."""
    if execution["status"] not in _REDRIVABLE:
        return f"Execution is {execution['status']} and cannot be redriven"
    if len(execution["events"]) >= _EVENTS_MAX:
        return "Execution history event limit exceeded"
    if datetime.now(tz=UTC) - datetime.fromisoformat(execution["stopDate"]) > _REDRIVABLE_PERIOD:
        return "Execution redrivable period exceeded"
    machine = service("stepfunctions")._state_machines.get(execution["stateMachineArn"])
    if not execution.get("mapRunArn") and (machine is None or machine.get("type", "STANDARD") != "STANDARD"):
        return "Execution cannot be redriven: it is no execution of a standard workflow that exists"
    return None


def _describe_execution(original: Callable[..., Any], data: Mapping[str, Any]) -> object:
    status, headers, body = original(data)
    execution = service("stepfunctions")._executions.get(data.get("executionArn"))
    if status != _OK or execution is None:
        return status, headers, body
    reason = _refusal(execution)
    redrivable = "REDRIVABLE_BY_MAP_RUN" if execution.get("mapRunArn") else "REDRIVABLE"
    redrives = {
        "redriveCount": execution.get("redriveCount", 0),
        "redriveStatus": redrivable if reason is None else "NOT_REDRIVABLE",
        **({} if reason is None else {"redriveStatusReason": reason}),
        **({"redriveDate": execution["redriveDate"]} if "redriveDate" in execution else {}),
    }
    return core("responses").json_response({**json.loads(body), **redrives})


WRAPPERS: Wrappers = {
    "ministack.services.stepfunctions": {
        "_describe_execution": _describe_execution,
        "handle_request": _handle_request,
    }
}
