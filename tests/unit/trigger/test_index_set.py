from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_trigger.index_set import IndexSet

NUMBERS = st.sets(st.integers(0, 300), max_size=60)


@given(NUMBERS)
def test_the_text_of_a_set_can_be_parsed(numbers: set[int]) -> None:
    indexes = IndexSet.of(numbers)
    assert IndexSet.parse(str(indexes)) == indexes
    assert list(indexes) == sorted(numbers)
    assert len(indexes) == len(numbers)
    assert bool(indexes) == bool(numbers)


@given(NUMBERS, NUMBERS)
def test_a_difference_matches_that_of_sets(numbers: set[int], others: set[int]) -> None:
    assert list(IndexSet.of(numbers).without(IndexSet.of(others))) == sorted(numbers - others)


@given(NUMBERS)
def test_the_halves_of_a_bisection_are_even_and_complete(numbers: set[int]) -> None:
    first, second = IndexSet.of(numbers).bisect()
    assert [*first, *second] == sorted(numbers)
    assert len(first) - len(second) in (0, 1)
    for half in (first, second):
        assert IndexSet.of(half) == half


@pytest.mark.parametrize(("numbers", "text"), [((), ""), ((7,), "7"), ((0, 1, 2, 9), "0-2,9"), (range(1000), "0-999")])
def test_the_text_of_a_set(numbers: tuple[int, ...], text: str) -> None:
    assert str(IndexSet.of(numbers)) == text
