"""Values are read once for all who ask, and less often if they take long to read."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from smproc.console.snapshots import _ENTRIES_MAX, Snapshots


class Clock:
    """A clock that the test sets, and a value whose reading takes time."""

    def __init__(self, cost: float = 0.0) -> None:
        self.now = 0.0
        self.cost = cost
        self.reads = 0

    def __call__(self) -> float:
        return self.now

    def read(self) -> int:
        self.now += self.cost
        self.reads += 1
        return self.reads


def test_a_value_is_shown_for_its_time() -> None:
    clock = Clock()
    snapshots = Snapshots(clock)
    assert [snapshots.get("a", 2, clock.read) for _ in range(3)] == [1, 1, 1]
    clock.now = 1.9
    assert snapshots.get("a", 2, clock.read) == 1
    clock.now = 2
    assert snapshots.get("a", 2, clock.read) == 2


def test_a_value_decides_for_how_long() -> None:
    clock = Clock()
    snapshots = Snapshots(clock)
    seconds: Callable[[int], float] = lambda value: 10.0 * value  # noqa: E731 - one of several
    assert snapshots.get("a", seconds, clock.read) == 1
    clock.now = 9
    assert snapshots.get("a", seconds, clock.read) == 1
    clock.now = 10
    assert snapshots.get("a", seconds, clock.read) == 2
    clock.now = 29
    assert snapshots.get("a", seconds, clock.read) == 2


def test_a_value_that_takes_long_takes_a_tenth_of_the_time() -> None:
    clock = Clock(cost=1.0)
    snapshots = Snapshots(clock)
    while clock.now < 100:
        snapshots.get("a", 2, clock.read)
        clock.now += 0.5
    assert clock.reads <= 11


def test_an_error_is_not_kept() -> None:
    snapshots = Snapshots(Clock())

    def fail() -> int:
        raise ValueError("no value")

    with pytest.raises(ValueError, match="no value"):
        snapshots.get("a", 2, fail)
    assert snapshots.get("a", 2, lambda: 7) == 7


def test_forgotten_values_are_read_anew_and_the_oldest_go_first() -> None:
    clock = Clock()
    snapshots = Snapshots(clock)
    snapshots.get("a", 2, clock.read)
    snapshots.forget()
    assert snapshots.get("a", 2, clock.read) == 2
    for number in range(_ENTRIES_MAX):
        snapshots.get(number, 2, clock.read)
    assert len(snapshots._entries) == _ENTRIES_MAX
    assert "a" not in snapshots._entries


def test_ten_readers_at_once_read_once() -> None:
    snapshots = Snapshots()
    begun, go_on, reads = threading.Event(), threading.Event(), []

    def read() -> int:
        reads.append(1)
        begun.set()
        go_on.wait(10)
        return 7

    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(snapshots.get("a", 60, read))) for _ in range(10)]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    go_on.set()
    for thread in threads:
        thread.join()
    assert (found, reads) == ([7] * 10, [1])
