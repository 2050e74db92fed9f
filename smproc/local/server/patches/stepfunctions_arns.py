"""Step Functions, ARNs of requests: what is no ARN, names nothing, or names a machine of the other type.

AWS: an ARN of another form is InvalidArn; that of no execution is ExecutionDoesNotExist, that of no state machine
StateMachineDoesNotExist. ListExecutions of an Express workflow, and StartSyncExecution of a Standard one, are
StateMachineTypeNotSupported.
See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartSyncExecution.html

ministack 1.5.33: `ministack.services.stepfunctions._list_executions` lists nothing for what does not exist, or for an
Express workflow; `_start_sync_execution` runs every state machine; no ARN is InvalidArn, and the message that an
execution does not exist is another one.

Removable when: `_list_executions`, `_start_sync_execution` and the actions of executions answer so (not so in 1.5.33).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from smproc.local.server.patches.registry import Names, Wrappers, core, service, takes

_EXECUTION_ACTIONS: Final = ("_describe_execution", "_get_execution_history", "_list_map_runs", "_stop_execution")

NAMES: Names = {
    "ministack.core.responses": {"error_response_json": takes("code", "message", "status", "extra")},
    "ministack.services.stepfunctions": {
        **{action: takes("data") for action in _EXECUTION_ACTIONS},
        "_executions": lambda value: callable(value.get) and callable(value.values),
        "_list_executions": takes("data"),
        "_start_sync_execution": takes("data"),
        "_state_machines": lambda value: callable(value.get),
    },
}

_ARN: Final = re.compile(r"arn:[^:]+:states:[^:]+:\d{12}:\S+")
_OTHER_TYPE: Final = "This operation is not supported by this type of state machine"


def _of_execution(original: Callable[..., Any], data: Mapping[str, Any]) -> object:
    arn = str(data.get("executionArn"))
    if (refused := _invalid(arn)) is not None:
        return refused
    if service("stepfunctions")._executions.get(arn) is None:
        return _error("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
    return original(data)


def _list_executions(original: Callable[..., Any], data: Mapping[str, Any]) -> object:
    arn = data.get("stateMachineArn")
    refused = None if arn is None else _refused(arn, "STANDARD")
    return original(data) if refused is None else refused


def _start_sync_execution(original: Callable[..., Any], data: Mapping[str, Any]) -> object:
    refused = _refused(str(data.get("stateMachineArn")), "EXPRESS")
    return original(data) if refused is None else refused


def _refused(arn: str, machine_type: str) -> object | None:
    """Return the error for a state machine that does not exist or has another type, None if there is none."""
    if (refused := _invalid(arn)) is not None:
        return refused
    # Versions and aliases have a qualifier after the name, the machines of map runs a label.
    machine = service("stepfunctions")._state_machines.get(":".join(arn.split(":")[:7]).partition("/")[0])
    if machine is None:
        return _error("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
    if machine.get("type", "STANDARD") != machine_type:
        return _error("StateMachineTypeNotSupported", _OTHER_TYPE)
    return None


def _invalid(arn: str) -> object | None:
    return None if _ARN.fullmatch(arn) else _error("InvalidArn", f"Invalid arn: '{arn}'")


def _error(code: str, message: str) -> object:
    error: object = core("responses").error_response_json(code, message, 400)
    return error


WRAPPERS: Wrappers = {
    "ministack.services.stepfunctions": {
        **dict.fromkeys(_EXECUTION_ACTIONS, _of_execution),
        "_list_executions": _list_executions,
        "_start_sync_execution": _start_sync_execution,
    }
}
