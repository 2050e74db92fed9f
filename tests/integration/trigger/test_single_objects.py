"""A single object: its job reads exactly that object, by its own key where that is possible, and is started once."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.helpers.trigger_world import Execution, Trigger, dead_keys

Make = Callable[..., Trigger]
KINDS: list[dict[str, Any]] = [{}, {"max_concurrent_jobs": 100}]
# `make test` kills at each of a few calls, `make test-exhaustive` at each of the others.
SAMPLE = 4


def sampled(calls: Iterable[int]) -> list[Any]:
    return [pytest.param(call, marks=() if call % SAMPLE == 0 else pytest.mark.exhaustive) for call in calls]


BOTH_KINDS = pytest.mark.parametrize("kind", KINDS, ids=["unlimited", "limited"])
INPUT = {"bucket", "key", "run", "s3_data_type", "s3_uri", "sequencer", "trigger"}
DELETED = "the object was deleted before the job started"


def source(execution: Execution) -> tuple[str, str]:
    return execution.input["s3_data_type"], execution.input["s3_uri"]


@BOTH_KINDS
def test_an_object_without_siblings_is_an_s3_prefix_on_its_key_and_has_no_manifest(
    trigger: Make, kind: dict[str, Any]
) -> None:
    world = trigger(**kind)
    # Each of these keys starts like the object's, or the object's key starts with it, or differs in case alone.
    for other in ("in/a.cs", "in/a", "in/A.csv", "in/b.csv", "other/in/a.csv"):
        world.s3.put_object(Bucket=world.bucket, Key=other, Body=b"x")
    world.start(world.upload("in/a.csv"))
    (execution,) = world.running(1)
    assert source(execution) == ("S3Prefix", f"s3://{world.bucket}/in/a.csv")
    assert execution.input.keys() == INPUT
    assert "Contents" not in world.s3.list_objects_v2(Bucket=world.manifests)


@BOTH_KINDS
@pytest.mark.parametrize("sibling", ["in/a.csv.bak", "in/a.csv/part-0", "in/a.csv/", "in/a.csv1", "in/a.csv "])
def test_an_object_with_a_sibling_has_a_manifest_of_its_own(trigger: Make, kind: dict[str, Any], sibling: str) -> None:
    world = trigger(**kind)
    world.s3.put_object(Bucket=world.bucket, Key=sibling, Body=b"x")
    world.start(world.upload("in/a.csv"))
    (execution,) = world.running(1)
    assert source(execution)[0] == "ManifestFile"
    assert execution.keys == ("in/a.csv",)


def test_an_object_takes_as_few_calls_as_it_did_without_a_ledger(trigger: Make) -> None:
    """Compare with two calls in the intake and three in the dispatcher when each object had a manifest."""
    world = trigger(max_concurrent_jobs=1)
    assert world.count(lambda: world.deliver(world.upload("in/a.csv"))) == ["PutItem"]
    calls = world.count(world.dispatch)
    assert [call for call in calls if call in ("ListObjectsV2", "HeadObject", "PutObject", "StartExecution")] == [
        "ListObjectsV2",
        "StartExecution",
    ]


@BOTH_KINDS
def test_many_objects_take_one_call_each_and_few_for_all(trigger: Make, kind: dict[str, Any]) -> None:
    world = trigger(**kind)
    events = [world.upload(f"in/{number:03}") for number in range(100)]
    calls = world.count(lambda: world.start(*events))
    assert calls.count("StartExecution") == 100
    assert len(calls) <= 120
    executions = world.running(100)
    ends = [world.end(execution, report=False) for execution in executions]
    assert len(world.count(lambda: world.deliver(*ends))) <= 8
    assert (world.slots(), world.pending()) == (0, [])


NAME = st.text(alphabet="ab/.\n \u2028%+é", min_size=1, max_size=4).filter(lambda name: not name.endswith("/"))


def test_whatever_keys_there_are_a_job_reads_its_object_alone(trigger: Make) -> None:
    @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @example(["a", "a/b", "a.b"], 0)
    @example(["b\n", "a"], 0)
    @given(st.lists(NAME, min_size=1, max_size=5, unique=True), st.sampled_from([0, 1]))
    def check(names: list[str], kind: int) -> None:
        world = trigger(**KINDS[kind])
        world.start(*[world.upload(f"in/{name}") for name in names])
        executions = world.running(len(names))
        assert sorted(execution.keys for execution in executions) == sorted((f"in/{name}",) for name in names)
        for execution in executions:
            data_type, uri = source(execution)
            if data_type == "S3Prefix":
                matched = world.s3.list_objects_v2(
                    Bucket=world.bucket, Prefix=uri.removeprefix(f"s3://{world.bucket}/")
                )
                assert [item["Key"] for item in matched["Contents"]] == [execution.input["key"]]

    check()


@BOTH_KINDS
@pytest.mark.parametrize("terminator", ["\n", "\r", "\x85", "\u2028", "\u2029"])
def test_a_key_that_the_pattern_of_s3_uri_refuses_is_in_a_manifest(
    trigger: Make, kind: dict[str, Any], terminator: str
) -> None:
    world = trigger(**kind)
    world.start(world.upload(f"in/a{terminator}b"))
    (execution,) = world.running(1)
    assert source(execution)[0] == "ManifestFile"
    assert execution.keys == (f"in/a{terminator}b",)


@BOTH_KINDS
@pytest.mark.parametrize(
    ("characters", "expected"), [(1024, "S3Prefix"), (1025, "ManifestFile")], ids=["longest", "too long"]
)
def test_a_uri_that_is_too_long_is_in_a_manifest(
    trigger: Make, kind: dict[str, Any], characters: int, expected: str
) -> None:
    world = trigger(**kind)
    key = "in/".ljust(characters - len(f"s3://{world.bucket}/"), "k")
    world.start(world.upload(key))
    (execution,) = world.running(1)
    assert source(execution)[0] == expected
    assert execution.keys == (key,)
    assert len(execution.input["s3_uri"]) <= 1024


@BOTH_KINDS
def test_an_object_whose_key_the_function_may_not_list_is_left_to_the_job(trigger: Make, kind: dict[str, Any]) -> None:
    world = trigger(**kind)
    world.faults.refused["ListObjectsV2"] = ("AccessDenied", 403, lambda _: True)
    world.start(world.event("in/hidden"))
    (execution,) = world.running(1)
    assert source(execution)[0] == "ManifestFile"
    assert execution.keys == ("in/hidden",)
    assert world.dead_letters() == []


@BOTH_KINDS
def test_a_deleted_object_starts_nothing_until_it_is_uploaded_again(trigger: Make, kind: dict[str, Any]) -> None:
    world = trigger(**kind)
    event = world.upload("in/a.csv")
    world.s3.delete_object(Bucket=world.bucket, Key="in/a.csv")
    world.s3.put_object(Bucket=world.bucket, Key="in/a.csv.bak", Body=b"x")
    world.start(event)
    world.running(0)
    ((body, reason),) = world.dead_letters()
    assert reason == DELETED
    world.s3.put_object(Bucket=world.bucket, Key="in/a.csv", Body=b"x")
    world.start(body)
    (execution,) = world.running(1)
    assert execution.keys == ("in/a.csv",)


@BOTH_KINDS
@pytest.mark.parametrize("ended", [False, True])
def test_an_object_that_its_job_deletes_is_no_dead_letter_when_the_event_is_repeated(
    trigger: Make, kind: dict[str, Any], *, ended: bool
) -> None:
    world = trigger(**kind)
    event = world.upload("in/a.csv")
    world.start(event)
    (execution,) = world.running(1)
    if ended:
        world.end(execution)
    world.s3.delete_object(Bucket=world.bucket, Key="in/a.csv")
    world.start(event)
    world.running(0 if ended else 1)
    assert world.dead_letters() == []
    assert len(world.executions) == 1


@BOTH_KINDS
@pytest.mark.parametrize("call", sampled(range(5, 10)))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("appears", [True, False], ids=["appears", "disappears"])
@pytest.mark.parametrize("ended", [False, True], ids=["running", "ended"])
def test_siblings_that_come_and_go_between_attempts_start_nothing_twice(
    trigger: Make, kind: dict[str, Any], *, call: int, after: bool, appears: bool, ended: bool
) -> None:
    world = trigger(**kind)
    event = world.upload("in/a.csv")
    if not appears:
        world.s3.put_object(Bucket=world.bucket, Key="in/a.csv.bak", Body=b"x")
    assert world.deliver(event) == []
    with world.killed_at(call, after=after):
        world.dispatch()
    started = world.states.list_executions(stateMachineArn=world.settings["state_machine_arn"])["executions"]
    if ended and started:
        world.end(*world.running(1))
    if appears:
        world.s3.put_object(Bucket=world.bucket, Key="in/a.csv.bak", Body=b"x")
    else:
        world.s3.delete_object(Bucket=world.bucket, Key="in/a.csv.bak")

    assert world.deliver(event) == []
    world.dispatch(minutes=12)
    world.running(0 if ended and started else 1)
    assert len(world.executions) == 1
    assert world.dead_letters() == []


def test_an_execution_of_an_earlier_version_counts_as_started(trigger: Make) -> None:
    world = trigger()
    machine = str(world.settings["state_machine_arn"])
    event = world.upload("in/b.csv")
    sequencer = json.loads(event)["detail"]["object"]["sequencer"].ljust(64, "0")
    before = {"bucket": world.bucket, "key": "in/b.csv", "sequencer": sequencer}
    before["manifest_uri"] = f"s3://{world.manifests}/manifests/{world.name_of(event)}.json"
    world.states.start_execution(stateMachineArn=machine, name=world.name_of(event), input=json.dumps(before))
    world.start(event)
    listed = world.states.list_executions(stateMachineArn=machine)["executions"]
    assert len(listed) == 1
    assert world.dead_letters() == []
    assert [item["pk"] for item in world.pending()] == ["active"]


@pytest.mark.parametrize("foreign", [{}, [], {"bucket": "in", "key": "in/other"}], ids=["empty", "list", "other"])
def test_a_name_that_another_execution_has_taken_makes_a_dead_letter(trigger: Make, foreign: object) -> None:
    world = trigger()
    event = world.upload("in/a.csv")
    machine = str(world.settings["state_machine_arn"])
    world.states.start_execution(stateMachineArn=machine, name=world.name_of(event), input=json.dumps(foreign))
    assert world.deliver(event) == []
    assert [world.attempt(minutes=12) for _ in range(6)] == [False] * 5 + [True]
    ((body, reason),) = world.dead_letters()
    assert "ExecutionAlreadyExists" in reason
    assert dead_keys(body) == ["in/a.csv"]
    assert (world.slots(), world.pending()) == (0, [])


@pytest.mark.parametrize(
    "kind", [*KINDS, {"batch_size": 2, "batch_window": 60}], ids=["unlimited", "limited", "batches"]
)
@pytest.mark.parametrize("key", ["in/folder/", "in/", "in//", "in/a.csv/", "/"])
def test_a_key_that_ends_in_a_slash_is_ignored_only_without_data(
    trigger: Make, kind: dict[str, Any], key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = trigger(**kind)
    log = io.StringIO()
    monkeypatch.setattr(world.runtime.logger.registered_handler, "stream", log)
    empty, data = world.event(key, size=0), world.event(key, size=5)
    unknown = data.replace('"size": 5, ', "")
    assert unknown != data
    world.start(empty, data, unknown)
    world.dispatch(minutes=2)
    world.running(0)
    letters = dict(world.dead_letters())
    assert letters.keys() == {data, unknown}
    for body, size in ((data, "5"), (unknown, "None")):
        assert letters[body] == (
            "the key ends in '/', which names a folder, so the object cannot be a file of a job, but it has data "
            f"(size {size} in bytes); upload it under a key that does not end in '/'"
        )
    logged = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["key"] for line in logged if line["message"] == "ignored the empty object of a folder"] == [key]


@pytest.mark.parametrize(("before", "now"), [(2, 1), (1, 2)], ids=["to single objects", "to batches"])
def test_runs_of_another_batch_size_keep_their_objects(trigger: Make, before: int, now: int) -> None:
    """Change the batch size while runs wait for a slot, as a deployment may."""
    world = trigger(batch_size=before, max_concurrent_jobs=2, batch_window=60)
    events = [world.upload(key) for key in ("in/a/1", "in/b/2")]
    assert world.deliver(*events) == []
    world.configure(batch_size=now)
    world.dispatch(minutes=2)
    executions = world.running(2 // now)
    assert sorted(key for execution in executions for key in execution.keys) == ["in/a/1", "in/b/2"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", sampled(range(1, 10)))
def test_a_change_of_the_batch_size_while_a_run_starts_starts_it_once(trigger: Make, call: int, *, after: bool) -> None:
    world = trigger(max_concurrent_jobs=1)
    assert world.deliver(world.upload("in/a.csv")) == []
    with world.killed_at(call, after=after):
        world.dispatch()
    world.configure(batch_size=2, batch_window=60)
    world.dispatch(minutes=12)
    (execution,) = world.running(1)
    assert execution.keys == ("in/a.csv",)
    assert len(world.executions) == 1
