"""StartExecution for an execution that runs already: AWS answers as if it had just started."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from smproc.local.server.patches.hosting import request_account, request_region
from smproc.local.server.patches.registry import Names, responses, service, takes, wrap

NAMES: Names = {
    "ministack.core.responses": {"json_response": callable},
    "ministack.services.stepfunctions": {
        "_start_execution": takes("data"),
        "_resolve_state_machine_arn": takes("arn"),
        "_executions": lambda value: callable(value.get) and callable(value.values),
        "_state_machines": lambda value: callable(value.get),
    },
}

# Reentrant: a started execution's event may start another one, by a rule, before the first start returns.
_starting = threading.RLock()


def apply() -> None:
    """Let ministack take the same start twice."""
    wrap(service("stepfunctions"), "_start_execution", _start_execution)


def _start_execution(original: Callable[..., Any], data: Mapping[str, Any]) -> object:
    with _starting:
        running = _running(data)
        if running is None:
            return original(data)
        return responses().json_response({name: running[name] for name in ("executionArn", "startDate")})


def _running(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The execution that a request asks for, when it runs on the request's very input."""
    states = service("stepfunctions")
    machine = states._state_machines.get(
        states._resolve_state_machine_arn(str(data.get("stateMachineArn", "")).partition("#")[0])
    )
    if machine is None or machine.get("type", "STANDARD") != "STANDARD":
        return None
    arn = f"arn:aws:states:{request_region()}:{request_account()}:execution:{machine['name']}:{data.get('name')}"
    execution: Mapping[str, Any] | None = states._executions.get(arn)
    if execution is None or execution["status"] != "RUNNING" or execution["input"] != data.get("input", "{}"):
        return None
    return execution
