"""CloudFormation: the definition and the name of an AWS::StepFunctions::StateMachine are validated.

AWS: the resource is created and updated through CreateStateMachine and UpdateStateMachine, so an invalid definition
fails the stack, with that error as the reason. Exactly one of Definition, DefinitionString and DefinitionS3Location is
allowed.
See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-stepfunctions-statemachine.html

ministack 1.5.33: `ministack.services.cloudformation.provisioners._sfn_state_machine_create` stores the machine without
the API; `_sfn_state_machine_update` uses the API, but its reason is the whole response.

Removable when: both use the API and report its errors as the reason (not so in 1.5.33).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

from smproc.local.server.patches.registry import Names, service, takes
from smproc.local.server.patches.stepfunctions_definitions import refusal

_TYPE: Final = "AWS::StepFunctions::StateMachine"
_DEFINITIONS: Final = ("DefinitionS3Location", "DefinitionString", "Definition")
NAMES: Names = {
    "ministack.services.cloudformation.provisioners": {
        "_RESOURCE_HANDLERS": lambda value: (
            takes("logical_id", "props", "stack_name")(value[_TYPE]["create"])
            and takes("physical_id", "old_props", "new_props", "stack_name", "logical_id")(value[_TYPE]["update"])
        ),
        "_sfn_definition": takes("props"),
        "_sfn_handler_error": takes("message"),
        "_sfn_service_error": takes("resp"),
    },
}


def apply() -> None:
    """Validate before the resource is created or updated."""
    handlers = service("cloudformation.provisioners")._RESOURCE_HANDLERS[_TYPE]
    # The position of the properties among the arguments.
    for verb, position in (("create", 1), ("update", 2)):
        handlers[verb] = _validated(handlers[verb], position)


def _validated(original: Callable[..., Any], position: int) -> Callable[..., Any]:
    @functools.wraps(original)
    def handler(*args: Any, **kwargs: Any) -> object:
        _check(args[position])
        return original(*args, **kwargs)

    return handler


def _check(properties: Mapping[str, Any]) -> None:
    provisioners = service("cloudformation.provisioners")
    if sum(properties.get(name) is not None for name in _DEFINITIONS) != 1:
        raise provisioners._sfn_handler_error(
            "Property validation failed. Please use one of [DefinitionS3Location], [DefinitionString] or [Definition]."
        )
    refused = refusal(
        definition=provisioners._sfn_definition(properties),
        express=properties.get("StateMachineType") == "EXPRESS",
        role=properties.get("RoleArn"),
        name=properties.get("StateMachineName"),
    )
    if refused is not None:
        raise provisioners._sfn_service_error(refused)
