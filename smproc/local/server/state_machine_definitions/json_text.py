"""The definition's text as JSON, with the messages of the parser that Step Functions uses (Jackson)."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from smproc.local.server.state_machine_definitions.diagnostics import Findings

_INVALID_JSON: Final = "INVALID_JSON_DESCRIPTION"
_EXPECTED: Final = "was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
# Jackson quotes this many characters of the source.
_QUOTED: Final = 500


class JsonObject(dict[str, Any]):
    """A JSON object that knows which of its names the text has more than once."""

    duplicates: tuple[str, ...] = ()


def parse(text: str, findings: Findings) -> JsonObject | None:
    """Return the definition as an object, None if it is none; why, is in the findings."""
    if not text.strip():
        findings.error("Definition must be a valid JSON object", None)
        return None
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        _report(text, error.pos, findings)
        return None
    except _NotJsonError as error:
        _report(text, text.find(str(error)), findings)
        return None
    except RecursionError:
        findings.error("The states are too deeply nested", None, code="TOO_DEEPLY_NESTED")
        return None
    if not isinstance(value, JsonObject):
        findings.error("Definition must be a valid JSON object", None)
        return None
    return value


class _NotJsonError(Exception):
    """A constant that Python's parser accepts and JSON does not have."""


def _refuse_constant(name: str) -> Any:  # noqa: ANN401 - a hook of the parser
    raise _NotJsonError(name)


def _object(pairs: list[tuple[str, Any]]) -> JsonObject:
    parsed = JsonObject(pairs)
    if len(parsed) != len(pairs):
        names = [name for name, _ in pairs]
        parsed.duplicates = tuple(sorted({name for name in names if names.count(name) > 1}))
    return parsed


def _report(text: str, position: int, findings: Findings) -> None:
    rest = text[position:]
    if (token := re.match(r"[\w$.-]+", rest)) is not None and not rest[0].isdigit():
        message, position = f"Unrecognized token '{token[0]}': {_EXPECTED}", position + len(token[0])
    elif rest:
        message = f"Unexpected character ('{rest[0]}' (code {ord(rest[0])}))"
    else:
        message = "Unexpected end-of-input"
    line, column = text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
    source = text[:_QUOTED]
    more = f"[truncated {len(text) - _QUOTED} chars]" if len(text) > _QUOTED else ""
    location = f'[Source: (String)"{source}"{more}; line: {line}, column: {column}]'
    findings.error(f"{message}\n at {location}", location, code=_INVALID_JSON)
