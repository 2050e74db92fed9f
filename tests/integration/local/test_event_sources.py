"""Batches that a function receives from a queue: their size, their delay, and the effect of its response."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.helpers.local_aws import RunningLocalAws

CODE = """
import json, os, time
import boto3

QUEUE = os.environ["RESULTS"]

def handler(event, context):
    sqs = boto3.client("sqs")
    bodies = [record["body"][:20] for record in event["Records"]]
    size = len(json.dumps(event))
    sqs.send_message(QueueUrl=QUEUE, MessageBody=json.dumps({"number": len(bodies), "size": size, "at": time.time()}))
    time.sleep(float(os.environ.get("SLEEP", "0")))
    return json.loads(os.environ.get("ANSWER", "null"))
"""


class Source:
    """A queue, a function that reports each batch that it receives, and the mapping between them."""

    def __init__(
        self, local_aws: RunningLocalAws, mapping: dict[str, Any], visibility: int = 60, **environment: str
    ) -> None:
        self.sqs, self.functions, self.name = local_aws.client("sqs"), local_aws.client("lambda"), local_aws.name()
        self.local_aws = local_aws
        self.queue = self.sqs.create_queue(QueueName=self.name, Attributes={"VisibilityTimeout": str(visibility)})[
            "QueueUrl"
        ]
        self.results = self.sqs.create_queue(QueueName=f"{self.name}-results")["QueueUrl"]
        with io.BytesIO() as content:
            with zipfile.ZipFile(content, "w") as archive:
                archive.writestr("index.py", CODE)
            zipped = content.getvalue()
        self.functions.create_function(
            FunctionName=self.name,
            Runtime="python3.12",
            Role="arn:aws:iam::000000000000:role/function",
            Handler="index.handler",
            Code={"ZipFile": zipped},
            Timeout=30,
            Environment={"Variables": {"RESULTS": self.results, **environment}},
        )
        self.mapping = mapping
        self.uuid = ""

    def send(self, number: int, size: int = 1) -> None:
        for first in range(0, number, 10):
            entries = [
                {"Id": str(index), "MessageBody": f"{index:08}".ljust(size, "x")}
                for index in range(first, min(first + 10, number))
            ]
            self.sqs.send_message_batch(QueueUrl=self.queue, Entries=entries)

    def connect(self) -> None:
        arn = f"arn:aws:sqs:us-east-1:000000000000:{self.name}"
        created = self.functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=self.name, **self.mapping)
        self.uuid = created["UUID"]

    def batches(self, messages: int) -> list[dict[str, Any]]:
        """Return the batches with the given number of messages in total."""
        found: list[dict[str, Any]] = []

        def more() -> int:
            answer = self.sqs.receive_message(QueueUrl=self.results, MaxNumberOfMessages=10)
            for message in answer.get("Messages", ()):
                found.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.results, ReceiptHandle=message["ReceiptHandle"])
            return sum(batch["number"] for batch in found)

        self.local_aws.until(more, lambda number: number >= messages)
        return sorted(found, key=lambda batch: float(batch["at"]))

    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return sum(int(answer[name]) for name in names)

    def result(self) -> str:
        """Return the result of the last batch."""
        return str(self.functions.get_event_source_mapping(UUID=self.uuid)["LastProcessingResult"])


Sources = Callable[..., Source]


@pytest.fixture
def sources(local_aws: RunningLocalAws) -> Iterator[Sources]:
    """A function that creates sources, whose mappings are deleted after the test."""
    created: list[Source] = []

    def make(mapping: dict[str, Any], **more: Any) -> Source:
        created.append(Source(local_aws, mapping, **more))
        return created[-1]

    yield make
    for source in created:
        if source.uuid:
            source.functions.delete_event_source_mapping(UUID=source.uuid)


def test_a_full_batch_does_not_wait_for_its_window(sources: Sources) -> None:
    source = sources({"BatchSize": 25, "MaximumBatchingWindowInSeconds": 60})
    source.send(50)
    source.connect()
    assert [batch["number"] for batch in source.batches(50)] == [25, 25]
    source.local_aws.until(source.left, lambda number: number == 0)


def test_a_batch_that_is_not_full_is_delivered_when_its_window_closes(sources: Sources) -> None:
    source = sources({"BatchSize": 100, "MaximumBatchingWindowInSeconds": 2})
    source.connect()
    sent = time.time()
    source.send(3)
    time.sleep(0.5)
    source.send(4)
    (batch,) = source.batches(7)
    assert batch["number"] == 7
    assert 1.9 <= batch["at"] - sent <= 4


def test_ten_thousand_messages_in_a_batch(sources: Sources) -> None:
    source = sources({"BatchSize": 10_000, "MaximumBatchingWindowInSeconds": 60})
    source.send(10_000)
    source.connect()
    (batch,) = source.batches(10_000)
    assert batch["number"] == 10_000


def test_a_batch_is_no_larger_than_a_functions_payload(sources: Sources) -> None:
    source = sources({"BatchSize": 100, "MaximumBatchingWindowInSeconds": 1})
    for _ in range(10):
        source.send(10, size=100_000)
    source.connect()
    batches = source.batches(100)
    assert sum(batch["number"] for batch in batches) == 100
    # The payload is used as far as possible.
    assert max(batch["number"] for batch in batches) > 50
    assert max(batch["size"] for batch in batches) <= 6 * 1024 * 1024


def test_without_a_window_waiting_messages_are_delivered_immediately(sources: Sources) -> None:
    source = sources({"BatchSize": 10})
    source.send(12)
    source.connect()
    assert sorted(batch["number"] for batch in source.batches(12)) == [2, 10]


def test_no_more_concurrent_batches_than_the_scaling_allows(sources: Sources) -> None:
    scaling = {"MaximumConcurrency": 2}
    source = sources({"BatchSize": 1, "MaximumBatchingWindowInSeconds": 1, "ScalingConfig": scaling}, SLEEP="1")
    source.send(6)
    source.connect()
    at = [batch["at"] for batch in source.batches(6)]
    assert all(later - earlier >= 0.9 for earlier, later in zip(at, at[2:], strict=False))


SUCCESS = ["null", "{}", '{"batchItemFailures": []}', '{"batchItemFailures": null}']
FAILURE = [
    '"done"',
    "[]",
    '{"batchItemFailures": "all"}',
    '{"batchItemFailures": [{"itemIdentifier": ""}]}',
    '{"batchItemFailures": [{"itemIdentifier": null}]}',
    '{"batchItemFailures": [{"id": "1"}]}',
    '{"batchItemFailures": ["1"]}',
]


@pytest.mark.parametrize("answer", SUCCESS)
def test_a_response_that_reports_no_failure_is_success(sources: Sources, answer: str) -> None:
    source = sources({"FunctionResponseTypes": ["ReportBatchItemFailures"]}, ANSWER=answer)
    source.send(2)
    source.connect()
    source.local_aws.until(source.left, lambda number: number == 0)


@pytest.mark.parametrize("answer", FAILURE)
def test_a_malformed_response_fails_the_whole_batch(sources: Sources, answer: str) -> None:
    source = sources({"FunctionResponseTypes": ["ReportBatchItemFailures"]}, ANSWER=answer)
    source.send(2)
    source.connect()
    assert source.local_aws.until(source.result, lambda result: result != "No records processed") == "FAILED"
    assert source.left() == 2


def test_the_response_is_ignored_without_report_batch_item_failures(sources: Sources) -> None:
    source = sources({}, ANSWER='{"batchItemFailures": [{"itemIdentifier": ""}]}')
    source.send(2)
    source.connect()
    source.local_aws.until(source.left, lambda number: number == 0)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"BatchSize": 11}, "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater"),
        ({"BatchSize": 10_001, "MaximumBatchingWindowInSeconds": 1}, "Batch size must be between 1 and 10000"),
        ({"MaximumBatchingWindowInSeconds": 301}, "Maximum batch window must be between 0 and 300 seconds"),
    ],
)
def test_an_invalid_mapping_is_refused(sources: Sources, mapping: dict[str, Any], message: str) -> None:
    source = sources(mapping)
    with pytest.raises(ClientError, match=message) as caught:
        source.connect()
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException"
    source.mapping = {}
    source.connect()
    with pytest.raises(ClientError, match=message):
        source.functions.update_event_source_mapping(UUID=source.uuid, **mapping)
