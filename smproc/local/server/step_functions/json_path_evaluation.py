"""The values that the steps of a JSONPath lead to."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from smproc.local.server.step_functions.json_path_steps import (
    Children,
    Descendants,
    Filter,
    Function,
    Indexes,
    Slice,
    Step,
    Wildcard,
    is_definite,
)

_NOTHING: Final = object()


class NoMatchError(Exception):
    """A definite part of a path leads to nothing."""


def find(steps: tuple[Step, ...], data: Any, root: Any, *, default: object) -> Any:
    """Return the value, or the list of values, that steps lead to.

    Args:
        steps: the steps.
        data: the value from which they start.
        root: the value that ``$`` means in a filter.
        default: the result when a definite path leads to nothing.

    Raises:
        NoMatchError: a definite part of the path leads to nothing.
    """
    if steps and isinstance(steps[-1], Function):
        value = find(steps[:-1], data, root, default=_NOTHING)
        return default if value is _NOTHING else _apply(steps[-1].name, value)
    if steps and isinstance(steps[0], Slice) and not isinstance(data, list):
        return default  # unlike a slice of something that is missing
    values = list(_follow(steps, data, root))
    if is_definite(steps):
        return values[0] if values else default
    return values


def _follow(steps: tuple[Step, ...], value: Any, root: Any) -> Iterator[Any]:
    if not steps:
        yield value
    elif isinstance(steps[0], Descendants):
        for descendant in _descendants(value):
            yield from _follow(steps[1:], descendant, root)
    else:
        for member in _select(steps[0], value, root):
            yield from _follow(steps[1:], member, root)


def _select(step: Step, value: Any, root: Any) -> Iterator[Any]:
    match step, value:
        case Children(names), dict():
            if len(names) > 1:
                yield {name: value[name] for name in names if name in value}
            elif names[0] in value:
                yield value[names[0]]
        case Indexes(indexes), list():
            yield from (value[index] for index in indexes if -len(value) <= index < len(value))
        case Slice(start, stop), list():
            yield from value[start:stop]
        case Wildcard(), list():
            yield from value
        case Wildcard(), dict():
            yield from value.values()
        case Filter(condition), list():
            yield from (element for element in value if condition(element, root))
        case Filter(condition), dict() if condition(value, root):
            yield value


def _descendants(value: object) -> Iterator[Any]:
    yield value
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for member in members:
        yield from _descendants(member)


def _apply(name: str, value: Any) -> Any:
    if name in ("length", "size"):
        if isinstance(value, list | dict | str):
            return len(value)
        raise NoMatchError
    if name == "keys":
        if isinstance(value, dict):
            return list(value)
        raise NoMatchError
    if not isinstance(value, list) or not value:
        raise NoMatchError
    if name in ("first", "last"):
        return value[0 if name == "first" else -1]
    numbers = [number for number in value if isinstance(number, int | float) and not isinstance(number, bool)]
    if not numbers:
        raise NoMatchError
    return float(_AGGREGATES[name](numbers))


_AGGREGATES: Final[Mapping[str, Callable[[list[float]], float]]] = {
    "min": min,
    "max": max,
    "avg": statistics.fmean,
    "sum": math.fsum,
    "stddev": statistics.pstdev,
}
