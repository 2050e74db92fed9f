"""Other settings deployed while work is pending: nothing is lost or doubled, and no limit is exceeded."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from s3_trigger.units import count_of, from_text
from tests.helpers.trigger_world import Trigger, backfill, dead_keys

pytestmark = pytest.mark.exhaustive

Make = Callable[..., Trigger]
CHANGES: dict[str, list[dict[str, Any]]] = {
    "batch size": [{"batch_size": size, "batch_window": 60} for size in (3, 1, 2, 3)],
    "batch size with a limit": [{"batch_size": n, "batch_window": 60, "max_concurrent_jobs": 1} for n in (3, 1, 2, 1)],
    "limit": [{"max_concurrent_jobs": limit} for limit in (None, 1, 4, 2, None)],
    "limit of batches": [{"batch_size": 2, "batch_window": 60, "max_concurrent_jobs": n} for n in (4, 1, 2, None, 1)],
    "prefixes": [
        {"prefixes": prefixes, "batch_size": 3, "batch_window": 60}
        for prefixes in (["in/"], ["incoming/raw/"], [], ["in/er/", "in/a"], ["in/"])
    ],
    "groups": [
        {"group_by": group_by, "batch_size": 3, "batch_window": 60}
        for group_by in ({}, {"folders": 1}, {"pattern": "(.)$"}, {"folders": 2}, {})
    ],
    "window": [{"batch_size": 4, "batch_window": window} for window in (600, 60, 3600, 0, 60)],
    "replays": [{"batch_size": 4, "batch_window": 60, "max_replays": replays} for replays in (0, 50, 2, 0)],
}


@pytest.mark.parametrize("after", [False, True], ids=["before the dispatcher", "after the dispatcher"])
@pytest.mark.parametrize("change", CHANGES)
def test_each_upload_is_in_one_execution_whatever_is_deployed(trigger: Make, change: str, *, after: bool) -> None:
    world = trigger(**CHANGES[change][0])
    keys = []
    numbers = itertools.count()
    for settings in CHANGES[change]:
        before = len(world.running_now())
        world.configure(**settings)
        for _ in range(2):
            new = [f"in/{next(numbers)}" for _ in range(2)]
            keys += new
            assert world.deliver(*map(world.upload, new)) == []
            if after:
                world.dispatch()
        limit = settings.get("max_concurrent_jobs")
        running = world.running_now()
        assert limit is None or len(running) <= max(limit, before)
        if running:
            world.end(running[0])
        world.dispatch(minutes=2)
        assert limit is None or len(world.running_now()) <= max(limit, before)
    world.finish()
    assert world.keys("SUCCEEDED") == Counter(keys)
    assert (world.slots(), world.dead_letters()) == (0, [])


def test_a_batch_that_runs_keeps_its_objects_when_batches_become_single_objects(trigger: Make) -> None:
    world = trigger(batch_size=3, batch_window=60, max_concurrent_jobs=1)
    world.start(*(world.upload(f"in/{name}") for name in "abcdefg"))
    (running,) = world.running(1)
    world.configure(batch_size=1)
    world.start(world.upload("in/h"))
    world.end(running, error="States.TaskFailed")
    world.finish()
    assert len(running.keys) == 3
    # What waits is processed as what comes later is: the tasks may take fields of single objects alone.
    assert all("key" in one.input for one in world.executions.values() if one.name != running.name)
    assert world.keys("SUCCEEDED") == Counter(f"in/{name}" for name in "abcdefgh") - Counter(running.keys)
    ((body, _),) = world.dead_letters()
    assert world.deliver(body) == []
    world.finish()
    assert world.keys("SUCCEEDED") == Counter(f"in/{name}" for name in "abcdefgh")
    assert all("key" in one.input for one in world.executions.values() if one.name != running.name)
    assert world.slots() == 0


def test_batches_of_any_age_become_single_objects(trigger: Make) -> None:
    """Of a batch that fails, of one that waits, of an open one, and of one that is a dead letter."""
    world = trigger(batch_size=3, batch_window=600, max_concurrent_jobs=1, max_replays=2)
    world.start(*(world.upload(f"in/{number:02}") for number in range(8)))
    (running,) = world.running(1)
    world.end(running, error="States.TaskFailed")  # its halves wait
    world.configure(batch_size=1)
    assert world.attempt(minutes=1)
    world.finish()
    others = [one for one in world.executions.values() if one.name != running.name]
    assert all(one.input["key"] == one.keys[0] for one in others)
    assert world.keys("SUCCEEDED") == Counter(f"in/{number:02}" for number in range(8))
    assert (world.slots(), world.dead_letters()) == (0, [])


@pytest.mark.parametrize("groups", [{}, {"folders": 1}], ids=["one group", "groups"])
@pytest.mark.parametrize("count", [7, 150])
def test_single_objects_that_wait_become_batches(trigger: Make, groups: dict[str, int], count: int) -> None:
    world = trigger(max_concurrent_jobs=1)
    keys = [f"in/{number % 3 if count < 100 else number}/{number:03}" for number in range(count)]
    world.start(*map(world.upload, keys))
    (running,) = world.running(1)
    world.configure(batch_size=2, batch_window=60, group_by=groups, max_concurrent_jobs=1000)
    world.start(world.upload("in/0/later"))
    world.end(running)
    world.finish()
    later = [one for one in world.executions.values() if one.name != running.name]
    assert world.keys("SUCCEEDED") == Counter([*keys, "in/0/later"])
    assert all("batch" in one.input and len(one.keys) <= 2 for one in later)
    if groups:
        assert all(len({key.split("/")[1] for key in one.keys}) == 1 for one in later)
        assert all(one.input["group"] == "/".join(one.keys[0].split("/")[:2]) for one in later)
    else:
        assert len(later) <= count // 2 + 1
    assert (world.slots(), world.dead_letters()) == (0, [])


def test_single_objects_that_wait_or_run_report_their_failures_after_batches_are_deployed(trigger: Make) -> None:
    world = trigger(max_concurrent_jobs=2)
    world.listen()
    world.start(*(world.upload(f"in/{name}") for name in "abc"))
    first, second = world.running(2)
    world.configure(batch_size=2, batch_window=60)
    world.end(first, error="States.TaskFailed")
    world.end(second)
    world.finish()
    (dead,) = first.keys
    assert [dead_keys(body) for body, _ in world.dead_letters()] == [[dead]]
    assert [event["objects"] for event in world.published()] == [[f"s3://{world.bucket}/{dead}"]]
    assert world.keys("SUCCEEDED") == Counter({"in/a", "in/b", "in/c"} - {dead})


@pytest.mark.parametrize(("limit", "later"), [(4, 2), (None, 3), (5, 1)])
def test_a_lower_limit_holds_for_what_starts_later(trigger: Make, limit: int | None, later: int) -> None:
    world = trigger(max_concurrent_jobs=limit)
    world.start(*(world.upload(f"in/{number}") for number in range(limit or 5)))
    running = world.running(limit or 5)
    world.configure(max_concurrent_jobs=later)
    world.start(*(world.upload(f"in/later-{number}") for number in range(5)))
    while len(running) > later:
        world.end(running.pop())
        world.dispatch(minutes=2)
        assert world.running(max(len(running), later))
    world.finish()
    assert len(world.executions) == (limit or 5) + 5


@pytest.mark.parametrize("wide", [("other/b.csv", "in/er/b.csv"), ("b.csv", "in/b.csv"), ("in", "in/")], ids=str)
def test_keys_outside_the_prefixes_are_named_whole(trigger: Make, wide: tuple[str, str]) -> None:
    """Mix prefixes with wildcards, whose keys start with no prefix; cut, a key may name another object."""
    key, other = wide
    world = trigger(batch_size=3, batch_window=60)
    world.s3.put_object(Bucket=world.bucket, Key=other, Body=b"of somebody else")
    world.start(world.upload("in/a.csv"), world.upload(key), world.upload("in/c.csv"))
    (execution,) = world.running(1)
    assert sorted(execution.keys) == sorted(["in/a.csv", key, "in/c.csv"])


@pytest.mark.parametrize("size", [1, 2])
def test_another_bucket_does_not_share_a_batch(trigger: Make, size: int) -> None:
    world = trigger(batch_size=size, batch_window=60, max_concurrent_jobs=1)
    before, other = world.bucket, f"{world.bucket}-2"
    assert world.deliver(world.upload("in/a"), world.upload("in/b"), world.upload("in/c")) == []
    world.dispatch()
    world.s3.create_bucket(Bucket=other)
    world.bucket = other
    world.configure(bucket=other)
    world.match({"key": [{"prefix": "in/"}]})
    world.start(world.upload("in/a"), world.upload("in/d"))
    world.finish()
    read = Counter((one.input["bucket"], key) for one in world.executions.values() for key in one.keys)
    assert read == Counter([*((before, f"in/{name}") for name in "abc"), (other, "in/a"), (other, "in/d")])
    assert world.dead_letters() == []


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded before", "recorded after"])
def test_uploads_that_wait_in_the_queue_while_another_bucket_is_deployed(trigger: Make, *, recorded: bool) -> None:
    world = trigger()
    if recorded:
        world.dispatch(minutes=1)
    before, other = world.bucket, f"{world.bucket}-2"
    waiting, folder = world.upload("in/a"), world.event("in/folder/", size=0)
    world.s3.create_bucket(Bucket=other)
    world.bucket = other
    new = world.upload("in/a")
    if recorded:
        assert world.deliver(new) == [0]  # the new rule is there before the functions
    world.configure(bucket=other)
    world.match({"key": [{"prefix": "in/"}]})
    assert world.deliver(waiting, folder, new) == ([] if recorded else [0, 1])
    world.dispatch(minutes=1)
    world.finish()
    if not recorded:  # the version before has recorded no buckets
        assert world.deliver(waiting, receive_count=5) == []
        assert len(world.dead_letters()) == 1
        return
    assert {(one.input["bucket"], one.input["key"]) for one in world.executions.values()} == {
        (before, "in/a"),
        (other, "in/a"),
    }
    assert world.dead_letters() == []


@pytest.mark.parametrize("size", [1, 2])
def test_a_state_machine_that_is_replaced_while_starts_are_throttled(trigger: Make, size: int) -> None:
    world = trigger(batch_size=size, batch_window=60)
    world.deliver(world.upload("in/a"), world.upload("in/b"))
    world.faults.refused["StartExecution"] = ("ThrottlingException", 400, lambda _: True)
    assert world.attempt(minutes=2) is False
    world.faults.refused.clear()
    world.replace_state_machine()
    for _ in range(3):
        world.attempt(minutes=12)
    letters = world.dead_letters()
    assert sorted(key for body, _ in letters for key in dead_keys(body)) == ["in/a", "in/b"]
    for _, reason in letters:
        assert "it may have succeeded, or never have started" in reason
        assert "The last attempt to start it failed: ClientError: An error occurred (ThrottlingException)" in reason
    assert world.deliver(*(body for body, _ in letters)) == []
    world.finish()
    assert world.keys("SUCCEEDED") == Counter(["in/a", "in/b"])


def test_a_much_smaller_batch_size_holds_for_what_is_open(trigger: Make) -> None:
    world = trigger(batch_size=1000, batch_window=600, max_concurrent_jobs=1)
    keys = [f"in/{number:03}" for number in range(200)]
    assert world.deliver(*map(world.upload, keys)) == []
    world.dispatch()
    world.configure(batch_size=2)
    assert world.attempt(minutes=1)
    ready = [item for item in world.items() if item["pk"] in ("ready", "active")]
    assert sorted(count_of(from_text(item["members"])) for item in ready) == [2] * 100
    assert not [item for item in world.items() if item["pk"] == "open"]


@pytest.mark.parametrize("listed_first", [True, False], ids=["listed before", "listed after"])
def test_the_same_content_under_the_same_key_of_another_bucket_is_another_upload(
    trigger: Make, *, listed_first: bool
) -> None:
    world = trigger()
    before, other = world.bucket, f"{world.bucket}-2"
    event = world.upload("in/a", b"same")
    if listed_first:
        backfill(world)
    else:
        world.start(event)
        world.finish()
    world.s3.create_bucket(Bucket=other)
    world.bucket = other
    world.configure(bucket=other)
    world.match({"key": [{"prefix": "in/"}]})
    event = world.upload("in/a", b"same")
    if listed_first:
        world.start(event)
        world.finish()
    else:
        world.now += 2
        assert backfill(world)["taken"] == 1
    assert [one.input["bucket"] for one in world.executions.values()] == [before, other]
    assert world.dead_letters() == []


def test_another_manifest_bucket_takes_the_manifests_of_what_starts_later(trigger: Make) -> None:
    world = trigger(batch_size=2, batch_window=60, max_concurrent_jobs=1)
    world.start(*(world.upload(f"in/{name}") for name in "abcd"))
    other = f"{world.manifests}-2"
    world.s3.create_bucket(Bucket=other)
    world.configure(manifest_bucket=other, manifest_prefix="new")
    world.finish()
    first, second = (execution.input["s3_uri"] for execution in world.executions.values())
    assert first.startswith(f"s3://{world.manifests}/manifests/")
    assert second.startswith(f"s3://{other}/new/")
    assert world.keys("SUCCEEDED") == Counter(f"in/{name}" for name in "abcd")


@pytest.mark.parametrize("reported", [True, False], ids=["reported", "not reported"])
@pytest.mark.parametrize("size", [1, 2])
def test_a_state_machine_that_is_replaced_keeps_what_it_runs(trigger: Make, size: int, *, reported: bool) -> None:
    world = trigger(batch_size=size, batch_window=60, max_concurrent_jobs=1)
    world.start(*(world.upload(f"in/{name}") for name in "abcd"))
    (execution,) = world.running(1)
    world.replace_state_machine()
    world.dispatch(minutes=2)
    assert world.running(1) == [execution]
    world.end(execution, report=reported)
    world.finish()
    assert world.keys("SUCCEEDED") == Counter(f"in/{name}" for name in "abcd")
    machines = [one.arn.rpartition(":")[0] for one in world.executions.values()]
    assert len(set(machines)) == 2
    assert (world.slots(), world.dead_letters()) == (0, [])
