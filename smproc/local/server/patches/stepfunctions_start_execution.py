"""Step Functions, StartExecution: a repeated start of a running execution succeeds.

AWS: for a standard workflow, StartExecution with the name and the input of a running execution succeeds and returns
the response to the first request. With another input, or after the execution's end, it fails with
ExecutionAlreadyExists.
See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html

ministack 1.5.33: `ministack.services.stepfunctions._start_execution` fails with ExecutionAlreadyExists whenever the
name is taken.

Removable when: `_start_execution` compares the input with that of a running execution (not so in 1.5.33).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from smproc.local.server.patches.hosting import request_account, request_region
from smproc.local.server.patches.registry import Names, Wrappers, core, service, takes

NAMES: Names = {
    "ministack.core.responses": {"json_response": callable},
    "ministack.services.stepfunctions": {
        "_start_execution": takes("data"),
        "_resolve_state_machine_arn": takes("arn"),
        "_executions": lambda value: callable(value.get) and callable(value.values),
        "_state_machines": lambda value: callable(value.get),
    },
}

# Reentrant: the event of a started execution may start another one through a rule before the first start returns.
_lock = threading.RLock()


def _start_execution(original: Callable[..., Any], data: Mapping[str, Any]) -> object:
    with _lock:
        execution = _running_execution(data)
        if execution is None:
            return original(data)
        return core("responses").json_response({name: execution[name] for name in ("executionArn", "startDate")})


def _running_execution(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the running execution with the request's name and input, None if there is none."""
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


WRAPPERS: Wrappers = {"ministack.services.stepfunctions": {"_start_execution": _start_execution}}
