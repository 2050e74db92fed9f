"""Queues with the index of their messages: the same answers as without it, whatever happens to the messages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ministack.services import sqs

from smproc.local.server.patches import sqs_large_queues
from smproc.local.server.patches.registry import wrap

Operation = tuple[str, int, int]
OPERATIONS = st.tuples(
    st.sampled_from(
        (
            *("send", "send", "send", "receive", "receive", "delete", "delete batch", "change", "change batch"),
            *("mapping", "wait", "purge", "remove", "redrive", "expire", "count", "receive from the dead-letter queue"),
        )
    ),
    st.integers(0, 12),
    st.integers(0, 12),
)


@contextmanager
def clock() -> Iterator[list[float]]:
    """Stop the clock at the value in the list."""
    now = [1_700_000_000.0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: now[0])
        yield now


@contextmanager
def indexed() -> Iterator[None]:
    """Apply the patch to ministack."""
    originals = {name: getattr(sqs, name) for name in sqs_large_queues.WRAPPERS["ministack.services.sqs"]}
    handlers = dict(sqs._HANDLERS)
    for name, wrapper in sqs_large_queues.WRAPPERS["ministack.services.sqs"].items():
        wrap(sqs, name, wrapper)
    sqs_large_queues.apply()
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(sqs, name, original)
        sqs._HANDLERS.update(handlers)


class Queue:
    """A queue with a dead-letter queue, and what its operations answered."""

    def __init__(self, now: list[float], suffix: str) -> None:
        self.now = now
        self.answers: list[object] = []
        self.handles: list[str] = []
        sqs.reset()
        self.url, self.dead = (self.call("CreateQueue", QueueName=name + suffix)["QueueUrl"] for name in "qd")
        self.queue = sqs._get_q(self.url)
        self.answers.clear()

    def call(self, action: str, **data: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = asyncio.run(sqs._dispatch(action, data, data.get("QueueUrl", "")))
        except sqs._Err as error:
            answer = {"error": error.code}
        self.answers.append({key: answer[key] for key in ("error", "Successful", "Failed") if key in answer})
        return answer

    def receive(self, url: str, most: int, visibility: int) -> None:
        answer = self.call(
            "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=most, VisibilityTimeout=visibility, WaitTimeSeconds=0,
            AttributeNames=["ApproximateReceiveCount"],
        )  # fmt: skip
        messages = answer.get("Messages", [])
        self.handles += [message["ReceiptHandle"] for message in messages]
        self.answers.append([(message["Body"], message["Attributes"]) for message in messages])

    def handle(self, number: int) -> str:
        return self.handles[-1 - number % len(self.handles)] if self.handles else "none"

    def carry_out(self, number: int, operation: Operation) -> None:  # noqa: C901, PLR0912 - a branch per operation
        name, one, two = operation
        url = self.url
        entries = [{"Id": str(at), "ReceiptHandle": self.handle(at), "VisibilityTimeout": two} for at in (one, two)]
        match name:
            case "send":
                group = {"MessageGroupId": str(two % 3), "MessageDeduplicationId": str(number)}
                delay = {"DelaySeconds": one if one > 8 else 0}
                options = group if self.queue["is_fifo"] else delay
                self.call("SendMessage", QueueUrl=url, MessageBody=f"{number}", **options)
            case "receive":
                self.receive(url, min(one + 1, 10), two)
            case "delete":
                self.call("DeleteMessage", QueueUrl=url, ReceiptHandle=self.handle(one))
            case "delete batch":
                self.call("DeleteMessageBatch", QueueUrl=url, Entries=entries)
            case "change":
                self.call(
                    "ChangeMessageVisibility", QueueUrl=url, ReceiptHandle=self.handle(one), VisibilityTimeout=two
                )
            case "change batch":
                self.call("ChangeMessageVisibilityBatch", QueueUrl=url, Entries=entries)
            case "mapping":
                messages = sqs._receive_messages_for_esm(url, one)
                self.answers.append([message["body"] for message in messages])
                sqs._delete_messages_for_esm(url, {message["receipt_handle"] for message in messages[: two // 3]})
            case "wait":
                self.now[0] += one
            case "purge":
                if one == two:
                    self.call("PurgeQueue", QueueUrl=url)
            case "remove":
                if self.queue["messages"]:
                    self.queue["messages"].remove(self.queue["messages"][one % len(self.queue["messages"])])
            case "redrive":
                policy = {
                    "deadLetterTargetArn": sqs._get_q(self.dead)["attributes"]["QueueArn"],
                    "maxReceiveCount": one,
                }
                value = json.dumps(policy) if one else ""
                self.queue["attributes"]["RedrivePolicy"] = value
            case "expire":
                self.queue["attributes"]["MessageRetentionPeriod"] = str(60 if one > 3 else 4 + one)
            case "count":
                self.call("GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])
                self.answers.append([self.queue["attributes"][key] for key in sorted(self.queue["attributes"])])
            case _:
                self.receive(self.dead, min(one + 1, 10), two)
        self.answers.append([message["body"] for message in self.queue["messages"]])


def answers(operations: Sequence[Operation], suffix: str) -> list[object]:
    with clock() as now:
        queue = Queue(now, suffix)
        for number, operation in enumerate(operations):
            queue.carry_out(number, operation)
        return queue.answers


@pytest.mark.parametrize("suffix", ["", ".fifo"])
@settings(deadline=None, max_examples=300)
@given(st.lists(OPERATIONS, max_size=60))
def test_the_answers_are_those_of_the_unpatched_functions(suffix: str, operations: list[Operation]) -> None:
    unpatched = answers(operations, suffix)
    with indexed():
        assert answers(operations, suffix) == unpatched


def test_the_cost_of_an_operation_does_not_grow_with_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    ensured: list[object] = []
    ensure = sqs._ensure_msg_fields

    def ensure_and_note(message: dict[str, Any]) -> None:
        ensured.append(message)
        ensure(message)

    monkeypatch.setattr(sqs, "_ensure_msg_fields", ensure_and_note)
    with clock() as now, indexed():
        queue = Queue(now, "")
        for number in range(5000):
            queue.carry_out(number, ("send", 0, 0))
            queue.answers.clear()
        queue.receive(queue.url, 10, 5)
        ensured.clear()
        for _ in range(20):
            queue.receive(queue.url, 10, 5)
            queue.carry_out(0, ("delete batch", 0, 1))
            now[0] += 1
        # ministack looks at each message that it gets: the ten received ones each time, not the queue.
        assert len(ensured) == 20 * 10


def test_what_the_index_skips_does_not_pile_up() -> None:
    with clock() as now, indexed():
        queue = Queue(now, "")
        queue.carry_out(0, ("send", 0, 0))
        queue.receive(queue.url, 1, 5)
        for _ in range(5000):
            queue.carry_out(0, ("change", 0, 12))
            now[0] += 0.001
        index = sqs_large_queues._indexes[id(queue.queue)]
        assert len(index._waiting) <= sqs_large_queues._SMALL_HEAP + 3
        for _ in range(3000):
            queue.carry_out(0, ("send", 0, 0))
            queue.receive(queue.url, 1, 5)
            queue.carry_out(0, ("delete", 0, 0))
        assert len(index._ages) <= sqs_large_queues._SMALL_HEAP + 3
        sqs.reset()
        again = Queue(now, "")
        again.receive(again.url, 1, 5)
        assert list(sqs_large_queues._indexes) == [id(again.queue)]
