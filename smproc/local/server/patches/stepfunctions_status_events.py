"""Step Functions: the event "Step Functions Execution Status Change" of executions that are aborted or time out.

AWS: the event of an execution that failed, was aborted or timed out carries its error and cause, and says that the
execution can be redriven. Express workflows publish no such event.
See: https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html

ministack 1.5.33: `ministack.services.stepfunctions._emit_execution_status_event` sets error, cause and redriveStatus of
failed executions alone, gives a redriveStatusReason to executions that can be redriven, and publishes the events of
express workflows.

Removable when: `_emit_execution_status_event` treats ABORTED and TIMED_OUT like FAILED and skips express workflows
(not so in 1.5.33).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from smproc.local.server.patches.registry import Names, Wrappers, service, takes

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


def _emit_execution_status_event(original: Callable[..., Any], execution: Mapping[str, Any]) -> None:
    machine = service("stepfunctions")._state_machines.get(execution["stateMachineArn"])
    if machine is not None and machine.get("type") == "EXPRESS":
        return
    token = _execution.set(execution)
    try:
        original(execution)
    finally:
        _execution.reset(token)


def _put_events(original: Callable[..., Any], data: Mapping[str, Any], allow_aws_source: bool = False) -> object:  # noqa: FBT001, FBT002 - ministack's signature
    execution = _execution.get()
    if execution is None:
        return original(data, allow_aws_source)
    # Whatever the event triggers may put events of its own.
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


WRAPPERS: Wrappers = {
    "ministack.services.stepfunctions": {"_emit_execution_status_event": _emit_execution_status_event},
    "ministack.services.eventbridge": {"_put_events": _put_events},
}
