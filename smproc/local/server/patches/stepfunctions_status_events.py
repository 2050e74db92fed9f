"""The event "Step Functions Execution Status Change": for all that ends badly what ministack says of failures alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from smproc.local.server.patches.registry import Names, service, takes, wrap

NAMES: Names = {
    "ministack.services.eventbridge": {"_put_events": takes("data", "allow_aws_source")},
    "ministack.services.stepfunctions": {
        "_emit_execution_status_event": takes("execution"),
        "_state_machines": lambda value: callable(value.get),
    },
}

_REDRIVABLE = ("FAILED", "ABORTED", "TIMED_OUT")
# The execution whose event the calling thread is about to hand to EventBridge.
_execution: ContextVar[Mapping[str, Any] | None] = ContextVar("smproc_status_of", default=None)


def apply() -> None:
    """Let the events say what became of an execution that was aborted or timed out."""
    wrap(service("stepfunctions"), "_emit_execution_status_event", _emit)
    wrap(service("eventbridge"), "_put_events", _put)


def _emit(original: Callable[..., Any], execution: Mapping[str, Any]) -> None:
    machine = service("stepfunctions")._state_machines.get(execution["stateMachineArn"])
    if machine is not None and machine.get("type") == "EXPRESS":
        return
    token = _execution.set(execution)
    try:
        original(execution)
    finally:
        _execution.reset(token)


def _put(original: Callable[..., Any], data: Mapping[str, Any], allow_aws_source: bool = False) -> object:  # noqa: FBT001, FBT002 - ministack's own
    execution = _execution.get()
    if execution is None:
        return original(data, allow_aws_source)
    # What the event sets off may put events of its own.
    token = _execution.set(None)
    (entry,) = data["Entries"]
    detail = json.loads(entry["Detail"])
    if execution["status"] in _REDRIVABLE:
        detail |= {
            "redriveStatus": "REDRIVABLE",
            "redriveStatusReason": None,
            "error": execution.get("error"),
            "cause": execution.get("cause"),
        }
    try:
        return original({"Entries": [{**entry, "Detail": json.dumps(detail)}]}, allow_aws_source)
    finally:
        _execution.reset(token)
