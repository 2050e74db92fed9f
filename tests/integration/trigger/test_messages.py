"""Bad messages in the queue: each becomes a dead letter with its reason, and never fails the rest of its batch."""

from __future__ import annotations

import itertools
import json
import string
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3_trigger import inbox, intake
from s3_trigger.grouping import Grouping
from s3_trigger.messages import Upload
from s3_trigger.runtime import Runtime
from tests.helpers.trigger_world import Trigger, dead_keys

Make = Callable[..., Trigger]
BAD: list[tuple[str, str]] = [
    ("not an event", "the message is not JSON"),
    ("[]", "the message must be an event, which is a JSON object, got a list"),
    ("null", "the message must be an event, which is a JSON object, got a NoneType"),
    ('{"source": "aws.s3"}', "has no detail"),
    ('{"source": "aws.s3", "detail-type": "Object Created", "detail": "text"}', "has no detail"),
    ('{"source": "aws.s3", "detail-type": "Object Created", "detail": {}}', "no detail.bucket or no detail.object"),
    (
        '{"source": "aws.s3", "detail-type": "Object Created", "detail": {"bucket": {"name": 5}, "object": {}}}',
        "'name' must be a text of at least one character, got 5",
    ),
    (
        '{"source": "aws.s3", "detail-type": "Object Deleted", "detail": {"bucket": {}}}',
        "must be an upload, the end",
    ),
    (
        '{"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {}}',
        "must be an upload",
    ),
    ('{"Records": [{"eventSource": "aws:s3", "s3": {}}]}', "the queue takes the events that EventBridge sends"),
    (
        '{"source": "cdk-sagemaker-processing", "detail-type": "Replay", "detail": {"batch": "x"}}',
        "'run' must be a text",
    ),
]


@pytest.mark.parametrize("kind", [{}, {"batch_size": 2, "batch_window": 60}], ids=["single objects", "batches"])
def test_bad_messages_are_dead_letters_with_their_reasons(trigger: Make, kind: dict[str, Any]) -> None:
    world = trigger(**kind)
    bad = [
        *BAD,
        (world.event("in/" + "k" * 1022), "the key must have at most 1024 bytes, as every key in S3, got 1025"),
        (json.dumps(json.loads(world.event("in/\ud800"))), "'key' must be valid Unicode, got 'in/\\ud800'"),
        (world.event("in/a", sequencer="\ud800abc"), "'sequencer' must be valid Unicode"),
        (world.event("in/a", sequencer="0" * 65), "the sequencer must have at most 64 characters, got 65: '000"),
        (world.event("in/a", replay="\udc00"), "'replay' must be valid Unicode"),
        (
            '{"source": "cdk-sagemaker-processing", "detail-type": "Replay", "detail": {"batch": "b", "run": "r"}}',
            "the table has no run r",
        ),
    ]
    good = [world.upload("in/first"), world.upload("in/last")]
    assert world.deliver(good[0], *(body for body, _ in bad), good[1]) == []
    letters = dict(world.dead_letters())
    for body, reason in bad:
        assert reason in letters[body], body
    assert len(letters) == len(bad)
    world.dispatch()
    assert {key for execution in world.running(1 if kind else 2) for key in execution.keys} == {"in/first", "in/last"}


def test_an_upload_to_another_bucket_is_a_dead_letter_after_the_time_of_a_deployment(trigger: Make) -> None:
    """While another bucket is deployed, its rules may be there before the functions of its name."""
    world = trigger()
    event = world.event("in/a").replace(world.bucket, "other-bucket")
    assert world.deliver(event, receive_count=4) == [0]
    assert world.dead_letters() == []
    assert world.deliver(event, receive_count=5) == []
    reason = f"the object is in the bucket 'other-bucket'; this queue takes objects of '{world.bucket}'"
    assert world.dead_letters() == [(event, reason)]


@pytest.mark.parametrize("body", ['{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}', "folder"])
def test_a_message_that_requires_no_action_is_not_a_dead_letter(trigger: Make, body: str) -> None:
    world = trigger()
    assert world.deliver(world.event("in/folder/", size=0) if body == "folder" else body) == []
    assert world.dead_letters() == []
    world.running(0)


def test_a_message_that_fails_for_the_last_time_has_a_reason(trigger: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    world = trigger()
    event = world.upload("in/a")

    def refuse(*_: object) -> None:
        raise RuntimeError("no way")

    monkeypatch.setattr(intake, "add_to_inbox", refuse)
    assert world.deliver(event, receive_count=4) == [0]
    assert world.dead_letters() == []
    assert world.deliver(event, receive_count=5) == []
    assert world.dead_letters() == [(event, "RuntimeError: no way")]


def test_an_upload_that_cannot_be_taken_with_others_fails_alone(trigger: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    world = trigger()
    events = [world.upload(f"in/{name}") for name in "abc"]
    add_to_inbox = inbox.add_to_inbox

    def refuse(runtime: Runtime, uploads: Sequence[Upload]) -> None:
        if any(upload.key == "in/b" for upload in uploads):
            raise ValueError("no way")
        add_to_inbox(runtime, uploads)

    monkeypatch.setattr(intake, "add_to_inbox", refuse)
    assert world.deliver(*events, receive_count=4) == [1]
    assert world.deliver(events[1], receive_count=5) == []
    assert world.dead_letters() == [(events[1], "ValueError: no way")]
    world.finish()
    assert world.keys() == Counter(["in/a", "in/c"])


def test_an_item_of_the_inbox_that_cannot_be_sealed_holds_up_no_others(
    trigger: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = trigger()
    for name in "abc":
        assert world.deliver(world.upload(f"in/{name}")) == []
    group_of = Grouping.group_of

    def refuse(grouping: Grouping, key: str) -> str:
        if key == "in/b":
            raise ValueError("no way")
        return group_of(grouping, key)

    with monkeypatch.context() as patched:
        patched.setattr(Grouping, "group_of", refuse)
        assert not world.attempt(minutes=1)  # which is an alarm
    assert sorted(key for one in world.running(2) for key in one.keys) == ["in/a", "in/c"]
    world.finish()
    assert world.keys("SUCCEEDED") == Counter(["in/a", "in/b", "in/c"])


def test_uploads_that_the_table_does_not_take_fail_alone(trigger: Make) -> None:
    world = trigger(batch_size=2, batch_window=60)
    world.start(world.upload("in/1"), world.upload("in/2"))
    (execution,) = world.running(1)
    end = world.end(execution, report=False)
    uploads = [world.upload("in/3"), world.upload("in/4")]
    world.faults.refused["PutItem"] = ("ThrottlingException", 400, lambda _: True)
    assert world.deliver(uploads[0], "bad", end, uploads[1]) == [0, 3]
    world.faults.refused.clear()
    assert world.slots() == 0
    assert [body for body, _ in world.dead_letters()] == ["bad"]
    world.start(*uploads)
    assert world.running(1)[0].keys == ("in/3", "in/4")


@pytest.mark.parametrize("part", [1, 2, 3])
def test_no_upload_is_both_accepted_and_a_dead_letter(trigger: Make, part: int) -> None:
    """Refuse one of several writes of the last delivery; each upload is in an execution or is a dead letter."""
    world = trigger(batch_size=1000, batch_window=60, prefixes=())
    events = [world.event(f"in/{number}", sequencer=f"{number:08X}00") for number in range(90)]
    writes = itertools.count(1)
    world.faults.refused["PutItem"] = ("ThrottlingException", 400, lambda _: next(writes) == part)
    assert world.deliver(*events, receive_count=5) == []
    world.faults.refused.clear()
    for number in range(90):
        world.s3.put_object(Bucket=world.bucket, Key=f"in/{number}", Body=b"x")
    world.dispatch(minutes=2)
    accepted = {key for execution in world.running_now() for key in execution.keys}
    dead = {key for body, _ in world.dead_letters() for key in dead_keys(body)}
    assert accepted | dead == {f"in/{number}" for number in range(90)}
    assert not accepted & dead


# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
SQS_CHARACTERS = [character for character in string.printable if character not in "\x0b\x0c"]
TEXT = st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def bodies(draw: st.DrawFn) -> str:
    """Draw any text, any JSON, and events with a field that is missing, of another type, or unknown."""
    shape = draw(st.sampled_from(["text", "json", "event"]))
    if shape == "text":
        return draw(st.text(alphabet=SQS_CHARACTERS, min_size=1, max_size=200))
    if shape == "json":
        return json.dumps(draw(JSON))
    detail: dict[str, Any] = {
        "bucket": {"name": "BUCKET"},
        "object": {"key": draw(st.text(min_size=1, max_size=40)), "sequencer": "0" * draw(st.integers(0, 80)) + "1"},
        "name": "n",
        "executionArn": "arn",
        "status": draw(st.sampled_from(["SUCCEEDED", "RUNNING", "other"])),
        "batch": "b",
        "run": "r",
    }
    event: dict[str, Any] = {
        "source": draw(st.sampled_from(["aws.s3", "aws.states", "cdk-sagemaker-processing", "x"])),
        "detail-type": draw(
            st.sampled_from(["Object Created", "Step Functions Execution Status Change", "Replay", "Object Deleted"])
        ),
        "detail": detail,
    }
    owners: list[dict[str, Any]] = [event, detail, detail["bucket"], detail["object"]]
    for _ in range(draw(st.integers(0, 2))):
        owner: dict[str, Any] = draw(st.sampled_from(owners))
        name = draw(st.sampled_from([*owner, "replay", "new"]))
        if draw(st.booleans()):
            owner.pop(name, None)
        else:
            owner[name] = draw(JSON)
    return json.dumps(event)


@pytest.mark.parametrize("kind", [{}, {"batch_size": 50, "batch_window": 60}], ids=["single objects", "batches"])
def test_no_message_prevents_another_from_being_processed(trigger: Make, kind: dict[str, Any]) -> None:
    world = trigger(**kind)
    rounds = 0

    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(bodies(), min_size=1, max_size=6))
    def fuzz(others: list[str]) -> None:
        nonlocal rounds
        rounds += 1
        good = world.upload(f"in/good-{rounds}")
        messages = [body.replace("BUCKET", world.bucket) for body in others]
        # Nothing fails: each message is processed, or becomes a dead letter.
        assert world.deliver(*messages, good) == []

    fuzz()
    assert {item["pk"] for item in world.items()} >= {"inbox"}
    world.dispatch(minutes=2)
    keys = all_keys(world)
    assert {f"in/good-{number}" for number in range(1, rounds + 1)} <= keys


def all_keys(world: Trigger) -> set[str]:
    """Return the keys that the jobs of all executions read."""
    pages = world.states.get_paginator("list_executions").paginate(stateMachineArn=world.settings["state_machine_arn"])
    described = [
        world.states.describe_execution(executionArn=listed["executionArn"])
        for page in pages
        for listed in page["executions"]
    ]
    return {key for execution in described for key in world.keys_of(json.loads(execution["input"]))}
