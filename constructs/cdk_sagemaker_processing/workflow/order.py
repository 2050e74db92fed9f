"""The order of a workflow's steps: sequences and forks, which are all that Step Functions can express.

A step runs after the steps that it needs, and in parallel with what neither needs the other. Some graphs are no
combination of sequences and forks: where ``c`` needs ``a``, and ``d`` needs ``a`` and ``b``, either ``c`` waits for
``b``, too, or ``d`` for ``c``. Then the order with the fewest such waits is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

Needs = Mapping[str, AbstractSet[str]]


class Fork(NamedTuple):
    """Branches that run in parallel; each is a sequence of steps and forks."""

    branches: tuple[tuple[str | Fork, ...], ...]


class StepCycleError(ValueError):
    """Steps that need each other.

    Attributes:
        steps: their names in a circle, each needed by the next; the first is also the last.
    """

    def __init__(self, steps: Sequence[str]) -> None:
        self.steps = list(steps)
        super().__init__(" -> ".join(self.steps))


def order_of(needs: Needs) -> tuple[str | Fork, ...]:
    """Return the order of steps.

    Args:
        needs: the steps in the order of the caller's list, each with the steps that it runs after.

    Raises:
        StepCycleError: steps need each other.
    """
    try:
        sorted_names = list(TopologicalSorter({name: sorted(needed) for name, needed in needs.items()}).static_order())
    except CycleError as error:
        raise StepCycleError(error.args[1]) from error
    before: dict[str, frozenset[str]] = {}
    for name in sorted_names:
        before[name] = frozenset(needs[name]).union(*(before[needed] for needed in needs[name]))
    return _sequence(list(needs), needs, before)


def steps_in(order: Sequence[str | Fork]) -> Iterator[str]:
    """Yield the steps of a sequence, those of its forks included."""
    for item in order:
        if isinstance(item, Fork):
            for branch in item.branches:
                yield from steps_in(branch)
        else:
            yield item


def _sequence(names: Sequence[str], needs: Needs, before: Needs) -> tuple[str | Fork, ...]:
    parts = _connected(names, needs)
    if len(parts) > 1:
        return (Fork(tuple(_sequence(part, needs, before) for part in parts)),)
    if len(names) == 1:
        return (names[0],)
    first = min(_possible_starts(names, before), key=lambda start: _waits(start, names, before))
    rest = [name for name in names if name not in first]
    return _sequence([name for name in names if name in first], needs, before) + _sequence(rest, needs, before)


def _connected(names: Sequence[str], needs: Needs) -> list[list[str]]:
    """Return the steps in groups of which no step needs one of another group, in the order of their first steps."""
    group = {name: {name} for name in names}
    for name in names:
        for needed in needs[name] & group.keys():
            if group[name] is not group[needed]:
                merged = group[name] | group[needed]
                group.update(dict.fromkeys(merged, merged))
    parts: list[list[str]] = []
    for name in names:
        if all(name not in part for part in parts):
            parts.append([each for each in names if each in group[name]])
    return parts


def _possible_starts(names: Sequence[str], before: Needs) -> Iterator[frozenset[str]]:
    """Yield sets of steps that can run before the others: each contains all that its steps need."""
    here = frozenset(names)
    for name in names:
        needed = before[name] & here
        yield from (frozenset(start) for start in (needed, needed | {name}) if 0 < len(start) < len(here))
    depth = {name: len(before[name] & here) for name in names}
    for limit in sorted(set(depth.values()))[:-1]:
        yield frozenset(name for name in names if depth[name] <= limit)


def _waits(start: AbstractSet[str], names: Sequence[str], before: Needs) -> int:
    """Return how many pairs of steps would run one after the other although neither needs the other."""
    return sum(len(start - before[name]) for name in names if name not in start)
