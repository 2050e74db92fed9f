"""Moving messages back from a dead-letter queue."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

PREFIX = "arn:aws:sqs:us-east-1:000000000000:"


class Queues:
    """A queue and its dead-letter queue, to which a message moves after one receive."""

    def __init__(self, local_aws: RunningLocalAws, ending: str = "") -> None:
        self.local_aws, self.sqs, self.name = local_aws, local_aws.client("sqs"), local_aws.name()
        more = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if ending else {}
        self.fifo = bool(ending)
        self.dead_arn, self.arn = f"{PREFIX}{self.name}-dead{ending}", f"{PREFIX}{self.name}{ending}"
        self.dead = self.sqs.create_queue(QueueName=f"{self.name}-dead{ending}", Attributes=more)["QueueUrl"]
        policy = json.dumps({"deadLetterTargetArn": self.dead_arn, "maxReceiveCount": 1})
        self.queue = self.sqs.create_queue(
            QueueName=f"{self.name}{ending}", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0", **more}
        )["QueueUrl"]

    def dead_letter(self, *bodies: str) -> None:
        for body in bodies:
            attribute = {"DataType": "String", "StringValue": body.upper()}
            group = {"MessageGroupId": "group"} if self.fifo else {}
            self.sqs.send_message(
                QueueUrl=self.queue, MessageBody=body, MessageAttributes={"Upper": attribute}, **group
            )
            self.receive(self.queue)
        self.receive(self.queue)
        self.local_aws.until(lambda: self.number(self.dead), lambda number: number == len(bodies))

    def receive(self, url: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
        ).get("Messages", [])
        return found

    def number(self, url: str) -> int:
        names = ["ApproximateNumberOfMessages"]
        return int(self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"][names[0]])

    def start(self, **more: Any) -> str:
        handle: str = self.sqs.start_message_move_task(SourceArn=self.dead_arn, **more)["TaskHandle"]
        return handle

    def newest(self) -> dict[str, Any]:
        (task,) = self.sqs.list_message_move_tasks(SourceArn=self.dead_arn)["Results"]
        described: dict[str, Any] = task
        return described

    def ended(self) -> dict[str, Any]:
        task: dict[str, Any] = self.local_aws.until(self.newest, lambda task: task["Status"] != "RUNNING")
        return task


def refused(call: Callable[..., object], **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize("ending", ["", ".fifo"])
def test_messages_go_back_to_the_queue_that_they_came_from(local_aws: RunningLocalAws, ending: str) -> None:
    queues = Queues(local_aws, ending)
    queues.dead_letter("one", "two", "three")
    queues.start()
    task = queues.ended()
    assert (task["Status"], task["SourceArn"]) == ("COMPLETED", queues.dead_arn)
    assert (task["ApproximateNumberOfMessagesMoved"], task["ApproximateNumberOfMessagesToMove"]) == (3, 3)
    assert "TaskHandle" not in task
    assert "DestinationArn" not in task
    assert (queues.number(queues.dead), queues.number(queues.queue)) == (0, 3)
    first = queues.receive(queues.queue)[0]
    assert first["Body"] == "one"
    assert first["MessageAttributes"]["Upper"]["StringValue"] == "ONE"
    # A redriven message is a new one, whose receive count is reset.
    assert first["Attributes"]["ApproximateReceiveCount"] == "1"


def test_messages_go_to_another_queue_on_request(local_aws: RunningLocalAws) -> None:
    queues = Queues(local_aws)
    queues.dead_letter("one", "two")
    other = queues.sqs.create_queue(QueueName=f"{queues.name}-other")["QueueUrl"]
    queues.start(DestinationArn=f"{PREFIX}{queues.name}-other")
    assert queues.ended()["DestinationArn"] == f"{PREFIX}{queues.name}-other"
    assert {message["Body"] for message in queues.receive(other)} == {"one", "two"}
    assert (queues.number(queues.dead), queues.number(queues.queue)) == (0, 0)


def test_a_cancelled_task_leaves_the_messages_that_it_moved(local_aws: RunningLocalAws) -> None:
    queues = Queues(local_aws)
    queues.dead_letter("one", "two", "three")
    handle = queues.start(MaxNumberOfMessagesPerSecond=1)
    local_aws.until(lambda: queues.newest()["ApproximateNumberOfMessagesMoved"], lambda number: number == 1)
    running = queues.newest()
    assert (running["Status"], running["TaskHandle"]) == ("RUNNING", handle)
    assert running["MaxNumberOfMessagesPerSecond"] == 1
    assert "Only one active task" in refused(queues.sqs.start_message_move_task, SourceArn=queues.dead_arn)[1]
    assert queues.sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"] == 1
    assert queues.ended()["Status"] == "CANCELLED"
    assert (queues.number(queues.dead), queues.number(queues.queue)) == (2, 1)
    assert "Only active" in refused(queues.sqs.cancel_message_move_task, TaskHandle=handle)[1]


def test_a_message_without_a_source_queue_fails_the_task_and_stays(local_aws: RunningLocalAws) -> None:
    queues = Queues(local_aws)
    queues.sqs.send_message(QueueUrl=queues.dead, MessageBody="stray")
    queues.start()
    task = queues.ended()
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")
    assert queues.number(queues.dead) == 1


def test_messages_in_flight_stay(local_aws: RunningLocalAws) -> None:
    queues = Queues(local_aws)
    queues.dead_letter("one", "two")
    queues.sqs.receive_message(QueueUrl=queues.dead, MaxNumberOfMessages=1, VisibilityTimeout=600)
    queues.start()
    assert queues.ended()["ApproximateNumberOfMessagesMoved"] == 1
    (message,) = queues.receive(queues.queue)
    assert message["Body"] == "two"


def test_the_tasks_of_a_queue_are_listed_newest_first(local_aws: RunningLocalAws) -> None:
    queues = Queues(local_aws)
    for bodies in (("one",), ("one", "two")):
        queues.dead_letter(*bodies)
        queues.start()
        queues.ended()
        queues.sqs.purge_queue(QueueUrl=queues.queue)
    tasks = queues.sqs.list_message_move_tasks(SourceArn=queues.dead_arn, MaxResults=10)["Results"]
    assert [task["ApproximateNumberOfMessagesMoved"] for task in tasks] == [2, 1]


def test_only_a_dead_letter_queue_can_be_a_source(local_aws: RunningLocalAws) -> None:
    queues = Queues(local_aws)
    start = queues.sqs.start_message_move_task
    assert refused(start, SourceArn=queues.arn) == (
        "InvalidParameterValue",
        "Source queue must be configured as a Dead Letter Queue.",
    )
    assert refused(start, SourceArn=f"{PREFIX}gone")[0] == "ResourceNotFoundException"
    assert refused(start, SourceArn=queues.dead_arn, DestinationArn=f"{PREFIX}gone")[0] == "ResourceNotFoundException"
    assert "between 1 and 500" in refused(start, SourceArn=queues.dead_arn, MaxNumberOfMessagesPerSecond=501)[1]
    assert refused(queues.sqs.cancel_message_move_task, TaskHandle="gone")[0] == "ResourceNotFoundException"
