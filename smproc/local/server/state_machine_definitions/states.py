"""The states of a machine, one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cdk_sagemaker_processing.model.json_paths import looks_dynamic
from smproc.local.server.state_machine_definitions.choices import check_choices
from smproc.local.server.state_machine_definitions.diagnostics import Findings
from smproc.local.server.state_machine_definitions.jsonata_expressions import check_expressions
from smproc.local.server.state_machine_definitions.maps import check_map
from smproc.local.server.state_machine_definitions.shapes import STATE_TYPES, check_object
from smproc.local.server.state_machine_definitions.tasks import check_task
from smproc.local.server.state_machine_definitions.templates import DYNAMIC

_ALL: Final = "States.ALL"


def check_state(state: Mapping[str, Any], location: str, *, machine_jsonata: bool, findings: Findings) -> None:
    """Check a state, without the machines within it.

    Args:
        state: the state.
        location: where it is.
        machine_jsonata: whether the query language of the whole machine is JSONata.
        findings: where errors are added.
    """
    kind = state.get("Type")
    if "Type" not in state:
        findings.error("These fields are required: [Type]", location)
        return
    if kind not in STATE_TYPES:
        message = f"The field 'Type' should have one of these values: [{', '.join(STATE_TYPES)}]"
        findings.error(message, f"{location}/Type")
        return
    if machine_jsonata and state.get("QueryLanguage") == "JSONPath":
        # AWS reports nothing else of such a state.
        findings.error("'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine", location)
        return
    jsonata = is_jsonata(state, inherited=machine_jsonata)
    check_object(kind, state, location, jsonata=jsonata, findings=findings)
    for field in ("Retry", "Catch"):
        _check_error_names(state.get(field), f"{location}/{field}", findings)
    if jsonata:
        check_expressions(state, location, findings)
    if kind == "Choice":
        check_choices(state.get("Choices"), f"{location}/Choices", jsonata=jsonata, findings=findings)
    elif kind == "Task":
        check_task(state, location, jsonata=jsonata, findings=findings)
    elif kind == "Map":
        check_map(state, location, findings)
    if not jsonata:
        _warn(state, location, findings)


def is_jsonata(owner: Mapping[str, Any], *, inherited: bool) -> bool:
    """Return whether the query language of a state or machine is JSONata.

    Whatever is not ``JSONPath`` counts as JSONata; that it is invalid is reported with the field.
    """
    return owner["QueryLanguage"] != "JSONPath" if "QueryLanguage" in owner else inherited


def _check_error_names(handlers: object, location: str, findings: Findings) -> None:
    """Check the errors of the retriers or catchers of a state: States.ALL is alone, and in the last of them."""
    if not isinstance(handlers, list):
        return
    for index, handler in enumerate(handlers):
        listed = handler.get("ErrorEquals") if isinstance(handler, dict) else None
        names: list[Any] = listed if isinstance(listed, list) else []
        for position, name in enumerate(names):
            where = f"{location}[{index}]/ErrorEquals[{position}]"
            if not isinstance(name, str):
                findings.error("Expected value of type [STRING]", where)
            elif name == _ALL and (len(names) > 1 or index < len(handlers) - 1):
                findings.error(f"{_ALL} must appear alone and at end of list", where)


def _warn(state: Mapping[str, Any], location: str, findings: Findings) -> None:
    for field in ("Seconds", "Timestamp", "TimeoutSeconds", "HeartbeatSeconds", "Error", "Cause"):
        value = state.get(field)
        if isinstance(value, str) and looks_dynamic(value):
            findings.warning(
                "NO_PATH",
                f"The value of the field '{field}' looks like a path, but the field's name does not end with 'Path'",
                f"{location}/{field}",
            )
    result = state.get("Result")
    dynamic = isinstance(result, dict) and any(name.endswith(DYNAMIC) for name in result)
    if dynamic or (isinstance(result, str) and looks_dynamic(result)):
        findings.warning(
            "PASS_RESULT_IS_STATIC",
            "The field 'Result' is a constant: no path in it is evaluated",
            f"{location}/Result",
        )
