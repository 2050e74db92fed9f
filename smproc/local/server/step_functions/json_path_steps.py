"""The steps of a JSONPath."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Children:
    """Members of an object by name: ``.a``, ``['a']``, ``['a','b']``."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Indexes:
    """Elements of an array by index: ``[0]``, ``[-1]``, ``[0,2]``."""

    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """A range of an array: ``[1:3]``."""

    start: int | None
    stop: int | None


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Every member or element: ``.*``, ``[*]``."""


@dataclass(frozen=True, slots=True)
class Descendants:
    """Every value below: ``..``."""


@dataclass(frozen=True, slots=True)
class Filter:
    """The elements that meet a condition: ``[?(@.a > 1)]``.

    Attributes:
        condition: takes the element and the root; returns whether it is met.
    """

    condition: Callable[[Any, Any], bool]


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the values so far: ``.length()``."""

    name: str


Step = Children | Indexes | Slice | Wildcard | Descendants | Filter | Function


def is_definite(steps: tuple[Step, ...]) -> bool:
    """Return whether a path leads to one value at most.

    Args:
        steps: the path's steps.
    """
    return not any(
        isinstance(step, Slice | Wildcard | Descendants | Filter)
        or (isinstance(step, Children) and len(step.names) > 1)
        or (isinstance(step, Indexes) and len(step.indexes) > 1)
        for step in steps
    )
