"""The order of a workflow's steps: every need is respected, and what sequences and forks can express stays parallel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_sagemaker_processing.workflow.order import Fork, StepCycleError, order_of, steps_in

Order = tuple["str | Fork", ...]


def orders() -> st.SearchStrategy[Order]:
    """Return orders of sequences and forks, whose steps have no names yet."""
    step = st.just("step")
    return st.recursive(
        st.tuples(step),
        lambda inner: (
            st.tuples(step, inner).map(lambda pair: (pair[0], *pair[1]))
            | st.lists(inner, min_size=2, max_size=3).map(lambda branches: (_fork(branches),))
            | st.tuples(st.lists(inner, min_size=2, max_size=3), step).map(lambda pair: (_fork(pair[0]), pair[1]))
        ),
        max_leaves=8,
    )


def _fork(branches: Sequence[Order]) -> Fork:
    """Return a fork whose branches are no forks themselves: those would be branches of this one."""
    flat = [
        each
        for branch in branches
        for each in (branch[0].branches if len(branch) == 1 and isinstance(branch[0], Fork) else (branch,))
    ]
    return Fork(tuple(flat))


def named(order: Order, numbers: Iterator[int]) -> Order:
    return tuple(
        Fork(tuple(named(branch, numbers) for branch in item.branches))
        if isinstance(item, Fork)
        else f"s{next(numbers)}"
        for item in order
    )


def needs_in(order: Order, before: frozenset[str] = frozenset()) -> dict[str, set[str]]:
    """Return what each step of an order needs: everything that an order runs before it."""
    needs: dict[str, set[str]] = {}
    for item in order:
        if isinstance(item, Fork):
            for branch in item.branches:
                needs |= needs_in(branch, before)
            before |= set(steps_in([item]))
        else:
            needs[item] = set(before)
            before |= {item}
    return needs


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, set[str]]:
    """Return graphs without cycles, in any order."""
    names = [f"s{number}" for number in range(draw(st.integers(1, 9)))]
    needs = {
        name: {other for other in names[:index] if draw(st.booleans())} if index else set()
        for index, name in enumerate(names)
    }
    return {name: needs[name] for name in draw(st.permutations(names))}


@given(graphs())
def test_every_step_runs_once_and_after_what_it_needs(needs: dict[str, set[str]]) -> None:
    order = order_of(needs)

    assert sorted(steps_in(order)) == sorted(needs)
    before = needs_in(order)
    assert all(needed <= before[name] for name, needed in needs.items())


@given(orders(), st.randoms())
def test_sequences_and_forks_lose_no_parallelism(order: Order, random: object) -> None:
    needs = needs_in(named(order, iter(range(1000))))
    names = list(needs)
    random.shuffle(names)  # type: ignore[attr-defined]  # Hypothesis's Random

    assert needs_in(order_of({name: needs[name] for name in names})) == needs


@given(graphs())
def test_the_order_is_deterministic(needs: dict[str, set[str]]) -> None:
    assert order_of(needs) == order_of(dict(needs))


@pytest.mark.parametrize(
    ("needs", "order"),
    [
        ({"a": set()}, ("a",)),
        ({"b": {"a"}, "a": set()}, ("a", "b")),
        ({"a": set(), "b": set()}, (Fork((("a",), ("b",))),)),
        ({"a": set(), "b": {"a"}, "c": {"a"}, "d": {"b", "c"}}, ("a", Fork((("b",), ("c",))), "d")),
        ({"a": set(), "b": {"a"}, "x": set(), "y": {"x"}}, (Fork((("a", "b"), ("x", "y"))),)),
        # No combination of sequences and forks: one pair waits although neither needs the other.
        ({"a": set(), "b": set(), "c": {"a"}, "d": {"a", "b"}}, ("a", Fork((("b", "d"), ("c",))))),
    ],
    ids=["one", "sequence", "parallel", "diamond", "chains", "neither"],
)
def test_the_order_of_a_graph(needs: dict[str, set[str]], order: Order) -> None:
    assert order_of(needs) == order


def test_a_cycle_names_its_steps() -> None:
    with pytest.raises(StepCycleError) as caught:
        order_of({"a": {"c"}, "b": {"a"}, "c": {"b"}, "d": set()})

    assert sorted(set(caught.value.steps)) == ["a", "b", "c"]
    assert caught.value.steps[0] == caught.value.steps[-1]


def test_a_hundred_steps_are_ordered() -> None:
    needs: dict[str, set[str]] = {f"s{number}": {f"s{(number - 1) // 2}"} if number else set() for number in range(100)}

    assert needs_in(order_of(needs)).keys() == needs.keys()
