"""Cloud Control, UpdateResource: a state machine's definition and role.

AWS: UpdateResource changes any resource that supports it by a JSON patch of its properties. The CDK CLI hotswaps the
definition of a state machine with it.
See: https://docs.aws.amazon.com/cloudcontrolapi/latest/APIReference/API_UpdateResource.html
See: https://docs.aws.amazon.com/cdk/v2/guide/ref-cli-cmd-deploy.html

ministack 1.5.33: `ministack.services.cloudcontrol._update_resource` knows only resources that were created through
Cloud Control, so it answers ResourceNotFoundException for one of a stack.

Removable when: `_update_resource` updates state machines that a stack created (not so in 1.5.33).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from smproc.local.server.patches.registry import Names, Wrappers, core, service, takes

NAMES: Names = {
    "ministack.core.responses": {
        "error_response_json": takes("code", "message", "status", "extra"),
        "json_response": callable,
    },
    "ministack.services.cloudcontrol": {
        "_update_resource": takes("data"),
        "_progress_event": lambda function: (
            function.__code__.co_varnames[:4] == ("operation", "status", "type_name", "identifier")
        ),
        "_record_request": takes("event"),
    },
    "ministack.services.stepfunctions": {"_update_state_machine": takes("data")},
}

_TYPE: Final = "AWS::StepFunctions::StateMachine"
# The properties that can be patched, with the names that UpdateStateMachine has for them.
_PARAMETERS: Final = {"/DefinitionString": "definition", "/RoleArn": "roleArn"}


def _update_resource(original: Callable[..., Any], data: Mapping[str, Any]) -> object:
    if data.get("TypeName") != _TYPE:
        return original(data)
    request = {"stateMachineArn": data.get("Identifier")}
    for operation in json.loads(data.get("PatchDocument", "[]")):
        path, verb = operation.get("path"), operation.get("op")
        if path not in _PARAMETERS or verb not in {"add", "replace"}:
            return core("responses").error_response_json(
                "UnsupportedActionException", f"The local AWS cannot {verb} {path} of a state machine", 400
            )
        request[_PARAMETERS[path]] = operation["value"]
    status, headers, body = service("stepfunctions")._update_state_machine(request)
    if status != 200:  # noqa: PLR2004 - OK
        return status, headers, body
    cloudcontrol = service("cloudcontrol")
    event = cloudcontrol._progress_event("UPDATE", "SUCCESS", type_name=_TYPE, identifier=data["Identifier"])
    return core("responses").json_response({"ProgressEvent": cloudcontrol._record_request(event)})


WRAPPERS: Wrappers = {"ministack.services.cloudcontrol": {"_update_resource": _update_resource}}
