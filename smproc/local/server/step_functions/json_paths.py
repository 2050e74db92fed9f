"""Evaluation of JSONPaths.

AWS evaluates paths with Jayway's JsonPath: a definite path, which can lead to one value, fails if that is missing; a
path with a wildcard, slice, filter or ``..`` gives a list, which may be empty.

moto uses jsonpath-ng and guesses from the text of the path whether the result is a list; it knows neither ``in`` nor
functions, and parses a path each time it is evaluated.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError

from smproc.local.server.step_functions.json_path_syntax import (
    Children,
    Descendants,
    Filter,
    Function,
    Indexes,
    JsonPathSyntaxError,
    Slice,
    Step,
    Wildcard,
    is_definite,
    parse,
)

_NOTHING: Final = object()


def extract(path: str, data: Any) -> Any:
    """Return the value, or the list of values, at a path.

    Args:
        path: the path.
        data: the value in which it is followed.

    Raises:
        NoSuchJsonPathError: there is no value, or the path is not valid.
    """
    try:
        value = find(parse(path, find), data, data, _NOTHING)
    except (JsonPathSyntaxError, _NoMatchError) as error:
        raise NoSuchJsonPathError(json_path=path, data=data) from error
    if value is _NOTHING:
        raise NoSuchJsonPathError(json_path=path, data=data)
    return value


def find(steps: tuple[Step, ...], data: Any, root: Any, default: object) -> Any:
    """Return the value, or the list of values, that steps lead to.

    Args:
        steps: the steps.
        data: the value from which they start.
        root: the value that ``$`` means in a filter.
        default: the result when a definite path leads to nothing.
    """
    if steps and isinstance(steps[-1], Function):
        value = find(steps[:-1], data, root, _NOTHING)
        return default if value is _NOTHING else _apply(steps[-1].name, value)
    if steps and isinstance(steps[0], Slice) and not isinstance(data, list):
        return default  # unlike a slice of something that is missing
    values = list(_follow(steps, data, root))
    if is_definite(steps):
        return values[0] if values else default
    return values


class _NoMatchError(Exception):
    """A definite part of a path leads to nothing."""


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
        raise _NoMatchError
    if name == "keys":
        if isinstance(value, dict):
            return list(value)
        raise _NoMatchError
    if not isinstance(value, list) or not value:
        raise _NoMatchError
    if name in ("first", "last"):
        return value[0 if name == "first" else -1]
    numbers = [number for number in value if isinstance(number, int | float) and not isinstance(number, bool)]
    if not numbers:
        raise _NoMatchError
    return float(_AGGREGATES[name](numbers))


_AGGREGATES: Final[Mapping[str, Callable[[list[float]], float]]] = {
    "min": min,
    "max": max,
    "avg": statistics.fmean,
    "sum": math.fsum,
    "stddev": statistics.pstdev,
}
