"""Batches, slots and failures: the ledger's functions with real services."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from s3_trigger.batches import FLUSH
from tests.helpers.trigger_world import Trigger

Make = Callable[..., Trigger]


def test_a_full_batch_is_one_execution_with_all_its_objects(trigger: Make) -> None:
    world = trigger(batch_size=3, batch_window=300)
    assert world.deliver(*(world.upload(f"in/{name}.csv") for name in "abcde")) == []
    world.dispatch()
    (execution,) = world.running(1)
    assert execution.keys == ("in/a.csv", "in/b.csv", "in/c.csv")
    assert execution.input.keys() == {"batch", "bucket", "group", "objects", "s3_data_type", "s3_uri", "trigger"}
    assert execution.input["objects"] == 3
    assert execution.input["bucket"] == world.bucket
    assert len(execution.name) == 64
    world.dispatch(minutes=4)
    world.running(1)
    world.dispatch(minutes=2)  # the window is over
    assert sorted(execution.keys for execution in world.running(2)) == [
        ("in/a.csv", "in/b.csv", "in/c.csv"),
        ("in/d.csv", "in/e.csv"),
    ]


def test_an_upload_that_is_delivered_twice_is_collected_once(trigger: Make) -> None:
    world = trigger(batch_size=4, batch_window=60)
    events = [world.upload(f"in/{name}.csv") for name in "abc"]
    assert world.deliver(events[0], events[0], events[1]) == []
    assert world.deliver(events[1], events[2], events[0]) == []
    world.dispatch(minutes=2)
    (execution,) = world.running(1)
    assert execution.keys == ("in/a.csv", "in/b.csv", "in/c.csv")
    assert world.deliver(*events) == []
    world.dispatch(minutes=2)
    world.running(1)


def test_groups_do_not_share_a_batch(trigger: Make) -> None:
    world = trigger(batch_size=10, batch_window=60, group_by={"folders": 1})
    keys = ("in/blue/1.csv", "in/red/1.csv", "in/blue/deep/2.csv", "in/root.csv")
    assert world.deliver(*(world.upload(key) for key in keys)) == []
    world.dispatch(minutes=2)
    assert {execution.input["group"]: execution.keys for execution in world.running(3)} == {
        "in/blue": ("in/blue/1.csv", "in/blue/deep/2.csv"),
        "in/red": ("in/red/1.csv",),
        "in/": ("in/root.csv",),
    }


def test_groups_by_a_pattern(trigger: Make) -> None:
    world = trigger(batch_size=10, batch_window=60, group_by={"pattern": r"day=(\d+)(-late)?"})
    keys = ("in/day=1/a.csv", "in/day=2/a.csv", "in/x/day=1-late", "in/none.csv")
    assert world.deliver(*(world.upload(key) for key in keys)) == []
    world.dispatch(minutes=2)
    assert {execution.input["group"] for execution in world.running(4)} == {"1/", "2/", "1/-late", "-"}


@pytest.mark.parametrize(
    ("group_by", "keys"),
    [
        ({"folders": 1}, ("-/a.csv", "a.csv", "--/a.csv", "%2D/a.csv")),
        ({"pattern": r"^(.*)=(.*)[.]csv$"}, ("a/b=c.csv", "a=b/c.csv", "a%2Fb=c.csv", "a.csv")),
        ({"pattern": r"^(-*)"}, ("-.csv", "a.csv", "--.csv")),
    ],
    ids=["folder", "parts", "dash"],
)
def test_groups_that_look_alike_do_not_share_a_batch(
    trigger: Make, group_by: dict[str, Any], keys: tuple[str, ...]
) -> None:
    world = trigger(batch_size=10, batch_window=60, group_by=group_by, prefixes=())
    assert world.deliver(*(world.upload(key) for key in keys)) == []
    world.dispatch(minutes=2)
    assert sorted(execution.keys for execution in world.running(len(keys))) == sorted((key,) for key in keys)


def test_no_more_executions_run_concurrently_than_allowed(trigger: Make) -> None:
    world = trigger(max_concurrent_jobs=2)
    assert world.deliver(*(world.upload(f"in/{number}.csv") for number in range(5))) == []
    world.dispatch()
    first, second = world.running(2)
    assert first.input.keys() == {"bucket", "key", "run", "s3_data_type", "s3_uri", "sequencer", "trigger"}
    assert first.keys == (first.input["key"],)
    world.end(first)
    world.dispatch()
    world.running(2)
    world.end(second, error="ABORTED")
    world.dispatch()
    third, _ = world.running(2)
    world.end(third, error="States.TaskFailed")
    world.dispatch()
    world.running(2)
    assert len(world.executions) == 5


def test_an_end_without_an_event_is_detected_within_minutes(trigger: Make) -> None:
    world = trigger(max_concurrent_jobs=1)
    assert world.deliver(*(world.upload(f"in/{name}.csv") for name in "ab")) == []
    world.dispatch()
    (first,) = world.running(1)
    late = world.end(first, report=False)
    world.dispatch(minutes=2)
    (second,) = world.running(1)
    assert world.deliver(late) == []  # it frees no slot a second time
    world.dispatch()
    assert world.running(1) == [second]


def test_a_deleted_object_becomes_a_dead_letter_and_the_others_run(trigger: Make) -> None:
    world = trigger(batch_size=3, batch_window=60)
    events = [world.upload(f"in/{name}.csv") for name in "abc"]
    world.s3.delete_object(Bucket=world.bucket, Key="in/b.csv")
    assert world.deliver(*events) == []
    world.dispatch()
    (execution,) = world.running(1)
    assert execution.keys == ("in/a.csv", "in/c.csv")
    ((body, reason),) = world.dead_letters()
    assert reason == "the object was deleted before the job started"
    assert json.loads(body)["detail"]["objects"] == [f"s3://{world.bucket}/in/b.csv"]
    # The object is uploaded again, and the dead letter is sent back.
    world.s3.put_object(Bucket=world.bucket, Key="in/b.csv", Body=b"x")
    assert world.deliver(body) == []
    world.dispatch()
    assert [execution.keys for execution in world.running(2)] == [("in/a.csv", "in/c.csv"), ("in/b.csv",)]
    assert world.deliver(body) == []
    world.dispatch()
    world.running(2)


def test_a_batch_whose_objects_are_all_deleted_starts_nothing_and_holds_no_slot(trigger: Make) -> None:
    world = trigger(batch_size=2, batch_window=60, max_concurrent_jobs=1)
    events = [world.upload(f"in/{name}.csv") for name in "ab"]
    for name in "ab":
        world.s3.delete_object(Bucket=world.bucket, Key=f"in/{name}.csv")
    assert world.deliver(*events) == []
    world.dispatch()
    world.running(0)
    assert (world.slots(), world.pending()) == (0, [])
    ((body, _),) = world.dead_letters()
    assert json.loads(body)["detail"]["objectCount"] == 2


def test_a_failed_batch_is_bisected_down_to_the_culprit(trigger: Make) -> None:
    world = trigger(batch_size=8, batch_window=60, max_replays=50)
    world.listen()
    assert world.deliver(*(world.upload(f"in/{number}.csv") for number in range(8))) == []
    done: set[str] = set()
    world.dispatch()
    for executions in (1, 2, 2, 2):
        for execution in world.running(executions):
            if "in/5.csv" in execution.keys:
                world.end(execution, error="States.TaskFailed")
            else:
                assert not done & set(execution.keys)
                done |= set(execution.keys)
                world.end(execution)
        world.dispatch()
    world.running(0)
    assert done == {f"in/{number}.csv" for number in range(8) if number != 5}
    ((body, reason),) = world.dead_letters()
    assert json.loads(body)["detail"]["objects"] == [f"s3://{world.bucket}/in/5.csv"]
    assert reason == "States.TaskFailed: the script failed"
    assert [event["following"] for event in world.published()] == ["BISECTED"] * 3 + ["SET_ASIDE"]
    assert len(world.executions) == 7


def test_a_failure_that_no_object_can_cause_makes_the_whole_batch_a_dead_letter(trigger: Make) -> None:
    world = trigger(batch_size=4, batch_window=60, max_replays=50)
    assert world.deliver(*(world.upload(f"in/{number}.csv") for number in range(4))) == []
    world.dispatch()
    (execution,) = world.running(1)
    world.end(execution, error="SageMaker.AmazonSageMakerException")
    world.dispatch()
    world.running(0)
    ((body, _),) = world.dead_letters()
    assert json.loads(body)["detail"]["objectCount"] == 4
    # After a repair, the dead letter brings all four back, and a replay of the failed run adds no fifth.
    failed = {"batch": execution.input["batch"], "run": execution.name}
    replay = json.dumps({"source": "cdk-sagemaker-processing", "detail-type": "Replay", "detail": failed})
    assert world.deliver(body, replay) == []
    world.dispatch()
    (second,) = world.running(1)
    assert second.keys == execution.keys
    assert second.name != execution.name


def test_the_number_of_jobs_for_a_bad_batch_is_limited(trigger: Make) -> None:
    world = trigger(batch_size=16, batch_window=60, max_replays=6)
    assert world.deliver(*(world.upload(f"in/{number:02}.csv") for number in range(16))) == []
    world.dispatch()
    for executions in (1, 2, 4):
        for execution in world.running(executions):
            world.end(execution, error="States.TaskFailed")
        world.dispatch()
    world.running(0)
    letters = [json.loads(body)["detail"]["objectCount"] for body, _ in world.dead_letters()]
    assert sum(letters) == 16
    assert len(world.executions) == 7


def test_a_flush_closes_the_batches_that_were_open_at_its_time(trigger: Make) -> None:
    world = trigger(batch_size=10, batch_window=86_400, group_by={"folders": 1})
    assert world.deliver(world.upload("in/blue/1.csv"), world.upload("in/red/1.csv")) == []
    world.dispatch(minutes=1)
    world.running(0)

    at = datetime.fromtimestamp(world.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    world.dynamodb.put_item(
        TableName=world.runtime.table.name,
        Item={"pk": {"S": FLUSH[0]}, "sk": {"S": FLUSH[1]}, "at": {"S": at}},  # as EventBridge Scheduler writes it
    )
    world.now += 60
    assert world.deliver(world.upload("in/green/1.csv")) == []
    world.dispatch(minutes=1)

    assert sorted(execution.keys for execution in world.running(2)) == [("in/blue/1.csv",), ("in/red/1.csv",)]
    world.dispatch(minutes=1)
    world.running(2)
    world.dispatch(minutes=24 * 60)
    assert ("in/green/1.csv",) in [execution.keys for execution in world.running(3)]
