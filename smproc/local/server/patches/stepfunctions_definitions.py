"""Step Functions: a definition is validated before a state machine is created or updated, and on request.

AWS: CreateStateMachine and UpdateStateMachine refuse an invalid definition with InvalidDefinition, an invalid name with
InvalidName, and a role that is none with InvalidArn; ValidateStateMachineDefinition answers with what it finds. A
definition has at most 1 MiB.
See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html
See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_UpdateStateMachine.html
See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html

ministack 1.5.33: `ministack.services.stepfunctions._create_state_machine` and `_update_state_machine` refuse only
JSONata expressions that do not parse; `_validate_state_machine_definition` finds nothing, ever.

Removable when: `_create_state_machine`, `_update_state_machine` and `_validate_state_machine_definition` refuse what
AWS refuses (not so in 1.5.33).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from smproc.local.server.patches.registry import Names, Wrappers, core, service, takes
from smproc.local.server.state_machine_definitions import Diagnostic, invalid_definition, validate

NAMES: Names = {
    "ministack.core.responses": {
        "error_response_json": takes("code", "message", "status", "extra"),
        "json_response": callable,
    },
    "ministack.services.stepfunctions": {
        "_create_state_machine": takes("data"),
        "_update_state_machine": takes("data"),
        "_validate_state_machine_definition": takes("data"),
        "_state_machines": lambda value: callable(value.get),
    },
}

_LONGEST_NAME: Final = 80
_LONGEST_DEFINITION: Final = 1_048_576
_MOST_RESULTS: Final = 100
# See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html
_NOT_IN_A_NAME: Final = re.compile(
    r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\U0010ffff]"
)
_ROLE: Final = re.compile(r"arn:[^:]+:iam::\d{12}:role/.+")


def refusal(*, definition: object, express: bool, role: object, name: object = None) -> object | None:
    """Return the error with which AWS refuses a state machine, None if it does not.

    Args:
        definition: its definition.
        express: whether it is an Express workflow.
        role: the ARN of its role.
        name: its name, None if it has one already.
    """
    if isinstance(name, str):
        if len(name) > _LONGEST_NAME:
            return _too_long(name, "name", _LONGEST_NAME)
        if _NOT_IN_A_NAME.search(name):
            return _error("InvalidName", f"Invalid Name: '{name}'")
    if isinstance(role, str) and not _ROLE.fullmatch(role):
        return _error("InvalidArn", f"Invalid Role Arn: '{role}'")
    if not isinstance(definition, str):
        return None
    if len(definition) > _LONGEST_DEFINITION:
        return _too_long(definition, "definition", _LONGEST_DEFINITION)
    message = invalid_definition(validate(definition, express=express))
    return None if message is None else _error("InvalidDefinition", message)


def _create_state_machine(original: Callable[..., Any], data: Mapping[str, Any]) -> object:
    express = data.get("type") == "EXPRESS"
    refused = refusal(
        definition=data.get("definition"), express=express, role=data.get("roleArn"), name=data.get("name")
    )
    return original(data) if refused is None else refused


def _update_state_machine(original: Callable[..., Any], data: Mapping[str, Any]) -> object:
    machine = service("stepfunctions")._state_machines.get(data.get("stateMachineArn"))
    # Without a machine there is another error.
    if machine is not None:
        refused = refusal(
            definition=data.get("definition"), express=machine.get("type") == "EXPRESS", role=data.get("roleArn")
        )
        if refused is not None:
            return refused
    return original(data)


def _validate_state_machine_definition(_original: Callable[..., Any], data: Mapping[str, Any]) -> object:
    definition, most = str(data.get("definition", "")), data.get("maxResults") or _MOST_RESULTS
    if len(definition) > _LONGEST_DEFINITION:
        return _too_long(definition, "definition", _LONGEST_DEFINITION)
    if most > _MOST_RESULTS:
        return _error(
            "ValidationException",
            f"1 validation error detected: Value '{most}' at 'maxResults' failed to satisfy constraint: Member must "
            f"have value less than or equal to {_MOST_RESULTS}",
        )
    found = validate(definition, express=data.get("type") == "EXPRESS")
    severities = {"ERROR", data.get("severity")}
    reported = [diagnostic for diagnostic in found if diagnostic.severity in severities]
    return core("responses").json_response(
        {
            "result": "OK" if invalid_definition(found) is None else "FAIL",
            "diagnostics": [_described(diagnostic) for diagnostic in reported[:most]],
            "truncated": len(reported) > most,
        }
    )


def _described(diagnostic: Diagnostic) -> dict[str, str]:
    described = {"severity": diagnostic.severity, "code": diagnostic.code, "message": diagnostic.message}
    return described if diagnostic.location is None else {**described, "location": diagnostic.location}


def _too_long(value: str, field: str, longest: int) -> object:
    return _error(
        "ValidationException",
        f"1 validation error detected: Value '{value[:100]}' at '{field}' failed to satisfy constraint: Member must "
        f"have length less than or equal to {longest}",
    )


def _error(code: str, message: str) -> object:
    error: object = core("responses").error_response_json(code, message, 400)
    return error


WRAPPERS: Wrappers = {
    "ministack.services.stepfunctions": {
        "_create_state_machine": _create_state_machine,
        "_update_state_machine": _update_state_machine,
        "_validate_state_machine_definition": _validate_state_machine_definition,
    }
}
