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
    indexes, more = IndexSet.of(numbers), IndexSet.of(others)
    assert indexes.union(more) == IndexSet.of(numbers | others)
    assert indexes.both(more) == IndexSet.of(numbers & others)


RANGES = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 20), st.integers(0, 9)), max_size=8)


@given(RANGES, st.integers(0, 100))
def test_members_that_are_split_are_complete_and_in_order(ranges: list[tuple[str, int, int]], count: int) -> None:
    members = tuple((unit, first, first + more) for unit, first, more in ranges)
    head, tail = split(members, count)
    assert count_of(head) == min(count, count_of(members))
    assert [*rows(head), *rows(tail)] == rows(members)
    assert from_text(to_text(members)) == members


def rows(members: Members) -> list[tuple[str, int]]:
    return [(unit, row) for unit, first, last in members for row in range(first, last + 1)]


@pytest.mark.parametrize(("numbers", "text"), [((), ""), ((7,), "7"), ((0, 1, 2, 9), "0-2,9"), (range(1000), "0-999")])
def test_the_text_of_a_set(numbers: tuple[int, ...], text: str) -> None:
    assert str(IndexSet.of(numbers)) == text
