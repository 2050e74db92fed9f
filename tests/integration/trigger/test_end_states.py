"""Every run ends: whatever fails or expires, nothing is lost or doubled, slots are freed, failures are published."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from s3_trigger.messages import ExecutionEnded
from s3_trigger.outcomes import handle_ends
from tests.helpers.trigger_world import Clients, Trigger, dead_keys

pytestmark = pytest.mark.exhaustive

Make = Callable[..., Trigger]
DAY_MINUTES = 24 * 60
SIZES = pytest.mark.parametrize("size", [1, 2], ids=["single objects", "batches"])


def replay_of(name: str) -> str:
    """Return the message with which the command retries a run."""
    return json.dumps({"source": "cdk-sagemaker-processing", "detail-type": "Replay", "detail": {"run": name}})


@SIZES
@pytest.mark.parametrize("code", ["AccessDeniedException", "InvalidExecutionInput", "StateMachineDoesNotExist"])
def test_a_persistent_failure_to_start_becomes_a_dead_letter_and_frees_the_slot(
    trigger: Make, size: int, code: str
) -> None:
    world = trigger(batch_size=size, batch_window=60, max_concurrent_jobs=1)
    assert world.deliver(world.upload("in/a"), world.upload("in/b")) == []
    world.faults.refused["StartExecution"] = (code, 400, lambda _: True)
    attempts = [world.attempt(minutes=12) for _ in range(14)]
    assert 5 <= attempts.count(False) <= 10  # the next run is tried for the first time when the other is given up
    letters = world.dead_letters()
    assert sorted(key for body, _ in letters for key in dead_keys(body)) == ["in/a", "in/b"]
    assert all("could not be started" in reason and code in reason for _, reason in letters)
    assert (world.slots(), world.pending()) == (0, [])
    # After a repair, the dead letters start each object once, however often they are sent back.
    world.faults.refused.clear()
    assert world.deliver(*(body for body, _ in letters * 2)) == []
    world.finish()
    assert world.keys("SUCCEEDED") == Counter(["in/a", "in/b"])


@SIZES
@pytest.mark.parametrize(
    ("code", "status"), [("ThrottlingException", 400), ("ExecutionLimitExceeded", 400), ("x", 503)]
)
def test_a_transient_failure_to_start_is_tried_again_for_hours(
    trigger: Make, size: int, code: str, status: int
) -> None:
    world = trigger(batch_size=size, batch_window=60, max_concurrent_jobs=1)
    assert world.deliver(world.upload("in/a"), world.upload("in/b")) == []
    world.faults.refused["StartExecution"] = (code, status, lambda _: True)
    assert not any(world.attempt(minutes=60) for _ in range(12))
    assert world.dead_letters() == []
    world.faults.refused.clear()
    world.finish()
    assert world.keys("SUCCEEDED") == Counter(["in/a", "in/b"])
    assert world.dead_letters() == []


@SIZES
def test_a_failure_that_is_transient_for_days_becomes_a_dead_letter(trigger: Make, size: int) -> None:
    world = trigger(batch_size=size, batch_window=60)
    assert world.deliver(world.upload("in/a"), world.upload("in/b")) == []
    world.faults.refused["StartExecution"] = ("ThrottlingException", 400, lambda _: True)
    for _ in range(16):
        world.attempt(minutes=DAY_MINUTES / 4)
    assert sorted(key for body, _ in world.dead_letters() for key in dead_keys(body)) == ["in/a", "in/b"]
    assert (world.slots(), world.pending()) == (0, [])


@SIZES
def test_objects_that_head_object_refuses_stop_nothing(trigger: Make, size: int) -> None:
    """Encrypt objects with keys that their uploader has (SSE-C): HeadObject fails without the key."""
    world = trigger(batch_size=size, batch_window=60, max_concurrent_jobs=1)
    for name in ("c1", "c2"):
        world.s3.put_object(
            Bucket=world.bucket, Key=f"in/{name}", Body=b"x", SSECustomerAlgorithm="AES256", SSECustomerKey="k" * 32
        )
    world.start(world.event("in/c1"), world.upload("in/a"), world.event("in/c2"), world.upload("in/b"))
    world.finish()
    assert world.keys("SUCCEEDED") == Counter(["in/a", "in/b", "in/c1", "in/c2"])


@SIZES
def test_an_execution_that_cannot_be_described_keeps_no_other_end_waiting(trigger: Make, size: int) -> None:
    world = trigger(batch_size=size, batch_window=60, group_by={"pattern": "in/(.)"})
    world.start(*(world.upload(f"in/{key}") for key in ("a1", "a2", "b1", "b2")))
    running = world.running(4 // size)
    for execution in running:
        world.end(execution, report=False)
    refused = world.arn(next(execution.name for execution in running if "in/a1" in execution.keys))
    world.faults.refused["DescribeExecution"] = (
        "AccessDeniedException",
        400,
        lambda parameters: parameters["executionArn"] == refused,
    )
    assert not world.attempt(minutes=12)
    if size > 1:  # single objects of one prefix share a run, whose ends are found together
        assert world.slots() == 1
    world.faults.refused.clear()
    world.finish()
    assert (world.slots(), world.pending()) == (0, [])


@SIZES
@pytest.mark.parametrize("started", [False, True])
def test_a_run_whose_uploads_were_deleted_from_the_ledger_ends(trigger: Make, size: int, *, started: bool) -> None:
    world = trigger(batch_size=size, batch_window=60, max_concurrent_jobs=2)
    events = [world.upload("in/a"), world.upload("in/b")]
    if started:
        world.start(*events)
        for execution in world.running(2 // size):
            world.end(execution, report=False)
    else:
        assert world.deliver(*events) == []
        for operation in ("ListObjectsV2", "HeadObject"):
            world.faults.refused[operation] = ("SlowDown", 503, lambda _: True)
        assert not world.attempt(minutes=12)
        world.faults.refused.clear()
    for item in world.items():
        if item["pk"] == "unit":
            key: Any = {name: {"S": item[name]} for name in ("pk", "sk")}
            world.dynamodb.delete_item(TableName=str(world.settings["table"]), Key=key)
    world.configure()  # new instances of the functions, which have no unit in memory
    for _ in range(12):
        world.attempt(minutes=12)
    assert (world.slots(), world.pending()) == (0, [])
    letters = world.dead_letters()
    if started and size > 1:
        assert letters == []  # an end is decided without the uploads
    else:
        assert len(letters) == 1
        assert "the table has no unit" in letters[0][1]


def test_many_failures_of_one_run_in_one_delivery_are_each_a_dead_letter(trigger: Make) -> None:
    world = trigger(batch_size=1)
    count = 200
    world.start(*(world.upload(f"in/{number:03}") for number in range(count)))
    ends = [world.end(execution, error="Failed", report=False) for execution in world.running(count)]
    assert world.deliver(*ends, *ends[:50]) == []
    for _ in range(3):
        world.dispatch(minutes=2)
    letters = [key for body, _ in world.dead_letters() for key in dead_keys(body)]
    assert sorted(letters) == [f"in/{number:03}" for number in range(count)]
    assert (world.slots(), world.pending()) == (0, [])


def test_several_ends_of_one_batch_in_one_delivery_are_one_end(trigger: Make) -> None:
    world = trigger(batch_size=2, batch_window=60, max_replays=0)
    world.listen()
    world.start(world.upload("in/a"), world.upload("in/b"))
    [execution] = world.running(1)
    end = world.end(execution, error="Failed", report=False)
    assert world.deliver(end, end, end) == []
    assert [detail["executionArn"] for detail in world.published()] == [world.arn(execution.name)]
    assert [sorted(dead_keys(body)) for body, _ in world.dead_letters()] == [["in/a", "in/b"]]
    assert (world.slots(), world.pending()) == (0, [])


@SIZES
def test_work_that_waits_or_runs_does_not_expire(trigger: Make, size: int) -> None:
    world = trigger(batch_size=size, batch_window=60, max_concurrent_jobs=1)
    world.start(*(world.upload(f"in/{number}") for number in range(4)), world.upload("in/open"))
    for _ in range(3):
        world.now += 121 * DAY_MINUTES * 60
        world.expire()
        for execution in world.running_now():
            world.end(execution)
        world.dispatch(minutes=2)
    world.finish()
    assert world.keys("SUCCEEDED") == Counter([*(f"in/{number}" for number in range(4)), "in/open"])
    assert (world.slots(), world.dead_letters()) == (0, [])


def test_a_batch_that_fails_after_months_is_bisected_and_can_be_redriven(trigger: Make) -> None:
    world = trigger(batch_size=2, batch_window=60, max_concurrent_jobs=1, max_replays=10)
    world.start(world.upload("in/1"), world.upload("in/2"))
    (execution,) = world.running(1)
    world.now += 121 * DAY_MINUTES * 60
    world.expire()
    world.end(execution, error="States.TaskFailed")
    world.dispatch(minutes=2)
    (half,) = world.running(1)
    world.end(half, error="States.TaskFailed")
    world.finish()
    ((body, _),) = world.dead_letters()
    world.now += 100 * DAY_MINUTES * 60
    world.expire()
    assert world.deliver(body) == []
    world.finish()
    assert world.keys("SUCCEEDED") == Counter(["in/1", "in/2"])


def test_records_that_expire_in_any_order_do_not_stop_the_functions(trigger: Make) -> None:
    world = trigger(batch_size=3, batch_window=60)
    event = world.upload("in/a")
    world.start(event)
    world.finish()
    for marks in ("seen", "seen#"):
        for item in world.items():
            if item["pk"] == marks or (marks == "seen#" and item["pk"].startswith(marks)):
                key: Any = {name: {"S": item[name]} for name in ("pk", "sk")}
                world.dynamodb.delete_item(TableName=str(world.settings["table"]), Key=key)
        world.start(event, world.upload(f"in/{marks}"))
        world.finish()
    keys = world.keys("SUCCEEDED")
    assert keys["in/seen"] == keys["in/seen#"] == 1
    assert keys["in/a"] <= 3
    assert (world.slots(), world.pending()) == (0, [])


@SIZES
@pytest.mark.parametrize("replays", [0, 2])
def test_an_end_that_two_functions_handle_has_one_consequence(trigger: Make, size: int, replays: int) -> None:
    world = trigger(batch_size=size, batch_window=60, max_concurrent_jobs=1, max_replays=replays)
    world.listen()
    world.start(*(world.upload(f"in/{number}") for number in range(size)))
    (execution,) = world.running(1)
    event = world.end(execution, error="States.TaskFailed", report=False)
    detail = json.loads(event)["detail"]
    ended = ExecutionEnded(
        name=detail["name"],
        arn=detail["executionArn"],
        status="FAILED",
        error="States.TaskFailed",
        input=detail["input"],
    )
    handle_ends(world.runtime, [ended, ended])
    assert world.deliver(event, event) == []
    world.dispatch(minutes=2)
    assert len(world.published()) == 1
    is_bisected = size > 1 and replays
    assert len(world.dead_letters()) == (0 if is_bisected else 1)
    assert len(world.running_now()) == (1 if is_bisected else 0)
    assert world.slots() == (1 if is_bisected else 0)


def test_an_end_handled_from_a_stale_record_has_no_consequence(trigger: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    world = trigger(batch_size=2, batch_window=60, max_replays=2)
    world.start(world.upload("in/1"), world.upload("in/2"))
    (execution,) = world.running(1)
    stale = world.runtime.runs.active_ones([execution.name])
    world.end(execution, error="States.TaskFailed")
    world.dispatch()
    read, reads = world.runtime.runs.active_ones, iter([stale])
    monkeypatch.setattr(world.runtime.runs, "active_ones", lambda names: next(reads, None) or read(names))
    handle_ends(world.runtime, [ExecutionEnded(name=execution.name, arn=execution.arn, status="FAILED")])
    world.finish()
    assert world.keys("SUCCEEDED") == Counter(["in/1", "in/2"])
    assert world.dead_letters() == []


@pytest.mark.parametrize("missing", [True, False], ids=["one missing", "all exist"])
@pytest.mark.parametrize("retry_first", [True, False], ids=["retry first", "redrive first"])
def test_retry_and_redrive_of_one_failure_start_it_once(trigger: Make, *, missing: bool, retry_first: bool) -> None:
    world = trigger(batch_size=3, batch_window=60)
    events = [world.upload(f"in/{name}") for name in "abc"]
    if missing:
        world.s3.delete_object(Bucket=world.bucket, Key="in/c")
    world.start(*events)
    (execution,) = world.running(1)
    world.end(execution, error="States.TaskFailed")
    letters = [body for body, _ in world.dead_letters()]
    messages = [replay_of(execution.name), *letters][:: 1 if retry_first else -1]
    assert world.deliver(*messages, *messages) == []
    world.finish()
    assert world.keys("SUCCEEDED") == Counter(["in/a", "in/b"] if missing else ["in/a", "in/b", "in/c"])


def test_retry_and_redrive_of_a_single_object_start_it_once(trigger: Make) -> None:
    world = trigger()
    world.start(world.upload("in/a"))
    (execution,) = world.running(1)
    world.end(execution, error="States.TaskFailed")
    ((body, _),) = world.dead_letters()
    fields = {name: execution.input[name] for name in ("key", "sequencer")}
    detail = {"bucket": {"name": world.bucket}, "object": fields}
    retry = {"source": "aws.s3", "detail-type": "Object Created", "detail": detail, "replay": execution.name}
    assert world.deliver(body, json.dumps(retry), body) == []
    world.finish()
    assert world.keys("SUCCEEDED") == Counter(["in/a"])
    assert len(world.executions) == 2


@SIZES
def test_a_failure_after_a_redrive_of_the_execution_is_published_again(trigger: Make, size: int) -> None:
    world = trigger(batch_size=size, batch_window=60)
    world.listen()
    world.start(*(world.upload(f"in/{number}") for number in range(size)))
    (execution,) = world.running(1)
    event = world.end(execution, error="States.TaskFailed")
    assert len(world.published()) == 1
    again = json.loads(event)
    again["detail"] |= {"redriveCount": 1, "cause": "failed again"}
    assert world.deliver(event, json.dumps(again), json.dumps(again)) == []
    assert world.deliver(json.dumps(again)) == []
    (event_again,) = world.published()
    assert event_again["objectCount"] == size
    assert world.slots() == 0
    again["detail"] |= {"redriveCount": 2}
    assert world.deliver(json.dumps(again)) == []
    assert len(world.published()) == 1
    letters = [body for body, _ in world.dead_letters()]
    assert world.deliver(*letters) == []
    world.finish()
    assert world.keys("SUCCEEDED") == Counter(f"in/{number}" for number in range(size))


def test_a_dead_letter_is_harmless_once_a_redrive_has_succeeded(trigger: Make) -> None:
    world = trigger(batch_size=2, batch_window=60)
    world.start(world.upload("in/1"), world.upload("in/2"))
    (execution,) = world.running(1)
    event = json.loads(world.end(execution, error="States.TaskFailed"))
    event["detail"] |= {"redriveCount": 1, "status": "SUCCEEDED", "error": None, "cause": None}
    assert world.deliver(json.dumps(event)) == []
    ((body, _),) = world.dead_letters()
    world.start(body, replay_of(execution.name))
    world.running(0)


@SIZES
def test_of_two_triggers_each_publishes_its_own_failures(clients: Clients, size: int) -> None:
    first = Trigger(clients, batch_size=size, batch_window=60)
    machine = first.settings["state_machine_arn"]
    second = Trigger(
        clients, state_machine_arn=machine, pipeline="Other", trigger="other", reports_other_executions=False
    )
    first.listen()
    clients.faults = first.faults
    first.start(*(first.upload(f"in/{number}") for number in range(size)))
    (execution,) = first.running(1)
    event = first.end(execution, error="States.TaskFailed", report=False)
    assert first.deliver(event) == second.deliver(event) == []
    assert [event["pipeline"] for event in first.published()] == ["Stack/Pipeline"]
    assert second.dead_letters() == []
    # An execution that no trigger has started is published by one of them.
    foreign = json.loads(event)
    foreign["detail"] |= {"name": "x", "executionArn": first.arn("x"), "input": "{}"}
    assert first.deliver(json.dumps(foreign)) == second.deliver(json.dumps(foreign)) == []
    assert [event["pipeline"] for event in first.published()] == ["Stack/Pipeline"]


@SIZES
@pytest.mark.parametrize("after", [False, True], ids=["request", "response"])
def test_a_lost_connection_loses_and_doubles_nothing(trigger: Make, size: int, *, after: bool) -> None:
    """Lose the requests or the responses of some calls, each in a world of its own."""
    for call in range(1, 36, 3 if after else 8):
        world = trigger(batch_size=size, batch_window=60, max_concurrent_jobs=1)
        events = [world.upload("in/a"), world.upload("in/b")]
        world.faults.kill_at, world.faults.after, world.faults.lost = call, after, True
        failed = world.deliver(*events)
        if failed:
            assert world.deliver(*(events[number] for number in failed)) == []
        for _ in range(2 // size):
            for _ in range(3):
                world.attempt(minutes=12)
            (execution,) = world.running(1)
            event = world.end(execution, report=False)
            if world.deliver(event):
                assert world.deliver(event) == []
        world.finish()
        assert world.keys("SUCCEEDED") == Counter(["in/a", "in/b"]), call
        assert (world.slots(), world.dead_letters()) == (0, []), call
