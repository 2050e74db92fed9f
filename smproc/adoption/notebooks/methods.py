"""The methods of text, lists and dictionaries."""

from __future__ import annotations

import ast
import string
from typing import TYPE_CHECKING, Any, Final

from smproc.adoption.code import Code, Reference, Text, join
from smproc.adoption.notebooks.values import Unknown

if TYPE_CHECKING:
    from smproc.adoption.notebooks.evaluator import Evaluator

_TEXT_METHODS: Final = {
    "capitalize",
    "endswith",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "title",
    "upper",
}
_LONGEST_SPECIFICATION: Final = 4  # a width of three digits


def call_method(
    interpreter: Evaluator,
    owner: Any,  # noqa: ANN401
    method: str,
    positional: list[Any],
    keywords: dict[str, Any],
    node: ast.Call,
) -> Any:  # noqa: ANN401
    """Return the result of a method of text, a list or a dictionary; None for an owner of another kind."""
    if isinstance(owner, str | Text | Code | Reference):
        return _of_text(interpreter, owner, method, positional, keywords, node)
    if isinstance(owner, list):
        return _of_list(owner, method, positional, interpreter.unknown(node))
    if isinstance(owner, dict):
        return _of_dict(owner, method, positional, keywords, interpreter.unknown(node))
    return None


def formatted(value: Any, spec: Any, conversion: str) -> Any:  # noqa: ANN401
    """Return a value as an f-string or ``str.format`` writes it; as it is, if that cannot be told."""
    if (
        isinstance(value, str | int | float | bool | None)
        and isinstance(spec, str)
        and len(spec) <= _LONGEST_SPECIFICATION
    ):
        text = repr(value) if conversion == "r" else str(value) if conversion == "s" else value
        try:
            return format(text, spec)
        except (TypeError, ValueError):
            return str(value)
    return value


def _of_text(  # noqa: PLR0911 - one case for each method
    interpreter: Evaluator,
    owner: str | Text | Code | Reference,
    method: str,
    positional: list[Any],
    keywords: dict[str, Any],
    node: ast.Call,
) -> Any:  # noqa: ANN401
    unknown = interpreter.unknown(node)
    if method == "format" and isinstance(owner, str):
        return _format(interpreter, owner, positional, keywords) or unknown
    if method == "join" and isinstance(owner, str) and positional and isinstance(positional[0], list | tuple):
        texts = [interpreter.known.text(one) for one in positional[0]]
        if any(one is None for one in texts):
            return unknown
        parts = [part for one in texts for part in (owner, one)][1:]
        return join(*parts)
    if method in _TEXT_METHODS and isinstance(owner, str):
        try:
            return getattr(owner, method)(*positional, **keywords)
        except (LookupError, TypeError, ValueError):
            return unknown
    if method in ("strip", "rstrip", "lower") and not positional:
        return owner
    return unknown


def _format(interpreter: Evaluator, template: str, positional: list[Any], keywords: dict[str, Any]) -> Any:  # noqa: ANN401
    parts: list[Any] = []
    position = 0
    try:
        for before, field, spec, conversion in string.Formatter().parse(template):
            parts.append(before)
            if field is None:
                continue
            if field == "":
                value: Any = positional[position]
                position += 1
            else:
                value = positional[int(field)] if field.isdecimal() else keywords[field]
            parts.append(interpreter.known.text(formatted(value, spec or "", conversion or "")))
    except (LookupError, ValueError):
        return None
    return None if any(part is None for part in parts) else join(*parts)


def _of_list(owner: list[Any], method: str, positional: list[Any], unknown: Unknown) -> Any:  # noqa: ANN401
    match method, positional:
        case "append", [value]:
            owner.append(value)
        case "extend", [list() | tuple() as values]:
            owner.extend(values)
        case "insert", [int() as index, value]:
            owner.insert(index, value)
        case "copy", []:
            return list(owner)
        case _:
            return unknown
    return Unknown("None", "")


def _of_dict(  # noqa: PLR0911 - one case for each method
    owner: dict[Any, Any],
    method: str,
    positional: list[Any],
    keywords: dict[str, Any],
    unknown: Unknown,
) -> Any:  # noqa: ANN401
    match method, positional:
        case "get", [str() | int() as key, *default]:
            return owner.get(key, default[0] if default else unknown)
        case "update", []:
            owner.update(keywords)
        case "update", [dict() as values]:
            owner.update(values)
        case "copy", []:
            return dict(owner)
        case "items", []:
            return list(owner.items())
        case "keys", []:
            return list(owner)
        case "values", []:
            return list(owner.values())
        case _:
            return unknown
    return Unknown("None", "")
