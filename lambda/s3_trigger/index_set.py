"""Which members of a batch a run is about: sets of positions, written as ``0-499,700``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IndexSet:
    """A set of positions, as ranges in rising order that do not touch.

    Attributes:
        ranges: the first and the last position of each.
    """

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, numbers: Iterable[int]) -> IndexSet:
        """The set of some numbers."""
        ranges: list[tuple[int, int]] = []
        for number in sorted(set(numbers)):
            if ranges and number == ranges[-1][1] + 1:
                ranges[-1] = (ranges[-1][0], number)
            else:
                ranges.append((number, number))
        return cls(tuple(ranges))

    @classmethod
    def parse(cls, text: str) -> IndexSet:
        """Read what `str` writes."""
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
        """Those that are not in another set."""
        missing = set(other)
        return IndexSet.of(number for number in self if number not in missing) if missing else self

    def bisect(self) -> tuple[IndexSet, IndexSet]:
        """The first half, which has one more where the number is odd, and the second."""
        left = (len(self) + 1) // 2
        head: list[tuple[int, int]] = []
        tail: list[tuple[int, int]] = []
        for first, last in self.ranges:
            take = min(left, last - first + 1)
            left -= take
            if take:
                head.append((first, first + take - 1))
            if first + take <= last:
                tail.append((first + take, last))
        return IndexSet(tuple(head)), IndexSet(tuple(tail))
