"""Dead letters: listing leaves them visible, and only what is meant is sent back or deleted."""

from __future__ import annotations

import importlib
import json
import time
from typing import Any

import pytest

from smproc import operations
from smproc.operations import DeadLetterNotFoundError, chosen, dead_letters, discard, redrive
from smproc.operations.dead_letters import dead_letters_about

NOW = time.time()


class Queue:
    """Queues of SQS that return ten messages at a time, and hide what they have returned."""

    def __init__(self) -> None:
        self.queues: dict[str, dict[str, dict[str, Any]]] = {"dead_letter_queue": {}, "undelivered_queue": {}}
        self.hidden: set[str] = set()
        self.sent: list[str] = []
        self.forgets_to_hide = False

    def put(self, queue: str, name: str, body: str, *, age: float = 60, reason: str = "") -> None:
        self.queues[queue][name] = {
            "MessageId": name,
            "ReceiptHandle": name,
            "Body": body,
            "MessageAttributes": {"Reason": {"StringValue": reason}} if reason else {},
            "Attributes": {"SentTimestamp": str(int((NOW - age) * 1000)), "ApproximateReceiveCount": "2"},
        }

    def client(self, _: str) -> Queue:
        return self

    def get_queue_url(self, *, QueueName: str, **_: object) -> dict[str, str]:  # noqa: N803 - boto3's
        return {"QueueUrl": QueueName}

    def receive_message(self, *, QueueUrl: str, MaxNumberOfMessages: int, **_: object) -> dict[str, Any]:  # noqa: N803
        visible = [one for name, one in self.queues[QueueUrl].items() if name not in self.hidden]
        found = visible[:MaxNumberOfMessages]
        if not self.forgets_to_hide:
            self.hidden |= {one["MessageId"] for one in found}
        return {"Messages": found} if found else {}

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> None:  # noqa: N803
        assert 1 <= len(Entries) <= 10
        for entry in Entries:
            assert entry["ReceiptHandle"] in self.queues[QueueUrl]
            self.hidden.discard(entry["ReceiptHandle"])

    def send_message(self, *, MessageBody: str, **_: object) -> None:  # noqa: N803
        self.sent.append(MessageBody)

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:  # noqa: N803
        del self.queues[QueueUrl][ReceiptHandle]
        self.hidden.discard(ReceiptHandle)


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def pipeline(queue: Queue) -> operations.Pipeline:
    session: Any = queue
    return operations.Pipeline(
        session=session,
        name="p",
        state_machine_arn="m",
        bucket="in",
        **{f"{part}_arn": f"arn:aws:sqs:r:1:{part}" for part in ("queue", "dead_letter_queue", "undelivered_queue")},
    )


def upload(key: str) -> str:
    return json.dumps({"detail": {"bucket": {"name": "in"}, "object": {"key": key}}})


def fill(queue: Queue) -> None:
    for number in range(25):
        queue.put("dead_letter_queue", f"{number:08}-dead", upload(f"{number}.csv"), age=1000 - number, reason="bad")
    queue.put("undelivered_queue", "99999999-lost", json.dumps({"detail": {"executionArn": "arn:e"}}), age=5000)


def test_a_listing_has_every_message_of_both_queues_and_leaves_them_visible(
    queue: Queue, pipeline: operations.Pipeline
) -> None:
    fill(queue)
    letters = dead_letters(pipeline)

    assert [letter.about for letter in letters] == ["arn:e", *(f"s3://in/{number}.csv" for number in range(25))]
    assert (letters[0].queue, letters[0].objects, letters[1].objects) == ("undelivered", 0, 1)
    assert (letters[1].id, letters[1].reason, letters[1].receives) == ("00000000", "bad", 2)
    assert queue.hidden == set()
    assert sum(map(len, queue.queues.values())) == 26


def test_a_listing_that_is_interrupted_leaves_the_messages_visible(
    queue: Queue, pipeline: operations.Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    fill(queue)
    monkeypatch.setattr(importlib.import_module("smproc.operations.dead_letters"), "_letter", interrupt)
    with pytest.raises(KeyboardInterrupt):
        dead_letters(pipeline)
    assert queue.hidden == set()


def test_a_listing_ends_although_messages_become_visible_again_meanwhile(
    queue: Queue, pipeline: operations.Pipeline
) -> None:
    queue.forgets_to_hide = True
    fill(queue)
    assert len(dead_letters(pipeline)) == 11


def test_a_batch_names_some_of_its_objects_and_counts_them_all(queue: Queue, pipeline: operations.Pipeline) -> None:
    body = json.dumps({"detail": {"objects": ["s3://in/a", "s3://in/b"], "objectCount": 1500}})
    queue.put("dead_letter_queue", "a", body)
    (letter,) = dead_letters(pipeline)

    assert (letter.about, letter.objects) == ("s3://in/a, s3://in/b and 1,498 more", 1500)
    assert letter.loss == "1,500 objects stay unprocessed, unless they are uploaded again"


def test_the_letters_about_an_object_are_found_in_both_queues(queue: Queue, pipeline: operations.Pipeline) -> None:
    batch = {"detail": {"objects": ["s3://in/b.csv", "s3://in/a.csv"], "objectCount": 50}}
    queue.put("dead_letter_queue", "1", upload("a.csv"), age=30, reason="refused")
    queue.put("dead_letter_queue", "2", upload("a.csv.bak"))
    queue.put("dead_letter_queue", "3", json.dumps(batch), age=20)
    queue.put("dead_letter_queue", "4", json.dumps({"detail": {"bucket": {"name": "x"}, "object": {"key": "a.csv"}}}))
    queue.put("dead_letter_queue", "5", "a.csv, and no event")
    queue.put("undelivered_queue", "6", upload("a.csv"), age=10)
    assert [letter.id for letter in dead_letters_about(pipeline, "a.csv")] == ["1", "3", "6"]


def test_only_the_chosen_letters_are_sent_back(queue: Queue, pipeline: operations.Pipeline) -> None:
    fill(queue)
    sent = list(redrive(pipeline, ["00000003", "99999999-l"]))

    assert [letter.id for letter in sent] == ["00000003", "99999999"]
    assert queue.sent == [upload("3.csv"), json.dumps({"detail": {"executionArn": "arn:e"}})]
    assert sum(map(len, queue.queues.values())) == 24
    assert queue.hidden == set()


def test_all_letters_are_sent_back_but_those_that_arrive_meanwhile(queue: Queue, pipeline: operations.Pipeline) -> None:
    fill(queue)
    queue.put("dead_letter_queue", "new", upload("new.csv"), age=-86_400)

    assert len(list(redrive(pipeline))) == 26
    assert list(queue.queues["dead_letter_queue"]) == ["new"]
    assert queue.hidden == set()


def test_only_the_chosen_letters_are_discarded(queue: Queue, pipeline: operations.Pipeline) -> None:
    fill(queue)
    letters = dead_letters(pipeline)
    gone = list(discard(pipeline, chosen(letters, ["00000003"])))

    assert [letter.about for letter in gone] == ["s3://in/3.csv"]
    assert sum(map(len, queue.queues.values())) == 25
    assert (queue.sent, queue.hidden) == ([], set())


@pytest.mark.parametrize(
    ("wanted", "there"),
    [("7", "is no dead letter '7'"), ("0000001", "are 10 dead letters '0000001'"), ("", "are 26 dead letters ''")],
)
def test_an_identifier_must_be_that_of_one_letter(
    queue: Queue, pipeline: operations.Pipeline, wanted: str, there: str
) -> None:
    fill(queue)
    with pytest.raises(DeadLetterNotFoundError, match=f"^there {there}; `smproc dead-letters list` shows"):
        chosen(dead_letters(pipeline), [wanted])
