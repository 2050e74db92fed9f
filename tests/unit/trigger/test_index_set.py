from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_trigger.index_set import IndexSet

NUMBERS = st.sets(st.integers(0, 300), max_size=60)


@given(NUMBERS)
def test_what_is_written_is_read(numbers: set[int]) -> None:
    positions = IndexSet.of(numbers)
    assert IndexSet.parse(str(positions)) == positions
    assert list(positions) == sorted(numbers)
    assert len(positions) == len(numbers)
    assert bool(positions) == bool(numbers)


@given(NUMBERS, NUMBERS)
def test_without(numbers: set[int], others: set[int]) -> None:
    assert list(IndexSet.of(numbers).without(IndexSet.of(others))) == sorted(numbers - others)


@given(NUMBERS)
def test_halves_share_and_split_evenly(numbers: set[int]) -> None:
    first, second = IndexSet.of(numbers).bisect()
    assert [*first, *second] == sorted(numbers)
    assert len(first) - len(second) in (0, 1)
    for half in (first, second):
        assert IndexSet.of(half) == half


@pytest.mark.parametrize(("numbers", "text"), [((), ""), ((7,), "7"), ((0, 1, 2, 9), "0-2,9"), (range(1000), "0-999")])
def test_as_text(numbers: tuple[int, ...], text: str) -> None:
    assert str(IndexSet.of(numbers)) == text
