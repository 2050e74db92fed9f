"""The states of uploads as the command reads them, of uploads that the functions' own code has processed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from smproc.operations import Pipeline, Trace, UploadReader, UploadRecord, trace_in
from tests.helpers.deployment import session_at
from tests.helpers.trigger_world import Trigger

Make = Callable[..., Trigger]
BATCHES = {"batch_size": 3, "batch_window": 60}
DELETED = "the object was deleted before the job started"


def pipeline_of(world: Trigger) -> Pipeline:
    """Return the pipeline that the command finds for a trigger."""
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")  # noqa: S106 - of the local AWS
    settings = world.settings
    return Pipeline(
        session=session_at(session, world.s3.meta.endpoint_url),
        name=str(settings["pipeline"]),
        state_machine_arn=str(settings["state_machine_arn"]),
        bucket=world.bucket,
        table=str(settings["table"]),
        dispatcher=str(settings["dispatcher"]),
        dead_letter_queue_arn=f"arn:aws:sqs:us-east-1:000000000000:dead-{world.id}",
        undelivered_queue_arn=f"arn:aws:sqs:us-east-1:000000000000:undelivered-{world.id}",
    )


def uploads(world: Trigger) -> dict[str, UploadRecord]:
    """Return the last upload of each key."""
    found = UploadReader(pipeline_of(world)).newest(
        datetime.fromtimestamp(time.time() - 3600, tz=UTC), limit=100, keep=lambda _: True
    )
    return {record.key: record for record in reversed(found)}


def traced(world: Trigger, key: str) -> Trace:
    return trace_in(pipeline_of(world), key, since=datetime.fromtimestamp(time.time() - 3600, tz=UTC))


def changed(event: str, **fields: object) -> str:
    """Return the event of an upload with other fields of the object."""
    parsed = json.loads(event)
    parsed["detail"]["object"] |= fields
    return json.dumps(parsed)


@pytest.mark.parametrize("kind", [{}, {"max_concurrent_jobs": 100}], ids=["unlimited", "limited"])
def test_an_object_that_was_deleted_before_its_execution_is_a_dead_letter(trigger: Make, kind: dict[str, Any]) -> None:
    world = trigger(**kind)
    events = [world.upload("in/gone.csv"), world.upload("in/there.csv")]
    world.s3.delete_object(Bucket=world.bucket, Key="in/gone.csv")
    world.start(*events)
    world.running(1)

    found = uploads(world)
    assert {key: record.state for key, record in found.items()} == {
        "in/gone.csv": "DEAD_LETTER",
        "in/there.csv": "RUNNING",
    }
    assert found["in/gone.csv"].reason == DELETED
    trace = traced(world, "in/gone.csv")
    assert trace.is_wrong
    assert trace.cause == f"in the dead-letter queue, and not in an execution: {DELETED}"
    assert "smproc redrive" in trace.advice

    ((body, _),) = world.dead_letters()
    world.s3.put_object(Bucket=world.bucket, Key="in/gone.csv", Body=b"x")
    world.start(body)
    world.running(2)
    trace = traced(world, "in/gone.csv")
    assert trace.upload is not None
    assert (trace.upload.state, trace.upload.is_retry, trace.is_wrong) == ("RUNNING", True, False)
    assert [record.state for record in trace.earlier] == ["DEAD_LETTER"]


@pytest.mark.parametrize(
    ("key", "fields", "reason"),
    [
        ("in/folder/", {"size": 4}, "the key ends in '/'"),
        ("in/a.csv", {"sequencer": "0" * 65}, "the sequencer must have at most 64 characters"),
    ],
)
def test_an_upload_that_the_intake_refuses_is_traced_with_the_reason(
    trigger: Make, key: str, fields: dict[str, Any], reason: str
) -> None:
    world = trigger()
    world.start(changed(world.upload(key), **fields))

    trace = traced(world, key)
    assert trace.is_wrong
    assert trace.upload is None
    assert trace.dead_letter is not None
    assert trace.cause.startswith(reason)
    assert f"smproc redrive {trace.dead_letter.id} --pipeline " in trace.advice


def test_a_refused_upload_after_one_that_was_taken_is_traced(trigger: Make) -> None:
    world = trigger()
    world.start(world.upload("in/a.csv"))
    world.end(*world.running(1))
    assert not traced(world, "in/a.csv").is_wrong
    time.sleep(1)  # S3 and the ledger have times in seconds
    world.start(changed(world.upload("in/a.csv"), sequencer="0" * 65))

    trace = traced(world, "in/a.csv")
    assert trace.is_wrong
    assert trace.upload is not None
    assert trace.cause.startswith("the sequencer must have")


def test_the_other_objects_of_a_batch_are_known_when_one_was_deleted(trigger: Make) -> None:
    world = trigger(**BATCHES)
    events = [world.upload(f"in/{name}.csv") for name in "abc"]
    world.s3.delete_object(Bucket=world.bucket, Key="in/b.csv")
    world.start(*events)
    (execution,) = world.running(1)
    states = {"in/a.csv": "RUNNING", "in/b.csv": "DEAD_LETTER", "in/c.csv": "RUNNING"}
    assert {key: record.state for key, record in uploads(world).items()} == states
    world.end(execution)
    states |= {"in/a.csv": "SUCCEEDED", "in/c.csv": "SUCCEEDED"}
    assert {key: record.state for key, record in uploads(world).items()} == states
    assert traced(world, "in/b.csv").cause.endswith(DELETED)


def test_a_batch_whose_objects_were_all_deleted_is_a_dead_letter(trigger: Make) -> None:
    world = trigger(**BATCHES)
    events = [world.upload(f"in/{name}.csv") for name in "abc"]
    for name in "abc":
        world.s3.delete_object(Bucket=world.bucket, Key=f"in/{name}.csv")
    world.start(*events)
    world.running(0)
    assert {record.state for record in uploads(world).values()} == {"DEAD_LETTER"}


def test_a_batch_of_many_small_deliveries_is_known(trigger: Make) -> None:
    """Send so many deliveries that the trigger copies their uploads into one unit."""
    world = trigger(batch_size=100, batch_window=60)
    for number in range(66):
        world.start(world.upload(f"in/{number:02}.csv"))
    assert {record.state for record in uploads(world).values()} == {"BATCHED"}
    world.dispatch(minutes=2)
    (execution,) = world.running(1)
    assert {record.state for record in uploads(world).values()} == {"RUNNING"}
    world.end(execution)
    assert {(record.state, record.objects) for record in uploads(world).values()} == {("SUCCEEDED", 66)}
