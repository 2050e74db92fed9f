"""Backfills and reconciliations: what a listing finds and what events tell is taken once, in any order."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from s3_trigger import scanner
from tests.helpers.trigger_world import Trigger, backfill, later

pytestmark = pytest.mark.exhaustive

Make = Callable[..., Trigger]
BATCHES = {"batch_size": 3, "batch_window": 60}
KINDS = pytest.mark.parametrize("settings", [{}, BATCHES], ids=["singles", "batches"])
VERSIONS = pytest.mark.parametrize("versioned", [True, False], ids=["versions", "no versions"])
HOSTILE = [
    "in/a b+c%2F.csv",
    "in/\x01\x7f\u2028.csv",
    "in/é\U0001f600",
    "in/x.csv.bak",
    "in/" + "k" * 1021,
    "in/&<>\"'",
]


@KINDS
@VERSIONS
def test_what_is_in_the_bucket_is_taken_once(trigger: Make, settings: dict[str, Any], *, versioned: bool) -> None:
    world = trigger(**settings)
    if versioned:
        world.version()
    keys = [f"in/{number}.csv" for number in range(7)]
    events = [world.upload(key) for key in keys]
    world.upload("other/a.csv")
    done = backfill(world)
    assert (done["status"], done["taken"], done["listed"]) == ("DONE", 7, 7)
    assert world.keys("SUCCEEDED") == Counter(keys)
    # The events arrive at last, in any order and twice.
    world.start(*reversed(events), *events)
    world.finish()
    assert world.keys() == Counter(keys)
    again = backfill(world)
    assert (again["taken"], again["known"]) == (0, 7)
    assert world.keys() == Counter(keys)
    assert world.dead_letters() == []


@KINDS
@VERSIONS
def test_what_events_have_brought_is_not_taken_again(
    trigger: Make, settings: dict[str, Any], *, versioned: bool
) -> None:
    world = trigger(**settings)
    if versioned:
        world.version()
    keys = [f"in/{number}.csv" for number in range(5)]
    events = [world.upload(key) for key in keys]
    world.start(*events[:3])
    # The delivery of a fourth waits in the inbox.
    world.deliver(events[3])
    done = backfill(world)
    world.start(*events)
    world.finish()
    assert world.keys() == Counter(keys)
    assert done["taken"] in (1, 2)


@VERSIONS
def test_an_overwritten_object_is_another_upload(trigger: Make, *, versioned: bool) -> None:
    world = trigger()
    if versioned:
        world.version()
    first = world.upload("in/a.csv", b"1")
    world.start(first)
    world.finish()
    world.upload("in/a.csv", b"2")
    assert backfill(world)["taken"] == 1
    assert world.keys() == Counter({"in/a.csv": 2})


def test_the_same_content_uploaded_again_is_another_upload_later_than_minutes_after_a_listing(trigger: Make) -> None:
    """Without versions, only the time tells a late event from that of another upload of the same content."""
    world = trigger()
    late = world.upload("in/a")
    assert backfill(world)["taken"] == 1
    sent = json.loads(late)
    listed = min(int(item["listed"]) for item in world.items() if item["pk"].startswith("listing#"))
    for seconds, sequencer, count in ((0, "0A", 1), (299, "0B", 1), (301, "0C", 2)):
        time = datetime.fromtimestamp(listed + seconds, UTC).isoformat()
        again = {**sent["detail"]["object"], "sequencer": sequencer}
        world.start(json.dumps({**sent, "time": time, "detail": {**sent["detail"], "object": again}}))
        world.finish()
        assert world.keys() == Counter({"in/a": count})


def test_versions_that_are_switched_on_and_suspended_meanwhile(trigger: Make) -> None:
    world = trigger()
    events = {}
    uploads: list[tuple[str, Literal["Enabled", "Suspended"] | None]] = [
        ("in/a", None),
        ("in/b", "Enabled"),
        ("in/c", "Suspended"),
        ("in/a", "Enabled"),
    ]
    for key, status in uploads:
        if status is not None:
            world.version(status)
        events[key, status] = world.upload(key, body=f"{key} {status}".encode())
    world.start(*list(events.values())[:2])
    world.finish()
    done = backfill(world)
    assert (done["known"], done["taken"]) == (1, 2)
    world.start(*events.values())
    world.finish()
    assert world.keys() == Counter({"in/a": 2, "in/b": 1, "in/c": 1})


def test_earlier_versions_and_deleted_objects_are_left(trigger: Make) -> None:
    world = trigger(batch_size=10, batch_window=60)
    world.version()
    for number in range(30):
        world.s3.put_object(Bucket=world.bucket, Key="in/often.csv", Body=str(number).encode())
    world.upload("in/deleted.csv")
    world.s3.delete_object(Bucket=world.bucket, Key="in/deleted.csv")
    world.upload("in/z.csv")
    done = backfill(world)
    assert (done["taken"], done["listed"]) == (2, 2)
    assert world.keys() == Counter(["in/often.csv", "in/z.csv"])


def test_the_filters_of_the_rules_and_of_the_request(trigger: Make) -> None:
    world = trigger()
    world.match({"key": [{"wildcard": "in/*.csv"}, "in/exact"], "size": [{"numeric": [">=", 2, "<=", 3]}]})
    for key, body in (
        ("in/a.csv", b"22"),
        ("in/b.csv", b"1"),
        ("in/c.csv", b"4444"),
        ("in/d.txt", b"22"),
        ("in/exact", b"22"),
        ("in/deep/e.csv", b"333"),
        ("in/folder.csv/", b"22"),
        ("on/a.csv", b"22"),
    ):
        world.s3.put_object(Bucket=world.bucket, Key=key, Body=body)
    assert backfill(world, dry=True)["taken"] == 3
    assert world.keys() == Counter()
    assert backfill(world, within="in/de")["taken"] == 1
    assert backfill(world, since=later())["taken"] == 0
    assert backfill(world)["taken"] == 2
    assert world.keys() == Counter(["in/a.csv", "in/exact", "in/deep/e.csv"])


def test_a_key_of_the_last_characters_keeps_no_other_upload_waiting(trigger: Make) -> None:
    world = trigger(prefixes=[])
    world.match({"size": [{"numeric": [">=", 0]}]})
    world.upload("a.csv")
    assert backfill(world)["taken"] == 1
    last = "\U0010ffff" * 256
    for key in ("\U0010ffffx.csv", last, "good.csv"):
        world.start(world.upload(key))
    world.finish()
    assert world.keys("SUCCEEDED") == Counter(["a.csv", "\U0010ffffx.csv", last, "good.csv"])


def test_hostile_keys(trigger: Make) -> None:
    world = trigger(batch_size=4, batch_window=60)
    world.version()
    events = [world.upload(key) for key in [*HOSTILE, "in/x.csv"]]
    world.start(events[2])
    assert backfill(world)["taken"] == len(HOSTILE)
    world.start(*events)
    world.finish()
    assert world.keys() == Counter([*HOSTILE, "in/x.csv"])


def test_again_takes_what_is_known_and_what_is_not(trigger: Make) -> None:
    world = trigger(**BATCHES)
    world.version()
    events = [world.upload(f"in/{number}") for number in range(4)]
    world.start(*events[:2])
    world.finish()
    assert backfill(world, again=True)["taken"] == 4
    world.start(*events)
    world.finish()
    assert world.keys() == Counter({"in/0": 2, "in/1": 2, "in/2": 1, "in/3": 1})


@pytest.mark.parametrize("again", [False, True])
def test_a_scanner_that_another_one_overtakes_takes_nothing(
    trigger: Make, monkeypatch: pytest.MonkeyPatch, *, again: bool
) -> None:
    world = trigger(**BATCHES)
    world.version()
    events = [world.upload(f"in/{number}") for number in range(3)]
    world.start(*events[:2])
    world.finish()
    world.request("start", until=later(), again=again)
    read = scanner.Scanner._read

    def interrupted(self: scanner.Scanner, *arguments: Any) -> Any:  # noqa: ANN401 - as the original
        found = read(self, *arguments)
        monkeypatch.undo()
        world.configure()  # another instance, which starts when the lease of this one is over
        world.now += 200
        world.dispatch(minutes=1)
        return found

    monkeypatch.setattr(scanner.Scanner, "_read", interrupted)
    world.dispatch(minutes=1)
    world.finish()
    assert world.request("status")["backfill"]["taken"] == (3 if again else 1)
    assert world.keys() == Counter({"in/0": 1 + again, "in/1": 1 + again, "in/2": 1})


@KINDS
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_scanner_that_is_killed_at_any_call(trigger: Make, settings: dict[str, Any], *, after: bool) -> None:
    world = trigger(**settings)
    world.version()
    keys = [f"in/{number}.csv" for number in range(5)]
    events = [world.upload(key) for key in keys]
    world.start(events[1])
    world.finish()
    world.request("start", until=later(), concurrency=100)
    for call in range(1, 40):
        before = len(world.faults.calls)
        with world.killed_at(call, after=after):
            world.dispatch(minutes=3)
            break
        assert len(world.faults.calls) - before == call
    else:
        raise AssertionError("the dispatcher must return at last")
    world.start(*events[:3])
    world.finish()
    world.start(*events)
    world.finish()
    assert world.keys() == Counter(keys)
    assert world.request("status")["backfill"]["status"] == "DONE"
    assert world.slots() == 0


def test_no_more_executions_than_the_concurrency(trigger: Make) -> None:
    world = trigger()
    for number in range(7):
        world.upload(f"in/{number}")
    world.request("start", until=later(), concurrency=2)
    for _ in range(3):
        world.dispatch(minutes=1)
        for execution in world.running(2):
            world.end(execution)
    world.dispatch(minutes=1)
    world.running(1)
    world.finish()
    assert world.keys() == Counter(f"in/{number}" for number in range(7))


def test_stop_and_resume(trigger: Make) -> None:
    world = trigger()
    for number in range(4):
        world.upload(f"in/{number}")
    assert world.request("stop")["refused"] == "no backfill of this trigger is running"
    assert world.request("resume")["refused"] == "no backfill of this trigger was stopped: there was none"
    world.request("start", until=later(), concurrency=2)
    world.dispatch(minutes=1)
    assert "is running" in world.request("start")["refused"]
    assert world.request("stop")["backfill"]["status"] == "STOPPED"
    for execution in world.running(2):
        world.end(execution)
    world.dispatch(minutes=1)
    world.running(0)
    assert world.request("resume")["backfill"]["status"] == "RUNNING"
    world.finish()
    assert world.request("resume")["refused"] == "no backfill of this trigger was stopped: it is over"
    assert world.request("nothing")["refused"] == "action must be start, stop, resume or status, got 'nothing'"
    assert world.keys() == Counter(f"in/{number}" for number in range(4))


def test_too_many_failures_stop_a_backfill(trigger: Make) -> None:
    world = trigger()
    for number in range(6):
        world.upload(f"in/{number}")
    world.request("start", until=later(), concurrency=2, tolerated=1)
    world.dispatch(minutes=1)
    for execution in world.running(2):
        world.end(execution, error="Error")
    world.dispatch(minutes=1)
    failed = world.request("status")["backfill"]
    assert (failed["status"], failed["taken"]) == ("FAILED", 2)
    assert failed["reason"] == "more than 1 objects have failed since its start"
    world.request("resume")
    world.finish()
    assert sum(world.keys("SUCCEEDED").values()) == 4


def test_a_dry_run_counts_the_batches_of_each_group(trigger: Make) -> None:
    world = trigger(**BATCHES, group_by={"folders": 1})
    for folder, count in (("a", 4), ("b", 1), ("c", 3)):
        for number in range(count):
            world.upload(f"in/{folder}/{number}", b"four")
    done = backfill(world, dry=True)
    assert (done["taken"], done["jobs"], done["taken_bytes"], done["status"]) == (8, 4, 32, "DONE")
    assert world.keys() == Counter()


def test_uploads_that_the_ledger_has_forgotten_are_left(trigger: Make) -> None:
    world = trigger()
    world.upload("in/a")
    world.now += 241 * 24 * 3600
    done = backfill(world)
    assert (done["forgotten"], done["taken"]) == (1, 0)
    assert backfill(world, again=True)["taken"] == 1


def test_more_uploads_than_the_memory_holds(trigger: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "MEMORABLE", 4)
    world = trigger(**BATCHES)
    world.version()
    events = [world.upload(f"in/{number}") for number in range(12)]
    world.start(*events[:9])
    world.finish()
    done = backfill(world)
    assert (done["taken"], done["known"]) == (3, 9)
    assert done["parts"] > 1
    world.start(*events)
    world.finish()
    assert world.keys() == Counter(f"in/{number}" for number in range(12))


def test_lost_events_are_found_by_the_reconciliation(trigger: Make) -> None:
    world = trigger(**BATCHES)
    world.minute["reconcile"] = 3600
    world.version()
    events = [world.upload(f"in/{number}") for number in range(10)]
    world.start(*events[:8])
    world.finish()
    assert sum(world.keys().values()) == 8  # nothing is taken that is so new
    world.now += 3 * 3600
    world.finish()
    assert world.keys() == Counter(f"in/{number}" for number in range(10))
    world.start(*events)  # the events were late, not lost
    world.now += 3 * 3600
    world.finish()
    assert world.keys() == Counter(f"in/{number}" for number in range(10))


def test_the_reconciliation_leaves_what_was_uploaded_before_the_trigger(trigger: Make) -> None:
    world = trigger()
    world.minute["reconcile"] = 3600
    world.upload("in/a")
    world.now += 30 * 24 * 3600
    world.finish()
    assert world.keys() == Counter()


@pytest.mark.parametrize("before", [None, 3600, "dropped"], ids=["first", "again", "dropped and added"])
def test_reconciliations_take_what_the_rules_of_its_time_would_have_sent(
    trigger: Make, before: int | str | None
) -> None:
    world = trigger()
    for at, key in ((0, "in/lost"), (0, "new/old")):
        world.upload(key)
        world.now += at
    world.dispatch(minutes=1)
    if before:
        world.minute["reconcile"] = 3600
        world.now += 7200
        world.finish()
        assert world.keys() == Counter(["in/lost"])
    if before == "dropped":
        del world.minute["reconcile"]
        world.now += 3600
        world.dispatch(minutes=1)
    world.deploy({"key": [{"prefix": "in/"}, {"prefix": "new/"}]})
    world.minute["reconcile"] = 3600
    for _ in range(4):  # the first one, and all that follow
        world.now += 7200
        world.finish()
        assert world.keys() == Counter(["in/lost"])
    # What is older than the rules is for a backfill.
    assert backfill(world)["taken"] == 1


def test_a_reconciliation_takes_nothing_of_the_time_in_which_uploads_started_nothing(trigger: Make) -> None:
    world = trigger()
    world.minute["disabled"] = True
    world.dispatch(minutes=1)
    world.upload("in/a")
    world.now += 3600
    del world.minute["disabled"]
    world.minute["reconcile"] = 3600
    world.now += 7200
    world.finish()
    assert world.keys() == Counter()


def test_lost_events_of_the_time_before_other_rules_are_found(trigger: Make) -> None:
    world = trigger()
    world.minute["reconcile"] = 3600
    world.finish()
    world.upload("in/lost")
    world.now += 1800
    world.deploy({"key": [{"prefix": "in/"}, {"prefix": "new/"}]})
    world.dispatch(minutes=1)
    world.now += 7200
    world.finish()
    assert world.keys() == Counter(["in/lost"])


@pytest.mark.parametrize("other", ["prefix", "bucket"])
def test_a_backfill_that_runs_while_other_rules_are_deployed_says_so(trigger: Make, other: str) -> None:
    world = trigger(max_concurrent_jobs=1)
    for number in range(3):
        world.upload(f"in/{number}")
    world.upload("a/0")
    world.request("start", until=later(), concurrency=1)
    world.dispatch(minutes=1)
    if other == "bucket":
        world.bucket = f"{world.bucket}-2"
        world.s3.create_bucket(Bucket=world.bucket)
        world.configure(bucket=world.bucket)
        world.upload("in/0")
        world.deploy({"key": [{"prefix": "in/"}]})
    else:
        world.deploy({"key": [{"prefix": "in/"}, {"prefix": "a/"}]})
    world.finish()
    failed = world.request("status")["backfill"]
    assert failed["status"] == "FAILED"
    assert failed["reason"].startswith("the bucket or the objects of the trigger were changed by a deployment; start")
    backfill(world)
    keys = ["in/0", "in/0"] if other == "bucket" else ["a/0", "in/0", "in/1", "in/2"]
    assert world.keys("SUCCEEDED") == Counter(keys)


def test_a_reconciliation_that_runs_while_other_rules_are_deployed_begins_again(trigger: Make) -> None:
    world = trigger(max_concurrent_jobs=1)
    world.minute["reconcile"] = 3600
    for number in range(3):
        world.upload(f"in/{number}")
    world.now += 3 * 3600
    world.dispatch(minutes=1)
    (running,) = world.running(1)
    before = world.request("status")["reconciliation"]
    world.deploy({"key": [{"prefix": "in/"}, {"prefix": "a/"}]})
    world.dispatch(minutes=1)
    assert before["status"] == "RUNNING"
    assert world.request("status")["reconciliation"]["id"] != before["id"]
    world.end(running)
    world.finish()
    assert world.keys("SUCCEEDED") == Counter(f"in/{number}" for number in range(3))
    assert world.request("status")["reconciliation"]["status"] == "DONE"


def test_uploads_of_the_version_before_are_recognized(trigger: Make) -> None:
    """Its items have no marks."""
    world = trigger(**BATCHES)
    world.version()
    events = [world.upload(f"in/{number}") for number in range(4)]
    world.start(*events[:3])
    world.finish()
    table = str(world.settings["table"])
    for item in world.dynamodb.scan(TableName=table)["Items"]:
        key = {name: item[name] for name in ("pk", "sk")}
        if item["pk"]["S"] in ("unit", "inbox"):
            world.dynamodb.update_item(TableName=table, Key=key, UpdateExpression="REMOVE marks")
        if item["pk"]["S"] == "seals":
            world.dynamodb.delete_item(TableName=table, Key=key)
        if item["pk"]["S"] == "meta":
            world.dynamodb.update_item(TableName=table, Key=key, UpdateExpression="REMOVE marks_since")
    world.configure()
    world.request("start", until=later())
    world.dispatch(minutes=1)
    assert world.request("status")["backfill"]["listed"] == 0  # a function of that version may be running
    world.finish()
    assert world.request("status")["backfill"]["taken"] == 1
    world.start(*events)
    world.finish()
    assert world.keys() == Counter(f"in/{number}" for number in range(4))


def test_nothing_is_listed_while_the_rule_of_an_earlier_version_names_no_rules(trigger: Make) -> None:
    world = trigger()
    world.upload("in/a")
    world.request("start", until=later())
    rules = world.minute.pop("rules")
    world.finish()
    assert world.request("status")["backfill"]["listed"] == 0
    world.minute["rules"] = rules
    world.finish()
    assert world.keys() == Counter(["in/a"])


def test_the_answer_is_json(trigger: Make) -> None:
    world = trigger()
    world.upload("in/\x01")
    backfill(world)
    assert json.loads(json.dumps(world.request("status")))["backfill"]["marker"] == "in/\x01"
