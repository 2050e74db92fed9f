"""The values of fields: their type, range and syntax."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from cdk_sagemaker_processing.model.json_paths import is_intrinsic, is_path, is_reference_path, is_result_path
from smproc.local.server.state_machine_definitions.diagnostics import Findings
from smproc.local.server.state_machine_definitions.jsonata_expressions import is_expression
from smproc.local.server.state_machine_definitions.templates import check_template, check_variables

_TIMESTAMP: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")
_NOT_A_PATH: Final = "Value must be a valid JSONPath."
_NOT_A_REFERENCE: Final = "Value is not a Reference Path"

# What no expression stands for.
_STRUCTURES: Final = frozenset({"array", "object"})

# Checks a value; gets the specification of its field, and returns a message or None.
_Check = Callable[[Any, Mapping[str, Any]], str | None]


def check_value(value: object, field: Mapping[str, Any], location: str, *, jsonata: bool, findings: Findings) -> bool:
    """Check the value of a field.

    Args:
        value: the value.
        field: the field, as ``shapes.json`` describes it.
        location: where the field is.
        jsonata: whether the query language of the state is JSONata.
        findings: where errors are added.

    Returns:
        whether the value is of the type that the field has.
    """
    kind = field["type"]
    # Whether AWS refuses a null that stands for nothing is not documented.
    if value is None:
        return False
    if jsonata and kind not in _STRUCTURES and isinstance(value, str) and is_expression(value):
        return False
    if kind == "template":
        if not jsonata:
            check_template(value, location, findings)
        return True
    if kind == "variables":
        return check_variables(value, location, jsonata=jsonata, findings=findings)
    message = _CHECKS[kind](value, field)
    if message is not None:
        findings.error(message, location)
    return message is None


def _any(value: object, field: Mapping[str, Any]) -> str | None:
    del value, field
    return None


def _string(value: object, field: Mapping[str, Any]) -> str | None:
    if not isinstance(value, str):
        return "Expected value of type [STRING]"
    values = field.get("values")
    if values is not None and value not in values:
        return f"Value should be one of the following: [{', '.join(values)}]"
    return None


def _boolean(value: object, field: Mapping[str, Any]) -> str | None:
    del field
    return None if isinstance(value, bool) else "Expected value of type [BOOLEAN]"


def _object(value: object, field: Mapping[str, Any]) -> str | None:
    del field
    return None if isinstance(value, dict) else "Expected value of type [OBJECT]"


def _array(value: object, field: Mapping[str, Any]) -> str | None:
    if not isinstance(value, list):
        return "Expected value of type [ARRAY]"
    return "Value cannot be empty" if field.get("not_empty") and not value else None


def _integer(value: object, field: Mapping[str, Any]) -> str | None:
    # 5.0 is an integer, as in JSON Schema: whether AWS accepts it is not documented.
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        return "Expected value of type Integer"
    return _range(value, field)


def _number(value: object, field: Mapping[str, Any]) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "Expected value of type Number"
    return _range(value, field)


def _range(value: float, field: Mapping[str, Any]) -> str | None:
    minimum, maximum = field.get("minimum"), field.get("maximum")
    if minimum is not None and value < minimum:
        return f"Minimum value is {minimum}"
    if maximum is not None and value > maximum:
        return f"Maximum value is {maximum}"
    return None


def _timestamp(value: object, field: Mapping[str, Any]) -> str | None:
    if not isinstance(value, str):
        return _string(value, field)
    return None if _TIMESTAMP.fullmatch(value) else "String does not match RFC3339 timestamp"


def _path(value: object, field: Mapping[str, Any]) -> str | None:
    if not isinstance(value, str):
        return _string(value, field)
    return None if is_path(value) else _NOT_A_PATH


def _path_or_intrinsic(value: object, field: Mapping[str, Any]) -> str | None:
    return None if isinstance(value, str) and is_intrinsic(value) else _path(value, field)


def _reference_path(value: object, field: Mapping[str, Any]) -> str | None:
    message = _path(value, field)
    return message if message is not None or is_reference_path(str(value)) else _NOT_A_REFERENCE


def _result_path(value: object, field: Mapping[str, Any]) -> str | None:
    message = _path(value, field)
    return message if message is not None or is_result_path(str(value)) else _NOT_A_REFERENCE


def _number_path(value: object, field: Mapping[str, Any]) -> str | None:
    message = _reference_path(value, field)
    return message if message is not None or not str(value).startswith("$$") else _NOT_A_REFERENCE


_CHECKS: Final[Mapping[str, _Check]] = {
    "any": _any,
    "array": _array,
    "boolean": _boolean,
    "integer": _integer,
    "number": _number,
    "number_path": _number_path,
    "object": _object,
    "path": _path,
    "path_or_intrinsic": _path_or_intrinsic,
    "reference_path": _reference_path,
    "result_path": _result_path,
    "string": _string,
    "timestamp": _timestamp,
}
