"""The stored events of log streams: as a sorted list, whatever arrives when, and what the server keeps of them."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import signal
import tempfile
import threading
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smproc.local import LocalAws
from smproc.local.errors import LocalAwsError
from smproc.local.server import log_events
from smproc.local.server.log_events import LogEvents, LogEventStore, StreamFacts
from tests.helpers.local_aws import RunningLocalAws
from tests.helpers.ports import free_port

BATCHES = st.lists(st.lists(st.tuples(st.integers(0, 30), st.text(max_size=3)), max_size=6), max_size=12)
FACTS = StreamFacts("1", "us-east-1", "group", "stream", 0)


def batch_of(timestamps_and_messages: list[tuple[int, str]], number: int) -> list[dict[str, Any]]:
    return [
        {"timestamp": timestamp, "message": message, "ingestionTime": number, "eventId": f"{number}-{at}"}
        for at, (timestamp, message) in enumerate(timestamps_and_messages)
    ]


@settings(deadline=None, max_examples=200)
@given(BATCHES, st.integers(-40, 80), st.integers(-40, 80))
def test_the_events_are_those_of_a_sorted_list(batches: list[list[tuple[int, str]]], start: int, stop: int) -> None:
    expected: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as directory:
        store = LogEventStore(Path(directory) / "logs")
        events = store.add(FACTS)
        for number, batch in enumerate(batches):
            events.append(batch_of(batch, number))
            expected = sorted([*expected, *batch_of(batch, number)], key=lambda event: event["timestamp"])
            assert list(events) == expected
        (again,) = LogEventStore(Path(directory) / "logs").streams()
        for stored in (events, again):
            assert list(stored) == expected
            assert stored[start:stop] == expected[start:stop]
            assert stored[::-1] == expected[::-1]
            assert [stored[at] for at in reversed(range(len(stored)))] == expected[::-1]
            assert bisect_left(stored, start, key=log_events._timestamp) == sum(
                event["timestamp"] < start for event in expected
            )
            assert stored.facts.characters == sum(len(event["message"]) for event in expected)
            timestamps = [event["timestamp"] for event in expected]
            assert (stored.facts.first, stored.facts.last) == (
                min(timestamps, default=None),
                max(timestamps, default=None),
            )
        with pytest.raises(IndexError):
            events[len(expected)]


@pytest.fixture
def store(tmp_path: Path) -> LogEventStore:
    return LogEventStore(tmp_path / "logs")


def test_few_events_are_in_memory(store: LogEventStore) -> None:
    streams = [store.add(StreamFacts("1", "r", "g", f"s{number}", 0)) for number in range(log_events._BLOCKS + 3)]
    for events in streams:
        events.append(batch_of([(at, "x" * 100) for at in range(5000)], 0))
        assert sum(1 for _ in events) == 5000
    kept = [len(events._block[1]) for events in streams]
    assert kept[:3] == [0, 0, 0]
    assert max(kept) <= log_events._BLOCK_MAX_EVENTS
    large = store.add(FACTS)
    large.append(batch_of([(at, "x" * 100_000) for at in range(50)], 0))
    assert sum(1 for _ in large) == 50
    assert len(large._block[1]) <= 3
    copied: dict[str, Any] = copy.deepcopy({"events": large})
    assert copied == {"events": []}


def test_a_removed_stream_takes_no_more_events_and_a_new_one_of_its_name_has_none(store: LogEventStore) -> None:
    events, other = store.add(FACTS), store.add(StreamFacts("1", "us-east-1", "other", "stream", 0))
    for one in (events, other):
        one.append(batch_of([(1, "a")], 0))
    store.remove("1", "us-east-1", "group")
    with pytest.raises(LookupError):
        events.append(batch_of([(2, "b")], 1))
    assert [one.facts.group for one in store.streams()] == ["other"]
    again = store.add(FACTS)
    assert list(again) == []
    assert store.find("1", "us-east-1", "0-0") == ("other", "stream", other[0])
    assert store.find("2", "us-east-1", "0-0") is None
    store.clear()
    assert store.streams() == []


def test_an_event_without_an_id_gets_one(store: LogEventStore) -> None:
    events = store.add(FACTS)
    events.append([{"timestamp": 1, "message": "a", "ingestionTime": 2}])
    assert events[0]["eventId"]


def test_readers_and_a_writer_do_not_disturb_each_other(store: LogEventStore) -> None:
    events = store.add(FACTS)
    failures: list[object] = []

    def read(events: LogEvents) -> None:
        while len(events) < 5000:
            found = [event["timestamp"] for event in events]
            if found != list(range(len(found))):
                failures.append(found)

    readers = [threading.Thread(target=read, args=(events,)) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(50):
        events.append(batch_of([(number * 100 + at, "x") for at in range(100)], number))
    for reader in readers:
        reader.join()
    assert failures == []


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "logs"
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(LocalAwsError) as caught:
        LogEventStore(path)
    assert str(caught.value) == f"The logs cannot be read (file is not a database); remove {path} to start without them"


@pytest.fixture
def restartable(tmp_path: Path) -> Iterator[RunningLocalAws]:
    aws = LocalAws(free_port(), state_dir=tmp_path / "state", runner="process", enforce_iam=False)
    aws.start()
    running = RunningLocalAws(aws, "any")
    try:
        yield running
    finally:
        running.close()
        aws.stop()


def memory_of(local_aws: RunningLocalAws) -> int:
    """Return the megabytes that the server holds."""
    pid = local_aws.aws.status().pid
    assert pid is not None
    return int(psutil.Process(pid).memory_info().rss) // 2**20


def messages(local_aws: RunningLocalAws, group: str, stream: str) -> list[str]:
    found: list[str] = []
    token: dict[str, Any] = {}
    while True:
        page = local_aws.logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True, **token)
        if not page["events"]:
            return found
        found += [event["message"] for event in page["events"]]
        token = {"nextToken": page["nextForwardToken"]}


def test_accepted_events_outlive_a_kill_and_those_of_a_deleted_group_do_not(restartable: RunningLocalAws) -> None:
    logs = restartable.logs
    for group in ("kept", "deleted"):
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName="s")
        events: list[Any] = [{"timestamp": 1_700_000_000_000 + at, "message": f"{group} {at}"} for at in range(1000)]
        logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)
    logs.delete_log_group(logGroupName="deleted")
    pid = restartable.aws.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    restartable.aws.start()
    assert messages(restartable, "kept", "s") == [f"kept {at}" for at in range(1000)]
    (stream,) = logs.describe_log_streams(logGroupName="kept")["logStreams"]
    assert (stream["firstEventTimestamp"], stream["lastEventTimestamp"]) == (1_700_000_000_000, 1_700_000_000_999)
    assert stream["storedBytes"] == sum(len(f"kept {at}") for at in range(1000))
    # The group itself may come back: groups are saved half a second after a change. Its events do not.
    with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
        assert messages(restartable, "deleted", "s") == []
    filtered = logs.filter_log_events(logGroupName="kept", filterPattern='"kept 999"')["events"]
    record = logs.get_log_record(logRecordPointer=filtered[0]["eventId"])["logRecord"]
    assert (record["@message"], record["@logStream"], record["@log"]) == ("kept 999", "s", "kept")


def test_the_events_of_an_older_server_are_taken_over(restartable: RunningLocalAws) -> None:
    logs = restartable.logs
    logs.create_log_group(logGroupName="group")
    logs.create_log_stream(logGroupName="group", logStreamName="new")
    restartable.aws.stop()
    path = restartable.aws.status().folder / "account" / "services" / "cloudwatch_logs.json"
    document = json.loads(path.read_text())
    (group,) = document["payload"]["log_groups"]["data"].values()
    events = [{"timestamp": at, "message": f"line {at}", "ingestionTime": 9} for at in (2, 1)]
    group["streams"]["old"] = {**group["streams"]["new"], "events": events}
    path.write_text(json.dumps(document))
    for _ in range(2):
        restartable.aws.start()
        assert messages(restartable, "group", "old") == ["line 1", "line 2"]
        assert messages(restartable, "group", "new") == []
        restartable.aws.stop()
    restartable.aws.start()


def test_a_database_that_cannot_be_read_is_named_at_the_start(restartable: RunningLocalAws) -> None:
    restartable.aws.stop()
    path = restartable.aws.status().folder / "account" / "services" / "logs.sqlite3"
    for file in path.parent.glob("logs.sqlite3*"):
        file.unlink()
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(
        LocalAwsError, match=r"The logs cannot be read .*; remove .*logs\.sqlite3 to start without them"
    ):
        restartable.aws.start()
    path.unlink()
    restartable.aws.start()


@pytest.mark.exhaustive
def test_a_job_that_prints_much_leaves_the_memory_of_the_server_as_it_is(restartable: RunningLocalAws) -> None:
    restartable.run("print('warm')")
    before = memory_of(restartable)
    name = restartable.run(
        """
line = "x" * 99
for number in range(20):
    print("\\n".join(f"{number * 10_000 + at:09} {line}" for at in range(10_000)))
"""
    )["ProcessingJobName"]
    # 22 MB of output: both lists of ministack would hold some 160 MB of it.
    assert memory_of(restartable) - before < 60
    (stream,) = restartable.logs.describe_log_streams(
        logGroupName=restartable.log_group, logStreamNamePrefix=f"{name}/"
    )["logStreams"]
    found = messages(restartable, restartable.log_group, stream["logStreamName"])
    assert [int(message.split()[0]) for message in found if message[0].isdigit()] == list(range(200_000))
