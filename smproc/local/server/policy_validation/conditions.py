"""The conditions of a statement: operators, the form of keys, and values.

See: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final

from smproc.local.server.policy_validation.actions import has_wildcard
from smproc.local.server.policy_validation.documents import Node
from smproc.local.server.policy_validation.findings import Finding

_COMPARED: Final = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
# In which a wildcard is a character like others.
_EXACT: Final = ("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase")
_TEXTS: Final = (*_EXACT, "StringLike", "StringNotLike")
_ARNS: Final = ("ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike")
_NUMBERS: Final = tuple(f"Numeric{how}" for how in _COMPARED)
_DATES: Final = tuple(f"Date{how}" for how in _COMPARED)
_ADDRESSES: Final = ("IpAddress", "NotIpAddress")
_OPERATORS: Final = {
    each.lower() for each in (*_TEXTS, *_ARNS, *_NUMBERS, *_DATES, *_ADDRESSES, "BinaryEquals", "Bool", "Null")
}
_WITH_VARIABLES: Final = {each.lower() for each in (*_TEXTS, *_ARNS)}
_PARTS: Final = re.compile(r"(?:ForAllValues:|ForAnyValue:)?(?P<name>.*?)(?P<suffix>IfExists)?", re.IGNORECASE)


def condition_findings(condition: Node) -> Iterator[Finding]:
    """Yield what is wrong with the conditions of a statement."""
    if not isinstance(condition.value, dict):
        yield Finding("DATA_TYPE_MISMATCH", condition, ("Object",))
        return
    if not condition.value:
        yield Finding("EMPTY_OBJECT_CONDITION", condition)
    for operator, keys in condition.value.items():
        parts = _PARTS.fullmatch(operator)
        name = (parts["name"] if parts else operator).lower()
        if name not in _OPERATORS:
            yield Finding("INVALID_CONDITION_OPERATOR", keys, (operator,))
        elif name == "null" and parts and parts["suffix"]:
            yield Finding("NULL_WITH_IF_EXISTS", keys)
        elif not isinstance(keys.value, dict):
            yield Finding("DATA_TYPE_MISMATCH", keys, ("Object",))
        else:
            yield from _key_findings(operator, name, keys)


def _key_findings(operator: str, name: str, keys: Node) -> Iterator[Finding]:
    if not keys.value:
        yield Finding("EMPTY_OBJECT_CONDITION", keys)
    seen: set[str] = set()
    for key, values in keys.value.items():
        if key.lower() in seen:
            yield Finding("DUPLICATE_KEYS_WITH_DIFFERENT_CASE", values, (key,))
        seen.add(key.lower())
        if ":" not in key:
            yield Finding("INVALID_CONDITION_KEY_FORMAT", values)
        if values.value == [] and operator.lower() == name:
            yield Finding("EMPTY_ARRAY_CONDITION", values, (key,))
        for node in values.items:
            yield from _value_findings(operator, name, node)


def _value_findings(operator: str, name: str, node: Node) -> Iterator[Finding]:
    if isinstance(node.value, dict | list) or node.value is None:
        yield Finding("DATA_TYPE_MISMATCH", node, ("String",))
        return
    # IAM takes numbers and Booleans, too.
    text = str(node.value).lower() if isinstance(node.value, bool) else str(node.value)
    if "${" in text:
        if name not in _WITH_VARIABLES:
            yield Finding("INVALID_VARIABLE_FOR_OPERATOR", node)
    elif name in _VALUES:
        code, is_valid = _VALUES[name]
        if not is_valid(text):
            yield Finding(code, node, (operator,))
    elif has_wildcard(text) and name in {each.lower() for each in _EXACT}:
        yield Finding("WILDCARD_WITHOUT_LIKE_OPERATOR", node)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", text) is not None


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        # Seconds since 1970, or parts of a date.
        return re.fullmatch(r"\d+|\d{4}-\d{2}", text) is not None
    return True


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


_VALUES: Final[Mapping[str, tuple[str, Callable[[str], bool]]]] = {
    **dict.fromkeys(("bool", "null"), ("TYPE_MISMATCH_BOOLEAN", lambda text: text.lower() in ("true", "false"))),
    **dict.fromkeys((each.lower() for each in _NUMBERS), ("TYPE_MISMATCH_NUMBER", _is_number)),
    **dict.fromkeys((each.lower() for each in _DATES), ("TYPE_MISMATCH_DATE", _is_date)),
    **dict.fromkeys((each.lower() for each in _ADDRESSES), ("TYPE_MISMATCH_IP_RANGE", _is_address)),
}
