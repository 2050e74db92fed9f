from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_trigger.index_set import IndexSet
from s3_trigger.units import Members, count_of, from_text, split, to_text

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


@given(NUMBERS, NUMBERS)
def test_unions_and_intersections_match_those_of_sets(numbers: set[int], others: set[int]) -> None:
    assert list(IndexSet.of(numbers).union(IndexSet.of(others))) == sorted(numbers | others)
    assert list(IndexSet.of(numbers).both(IndexSet.of(others))) == sorted(numbers & others)


@given(st.lists(st.integers(1, 50), max_size=8), st.integers(0, 200))
def test_the_parts_of_members_are_complete_and_of_the_given_size(sizes: list[int], count: int) -> None:
    members = tuple((f"unit{number}", 3, size + 2) for number, size in enumerate(sizes))
    first, second = split(members, count)

    def rows(some: Members) -> list[tuple[str, int]]:
        return [(unit, row) for unit, start, end in some for row in range(start, end + 1)]

    assert rows(first) + rows(second) == rows(members)
    assert count_of(first) == len(rows(first)) == min(count, sum(sizes))
    assert from_text(to_text(first)) == first


@pytest.mark.parametrize(("numbers", "text"), [((), ""), ((7,), "7"), ((0, 1, 2, 9), "0-2,9"), (range(1000), "0-999")])
def test_the_text_of_a_set(numbers: tuple[int, ...], text: str) -> None:
    assert str(IndexSet.of(numbers)) == text
