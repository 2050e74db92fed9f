"""Sets of the indexes of a batch's members, written as ``0-499,700``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IndexSet:
    """A set of indexes, as ranges in ascending order that neither overlap nor touch.

    Attributes:
        ranges: the first and the last index of each range.
    """

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, indexes: Iterable[int]) -> IndexSet:
        """Return the set of some indexes."""
        ranges: list[tuple[int, int]] = []
        for index in sorted(set(indexes)):
            if ranges and index == ranges[-1][1] + 1:
                ranges[-1] = (ranges[-1][0], index)
            else:
                ranges.append((index, index))
        return cls(tuple(ranges))

    @classmethod
    def parse(cls, text: str) -> IndexSet:
        """Return the set that `str` has written."""
        parts = (part.partition("-") for part in text.split(",") if part)
        return cls(tuple((int(first), int(last or first)) for first, _, last in parts))

    def __str__(self) -> str:
        return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in self.ranges)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)

    def __iter__(self) -> Iterator[int]:
        for first, last in self.ranges:
            yield from range(first, last + 1)

    def without(self, other: IndexSet) -> IndexSet:
        """Return the indexes that are not in another set."""
        excluded = set(other)
        return IndexSet.of(index for index in self if index not in excluded) if excluded else self

    def both(self, other: IndexSet) -> IndexSet:
        """Return the indexes that are in both sets."""
        included = set(other)
        return IndexSet.of(index for index in self if index in included)

    def union(self, other: IndexSet) -> IndexSet:
        """Return the indexes that are in one of two sets."""
        return IndexSet.of([*self, *other])
