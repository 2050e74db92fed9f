"""A function that is killed before or after any of its calls: nothing is lost, and nothing happens twice."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.helpers.trigger_world import Killed, Trigger

Make = Callable[..., Trigger]
# More than the calls of the scenario: a test below checks that no call is omitted.
MAX_CALLS = 96
# `make test` kills at each of a few calls, `make test-exhaustive` at each of the others.
SAMPLE = 6
CALLS = [
    pytest.param(call, marks=() if call % SAMPLE == 0 else pytest.mark.exhaustive) for call in range(1, MAX_CALLS + 1)
]


def run_with_fallback(step: Callable[[], object], fallback: Callable[[], object]) -> None:
    """Run a step, and a fallback if its function is killed."""
    try:
        step()
    except Killed:
        fallback()


def scenario(world: Trigger, kill_at: int | None, *, after: bool) -> None:
    """Upload three objects, one deleted and one bad: a batch that fails, is bisected, and finishes."""
    world.faults.kill_at, world.faults.after = kill_at, after
    events = [world.upload(f"in/{name}.csv") for name in ("bad", "deleted", "good")]
    world.s3.delete_object(Bucket=world.bucket, Key="in/deleted.csv")

    def deliver() -> None:
        assert world.deliver(*events) == []

    def later() -> None:
        world.dispatch(minutes=12)

    run_with_fallback(deliver, deliver)
    run_with_fallback(deliver, deliver)
    run_with_fallback(world.dispatch, later)
    run_with_fallback(later, later)
    for _ in range(3):
        (execution,) = world.running(1)
        event = world.end(execution, error="States.TaskFailed" if "in/bad.csv" in execution.keys else "", report=False)
        report = lambda event=event: world.deliver(event)  # noqa: E731
        run_with_fallback(report, report)
        run_with_fallback(world.dispatch, later)
        run_with_fallback(later, later)
    world.faults.kill_at = None


def check(world: Trigger) -> None:
    world.running(0)
    ended = {name: world.states.describe_execution(executionArn=world.arn(name)) for name in world.executions}
    good = [key for name, one in world.executions.items() if ended[name]["status"] == "SUCCEEDED" for key in one.keys]
    assert good == ["in/good.csv"]
    assert len(world.executions) == 3
    items = world.items()
    assert (world.slots(), world.pending()) == (0, [])
    statuses = sorted(item["status"] for item in items if item["sk"] == "run")
    assert statuses == ["FAILED", "HALVED", "SET_ASIDE", "SUCCEEDED"]
    # A dead letter may exist twice, with the same text, and then returns its objects once.
    letters = {body for body, _ in world.dead_letters()}
    details = [json.loads(body)["detail"] for body in letters]
    assert sorted(detail["objects"] for detail in details) == [
        [f"s3://{world.bucket}/in/bad.csv"],
        [f"s3://{world.bucket}/in/deleted.csv"],
    ]


@pytest.fixture
def world(trigger: Make) -> Trigger:
    return trigger(batch_size=3, batch_window=60, max_concurrent_jobs=1, max_replays=10)


def test_no_function_is_killed(world: Trigger) -> None:
    scenario(world, None, after=False)
    check(world)
    assert 60 < len(world.faults.calls) <= MAX_CALLS
    called = set(world.faults.calls)
    assert called >= {"TransactWriteItems", "HeadObject", "PutObject", "StartExecution", "SendMessage", "PutEvents"}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", CALLS)
def test_a_function_is_killed(world: Trigger, call: int, after: bool) -> None:  # noqa: FBT001 - pytest's
    scenario(world, call, after=after)
    check(world)
