"""Large batches, many groups and hostile keys: every item fits, and work continues where the time ended."""

from __future__ import annotations

import random
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from s3_trigger import starter
from s3_trigger.object_lookup import Found, look_up
from tests.helpers.trigger_world import Trigger, dead_keys

pytestmark = pytest.mark.exhaustive

Make = Callable[..., Trigger]
MEGABYTE = 1024 * 1024
# Keys that no compression makes smaller, each as long as S3 allows.
_RANDOM = random.Random(14)  # noqa: S311 - no secret
RANDOM_KEYS = [f"in/{number:04}" + _RANDOM.randbytes(508).hex() + "k" for number in range(1000)]
CONTROL = "".join(map(chr, range(1, 32)))
CONTROL_KEYS = [f"in/{number:04}{CONTROL}" + "\x01" * 986 for number in range(1000)]


def deliver(world: Trigger, keys: list[str]) -> None:
    """Deliver events of objects, as many at a time as the queue delivers."""
    for start in range(0, len(keys), 1000):
        assert world.deliver(*map(world.event, keys[start : start + 1000])) == []


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys that were looked up, all of which exist."""
    keys: list[str] = []

    def find(_: object, __: object, some: list[str], **___: object) -> Iterator[Found]:
        keys.extend(some)
        return iter([Found(exists=True, is_alone=True)] * len(some))

    monkeypatch.setattr(starter, "look_up", find)
    return keys


def test_a_large_batch_continues_where_the_time_ended(trigger: Make, looked_up: list[str]) -> None:
    keys = [f"in/{number:06}" for number in range(20_500)]
    world = trigger(batch_size=len(keys), batch_window=60, max_concurrent_jobs=1)
    deliver(world, keys)
    # Enough time until keys are looked up.
    tracemalloc.start()
    for part in range(1, 5):
        world.dispatch(minutes=1, milliseconds=iter(lambda: 1000 if len(looked_up) >= 5000 * part else 300_000, None))  # noqa: B023
        assert len(looked_up) == 5000 * part
        assert world.slots() == 1
        world.running(0)
    world.dispatch(minutes=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert looked_up == keys
    assert peak < 100 * MEGABYTE
    (execution,) = world.running(1)
    assert list(execution.keys) == keys
    world.end(execution)
    assert (world.slots(), world.pending(), world.dead_letters()) == (0, [], [])


@pytest.mark.parametrize("keys", [RANDOM_KEYS, CONTROL_KEYS], ids=["random", "control"])
def test_the_longest_keys_fit_in_items_of_the_table(trigger: Make, looked_up: list[str], keys: list[str]) -> None:
    assert {len(key.encode()) for key in keys} == {1024}
    world = trigger(batch_size=1000, batch_window=60, max_replays=2)
    deliver(world, keys)
    world.dispatch()
    (execution,) = world.running(1)
    assert list(execution.keys) == sorted(keys)
    units = [item for item in world.items() if item["pk"] == "unit"]
    assert all(len(item["uploads"]) <= 300_000 for item in units)
    assert len(units) == (2 if keys is RANDOM_KEYS else 1)
    world.end(execution, error="States.TaskFailed")
    world.dispatch()
    assert sorted(key for half in world.running(2) for key in half.keys) == sorted(keys)
    assert len(looked_up) == 2 * len(keys)


@pytest.mark.parametrize("size", [1000, 400])
def test_uploads_of_a_thousand_sequencer_heads_are_sealed(trigger: Make, looked_up: list[str], size: int) -> None:
    world = trigger(batch_size=size, batch_window=60)
    events = [world.event(f"in/{number:04}", sequencer=f"{number:08X}00") for number in range(1000)]
    for _ in range(2):
        assert world.deliver(*events) == []
    world.dispatch(minutes=2)
    world.finish()
    assert world.keys("SUCCEEDED") == Counter(f"in/{number:04}" for number in range(1000))
    assert sorted(looked_up) == sorted(world.keys())


@pytest.mark.parametrize("length", [1, 1000], ids=["short", "long"])
def test_many_groups_have_their_batches(trigger: Make, looked_up: list[str], length: int) -> None:
    """Exceed the bytes of a sort key with a group's text, where a slash takes three bytes."""
    names = [f"{number:03}" + "/" * length for number in range(130)]
    world = trigger(batch_size=2, batch_window=60, group_by={"pattern": r"^in/(\d+)(/*)"}, max_concurrent_jobs=1)
    deliver(world, [f"in/{name}{part}" for part in "abc" for name in names])
    world.dispatch(minutes=0.5)
    items = Counter(item["pk"] for item in world.items())
    assert (items["open"], items["ready"] + items["active"]) == (130, 130)
    world.dispatch(minutes=2)
    items = Counter(item["pk"] for item in world.items())
    assert (items["open"], items["ready"] + items["active"]) == (0, 260)
    (execution,) = world.running(1)
    assert execution.keys in [(f"in/{name}a", f"in/{name}b") for name in names]
    assert looked_up == list(execution.keys)


def test_an_open_batch_of_many_small_deliveries_remains_small(trigger: Make, looked_up: list[str]) -> None:
    world = trigger(batch_size=1000, batch_window=3600)
    keys = [f"in/{number:03}" for number in range(80)]
    for key in reversed(keys):
        deliver(world, [key])
        world.dispatch()
        (batch,) = (item for item in world.items() if item["pk"] == "open")
        assert batch["members"].count("#") <= 66
    world.dispatch(minutes=61)
    (execution,) = world.running(1)
    assert list(execution.keys) == keys == looked_up


def test_the_local_s3_has_the_same_results_for_keys_of_any_characters(trigger: Make) -> None:
    world = trigger()
    alphabet = "\x01\n ~a/\x7f\ue000\uffff\U00010000"
    there = [f"in/{first}{second}" for first in alphabet for second in ("", *alphabet)]
    there = [key for key in there if not key.endswith("/")]
    missing = [f"{key}?" for key in there[::3]]
    for key in there:
        world.s3.put_object(Bucket=world.bucket, Key=key, Body=b"x")
    asked = sorted({*there, *missing}, key=str.encode)
    for alone in (False, True):
        found = list(look_up(world.s3, world.bucket, asked, prefixes=("in/",), alone=alone))
        assert [key for key, result in zip(asked, found, strict=True) if result.exists] == sorted(there, key=str.encode)
    siblings = {key for key in there if any(other != key and other.startswith(key) for other in there)}
    assert {key for key, result in zip(asked, found, strict=True) if result.exists and not result.is_alone} == siblings


def test_many_parts_with_keys_that_do_not_compress_are_sealed_below_the_size_of_a_transaction(trigger: Make) -> None:
    world = trigger(batch_size=100_000, batch_window=60)
    sent: list[int] = []
    for _ in range(8):
        names = ("".join(chr(_RANDOM.randrange(0x4E00, 0x9FFF)) for _ in range(330)) for _ in range(1000))
        assert world.deliver(*(world.event(f"in/{name}") for name in names)) == []
    inbox = {item["sk"]: len(item["uploads"]) for item in world.items() if item["pk"] == "inbox"}
    assert sum(inbox.values()) > 4_000_000

    def measure(params: dict[str, Any], **_: object) -> None:
        size = 0
        for change in params["TransactItems"]:
            if "Put" in change:
                size += sum(len(value.get("B", b"")) for value in change["Put"]["Item"].values())
            if "Delete" in change:
                size += inbox.get(change["Delete"]["Key"]["sk"]["S"], 0)
        sent.append(size)

    world.runtime.table.client.meta.events.register("provide-client-params.dynamodb.TransactWriteItems", measure)
    world.dispatch()
    assert sum(sent) > sum(inbox.values())
    assert max(sent) < 4_000_000
    assert [item["pk"] for item in world.items() if item["pk"] in ("inbox", "sealed")] == []


@pytest.mark.parametrize(("character", "length"), [('"', 16_000), ("障", 8_000)], ids=["quotation marks", "wide ones"])
def test_the_longest_causes_of_failures_free_their_slots(trigger: Make, character: str, length: int) -> None:
    world = trigger(max_concurrent_jobs=90)
    keys = [f"in/{number}" for number in range(90)]
    world.start(*map(world.upload, keys))
    for execution in world.running(90):
        world.end(execution, error="Boom", cause=character * length, report=False)
    assert world.attempt(minutes=12)  # the reconciliation finds the ends, all of one run
    assert world.slots() == 0
    world.finish()
    assert Counter(key for body, _ in world.dead_letters() for key in dead_keys(body)) == Counter(keys)
