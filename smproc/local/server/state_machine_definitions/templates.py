"""Payload templates: the fields whose names end with ``.$``, and the variables of Assign.

See: https://states-language.net/spec.html#payload-template
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cdk_sagemaker_processing.model.json_paths import is_intrinsic, is_path, looks_dynamic
from smproc.local.server.state_machine_definitions.diagnostics import Findings

DYNAMIC: Final = ".$"


def check_template(template: object, location: str, findings: Findings) -> None:
    """Check the dynamic fields of a payload template; AWS reports each at the template itself."""
    for name, value in _fields(template):
        if name.endswith(DYNAMIC):
            # A constant of another type is accepted, and is its own value.
            if isinstance(value, str) and not (is_path(value) or is_intrinsic(value)):
                findings.error(
                    f"The value for the field '{name}' must be a valid JSONPath or a valid intrinsic function call",
                    location,
                )
        elif isinstance(value, str) and looks_dynamic(value):
            findings.warning(
                "NO_DOLLAR",
                f"The value of the field '{name}' looks like a JSONPath or an intrinsic function call, but the name of "
                f"the field does not end with '{DYNAMIC}'",
                location,
            )


def check_variables(variables: object, location: str, *, jsonata: bool, findings: Findings) -> bool:
    """Check the variables that a state assigns, and return whether they are an object."""
    if not isinstance(variables, dict):
        findings.error("Expected value of type [OBJECT]", location)
        return False
    for field in variables:
        name = field if jsonata else field.removesuffix(DYNAMIC)
        if name == "states":
            findings.error(f"Cannot assign to reserved variable '${name}'.", location, code="RESERVED_VARIABLE_NAME")
        elif not name.isidentifier():
            findings.error(
                f"Invalid variable name '{name}': the variable name contains invalid characters.",
                location,
                code="INVALID_VARIABLE_NAME",
            )
    if not jsonata:
        check_template(variables, location, findings)
    return True


def _fields(template: object) -> Iterator[tuple[str, object]]:
    if isinstance(template, dict):
        for name, value in template.items():
            yield name, value
            yield from _fields(value)
    elif isinstance(template, list):
        for value in template:
            yield from _fields(value)
