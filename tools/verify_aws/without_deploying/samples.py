"""Events for event patterns: one that a pattern matches, by its documentation, and some that it does not.

See: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_OTHER: Final = "something-else"
_ENVELOPE: Final = {
    "version": "0",
    "id": "17793124-05d4-b198-2fde-7ededc63b103",
    "detail-type": _OTHER,
    "source": _OTHER,
    "time": "2026-11-27T12:00:00Z",
    "resources": [],
    "detail": {},
}


class NoSampleError(ValueError):
    """A pattern with an operator that no pattern of this library has."""


def matching(pattern: Mapping[str, Any], *, account: str, region: str) -> dict[str, Any]:
    """Return an event that a pattern matches.

    Args:
        pattern: the pattern.
        account: the account of the event.
        region: its region.
    """
    event = copy.deepcopy({**_ENVELOPE, "account": account, "region": region})
    _fill(event, pattern)
    return event


def others(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield events that a pattern does not match: each differs from a matching one in one value.

    Args:
        pattern: the pattern.
        event: an event that it matches.

    Yields:
        The path of the value, and the event.
    """
    for path in _leaves(pattern):
        different = copy.deepcopy(dict(event))
        place = different
        for name in path[:-1]:
            place = place[name]
        # Shorter than any prefix, with no suffix, and no number of bytes.
        place[path[-1]] = -1 if isinstance(place[path[-1]], int) else _OTHER
        yield ".".join(path), different


def _fill(event: dict[str, Any], pattern: Mapping[str, Any]) -> None:
    for name, value in pattern.items():
        if name == "$or":
            _fill(event, value[0])
        elif isinstance(value, Mapping):
            _fill(event.setdefault(name, {}), value)
        else:
            event[name] = [_value(value[0])] if name == "resources" else _value(value[0])


def _leaves(pattern: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the paths on which all alternatives of a pattern have a condition."""
    for name, value in pattern.items():
        if name in ("$or", "resources"):
            continue
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name)


def _value(matcher: object) -> object:
    """Return a value that the first alternative of a leaf matches."""
    match matcher:
        case str() | int() | float() | None:
            return matcher
        case {"prefix": str(text)}:
            return f"{text}x"
        case {"suffix": str(text)}:
            return f"x{text}"
        case {"wildcard": str(text)}:
            return re.sub(r"\\(.)|\*", lambda found: found[1] or "x", text)
        case {"numeric": list(bounds)}:
            return _number(bounds)
    raise NoSampleError(f"matcher must be text, prefix, suffix, wildcard or numeric, got {matcher!r}; add it here")


def _number(bounds: Sequence[Any]) -> int:
    operator, bound = bounds[0], int(bounds[1])
    return bound if operator in ("=", ">=", "<=") else bound + 1 if operator == ">" else bound - 1
