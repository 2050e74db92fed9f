"""The resource of a Task state, and what it is called with.

See: https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html
See: https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from smproc.local.server.state_machine_definitions import sdk_models
from smproc.local.server.state_machine_definitions.diagnostics import Findings
from smproc.local.server.state_machine_definitions.shapes import read_table
from smproc.local.server.state_machine_definitions.templates import DYNAMIC

_ARN: Final = re.compile(r"arn:[^:\s]+:(?P<service>[^:\s]+):[^:\s]*:[^:\s]*:(?P<resource>\S.*)", re.DOTALL)
# Region and account are empty in what AWS documents; definitions that name them are in use.
_INTEGRATION: Final = re.compile(r"arn:[^:]+:states:[^:]*:[^:]*:(?P<name>.+)")
_ACTION: Final = re.compile(r"(?P<action>[^.]+)(\.(?P<pattern>.+))?")
_CALLBACK: Final = "waitForTaskToken"
_SYNC: Final = "'.sync' service integration"
# The optimized integrations: the patterns of each action, the fields that it needs, the service whose request it has,
# and, if the local AWS has only some of the actions, which.
_INTEGRATIONS: Final[Mapping[str, Mapping[str, Any]]] = read_table("integrations.json")


def check_task(state: Mapping[str, Any], location: str, *, jsonata: bool, findings: Findings) -> None:
    """Check the resource, the arguments, the credentials and the times of a task."""
    resource = state.get("Resource")
    if isinstance(resource, str):
        _check_resource(resource, state, location, jsonata=jsonata, findings=findings)
    _check_credentials(state, location, findings)
    timeout, heartbeat = state.get("TimeoutSeconds"), state.get("HeartbeatSeconds")
    if isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout:
        findings.error("HeartbeatSeconds must be smaller than TimeoutSeconds", f"{location}/HeartbeatSeconds")


def _check_resource(
    resource: str, state: Mapping[str, Any], location: str, *, jsonata: bool, findings: Findings
) -> None:
    where = f"{location}/Resource"
    arn = _ARN.fullmatch(resource)
    if arn is None or arn["service"] not in {"lambda", "states"}:
        findings.error("Value is not a valid resource ARN", where)
        return
    if arn["service"] == "lambda":
        return
    if arn["resource"].startswith("activity:"):
        if findings.express:
            findings.error("Express state machine does not support Activity ARN", where)
        return
    integration = _INTEGRATION.fullmatch(resource)
    if integration is None:
        findings.error("Value is not a valid resource ARN", where)
        return
    names = integration["name"].split(":", 2 if integration["name"].startswith("aws-sdk:") else 1)
    call = _ACTION.fullmatch(names[-1])
    if call is None or not _is_known(names, call["action"], call["pattern"]):
        findings.error(
            f"The resource provided {resource} is not recognized. The value is not a valid resource ARN, or the "
            "resource is not available in this region.",
            where,
        )
        return
    owner = ":".join(names[:-1])
    served = _INTEGRATIONS.get(owner, {}).get("local")
    if served is not None and call["action"] not in served:
        findings.error(f"The local AWS does not have {owner}:{call['action']}; it has {', '.join(served)}", where)
        return
    if findings.express and call["pattern"]:
        # The blank at the end of the first one is AWS's.
        pattern = "'.waitForTaskToken' service integration " if call["pattern"] == _CALLBACK else _SYNC
        findings.error(f"Express state machine does not support {pattern}", where)
    _check_arguments(names, call["action"], resource, state, location, jsonata=jsonata, findings=findings)


def _is_known(names: list[str], action: str, pattern: str | None) -> bool:
    match names:
        case ["aws-sdk", service, _]:
            return sdk_models.has_action(service, action) and pattern in {None, _CALLBACK}
        case [service, _] if service in _INTEGRATIONS:
            patterns = _INTEGRATIONS[service]["patterns"]
            allowed = patterns.get(action, patterns.get("*"))
            return allowed is not None and (pattern is None or pattern in allowed)
    return False


def _check_arguments(
    names: list[str],
    action: str,
    resource: str,
    state: Mapping[str, Any],
    location: str,
    *,
    jsonata: bool,
    findings: Findings,
) -> None:
    field = "Arguments" if jsonata else "Parameters"
    integration = _INTEGRATIONS.get(names[0], {})
    required = integration.get("required", {}).get(action, ())
    if field not in state:
        if required:
            findings.error(f"{field} field is required for resource ARN: {resource}", location)
        return
    arguments = state[field]
    if not isinstance(arguments, dict):
        return
    where = f"{location}/{field}"
    present = arguments if jsonata else [name.removesuffix(DYNAMIC) for name in arguments]
    for name in required:
        if name not in present:
            findings.error(f"The field '{name}' is required but was missing", where)
    service = sdk_models.service_of(names[1]) if names[0] == "aws-sdk" else integration.get("service")
    if service is None:
        return
    for name in sdk_models.unknown_members(service, action, arguments, jsonata=jsonata):
        findings.error(f"The field '{name}' is not supported by Step Functions", where)


def _check_credentials(state: Mapping[str, Any], location: str, findings: Findings) -> None:
    credentials = state.get("Credentials")
    if "Credentials" not in state:
        return
    if ":activity:" in str(state.get("Resource")):
        findings.error("The field 'Credentials' is not supported for activities", f"{location}/Credentials")
    elif isinstance(credentials, dict) and not {"RoleArn", f"RoleArn{DYNAMIC}"} & credentials.keys():
        findings.error("The field 'RoleArn' is required but was missing", f"{location}/Credentials")
