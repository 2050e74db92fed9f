"""The uploads of a storm: their services, their events, and what became of them."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any

import boto3

from benchmarks.storm_functions import CONFIG
from s3_trigger.messages import Upload
from tests.helpers.trigger_world import create_table

MAX_RECEIVES = 20  # AWS never kills as often as this storm does
PUTTING_THREADS = 8
QUEUE_MAX, SENT_TOGETHER = 3000, 50
# Of each kind, one in so many uploads is hostile.
HOSTILE_EVERY = 200
# A head of sequencers changes every 256 seconds.
UPLOADS_PER_SECOND = 1000
LATE_SECONDS = 5
WAITING = ("inbox", "sealed", "open", "ready", "active", "outbox")


class Storm:
    """The services, the uploads, and their outcome."""

    def __init__(self, uploads: int, settings: dict[str, Any]) -> None:
        self.uploads = uploads
        session = boto3.Session()
        self.s3, self.sqs, self.states, self.events, self.dynamodb = (
            session.client(name, config=CONFIG) for name in ("s3", "sqs", "stepfunctions", "events", "dynamodb")
        )
        name = uuid.uuid4().hex[:8]
        self.bucket, self.manifests = f"in-{name}", f"out-{name}"
        for bucket in (self.bucket, self.manifests):
            self.s3.create_bucket(Bucket=bucket)
        self.dead = self.sqs.create_queue(QueueName=f"dead-{name}")["QueueUrl"]
        redrive = {"deadLetterTargetArn": self._arn(self.dead), "maxReceiveCount": MAX_RECEIVES}
        self.queue = self.sqs.create_queue(
            QueueName=f"queue-{name}", Attributes={"RedrivePolicy": json.dumps(redrive)}
        )["QueueUrl"]
        definition = {"StartAt": "Job", "States": {"Job": {"Type": "Pass", "End": True}}}
        self.machine = self.states.create_state_machine(
            name=f"machine-{name}",
            roleArn="arn:aws:iam::000000000000:role/machine",
            definition=json.dumps(definition),
        )["stateMachineArn"]
        pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": [self.machine], "status": ["SUCCEEDED"]}}
        self.events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        self.events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": self._arn(self.queue)}])
        # Without a target: the storm sends the events of uploads itself.
        pattern = {"detail": {"bucket": {"name": [self.bucket]}, "object": {"key": [{"prefix": "in/"}]}}}
        self.events.put_rule(Name=f"uploads-{name}", EventPattern=json.dumps({"source": ["aws.s3"], **pattern}))
        self.minute: dict[str, Any] = {"minute": True, "rules": [f"uploads-{name}"]}
        settings = {**settings, "table": f"ledger-{name}", "dispatcher": "none", "trigger": name}
        create_table(self.dynamodb, settings["table"])
        self.settings = {
            "bucket": self.bucket,
            "state_machine_arn": self.machine,
            "manifest_bucket": self.manifests,
            "manifest_prefix": "manifests",
            "pipeline": "storm",
            "dead_letter_queue": self.dead,
            "max_receives": MAX_RECEIVES,
            "prefixes": ["in/"],
            **settings,
        }

    def put(self) -> float:
        """Put the objects; return the seconds that it takes."""
        self.keys = [_key(number) for number in range(self.uploads)]
        self.deleted = set(self.keys[3::HOSTILE_EVERY])

        def put(number: int) -> None:
            hostile = _ENCRYPTED if number % HOSTILE_EVERY == 0 else {}
            if self.keys[number] not in self.deleted:
                self.s3.put_object(Bucket=self.bucket, Key=self.keys[number], Body=b"x", **hostile)

        started = time.monotonic()
        with ThreadPoolExecutor(PUTTING_THREADS) as pool:
            list(pool.map(put, range(self.uploads)))
        return time.monotonic() - started

    def draw(self, duplicated: float) -> int:
        """Draw the order and the duplicates of the events; return their number.

        S3 publishes events in any order, some seconds after the uploads; a copy may arrive at any time after that.
        """
        arrivals: list[tuple[float, str]] = []
        for number, key in enumerate(self.keys):
            event, arrival = self._event(key, number), number + random.uniform(0, LATE_SECONDS * UPLOADS_PER_SECOND)  # noqa: S311
            arrivals.append((arrival, event))
            if random.random() < duplicated:  # noqa: S311 - no secret
                arrivals.append((random.uniform(arrival, self.uploads), event))  # noqa: S311
        events = [event for _, event in sorted(arrivals)]
        self._unsent = [events[start : start + 10] for start in range(0, len(events), 10)]
        return len(events)

    def send(self) -> None:
        """Send the events, with few in the queue: the local AWS takes longer for each call the more there are."""
        while self._unsent:
            if self._waiting_messages() > QUEUE_MAX:
                time.sleep(0.05)
                continue
            some, self._unsent = self._unsent[:SENT_TOGETHER], self._unsent[SENT_TOGETHER:]
            for batch in some:
                entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(batch)]
                assert not self.sqs.send_message_batch(QueueUrl=self.queue, Entries=entries).get("Failed")

    def is_over(self) -> bool:
        """Check that nothing waits and nothing runs."""
        if self._unsent or self._waiting_messages():
            return False
        return not any(self._count(partition) for partition in WAITING)

    def attend(self, dispatchers: Sequence[BaseProcess]) -> None:
        """Do something each second."""

    def report(self) -> str:
        """Return what else is to be told of the storm."""
        return ""

    def is_halfway(self) -> bool:
        """Check that half of the events were sent."""
        return 10 * len(self._unsent) < self.uploads / 2

    def _waiting_messages(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def outcome(self) -> Outcome:
        """Return the outcome, from the executions, their manifests, and the dead letters."""
        pages = self.states.get_paginator("list_executions").paginate(
            stateMachineArn=self.machine, PaginationConfig={"PageSize": 1000}
        )
        started = [execution for page in pages for execution in page["executions"]]
        # An execution of a single object is named after its upload.
        key_of = {Upload(self.bucket, key, _sequencer(n).ljust(64, "0")).name: key for n, key in enumerate(self.keys)}
        found = Counter(key_of[execution["name"]] for execution in started if execution["name"] in key_of)

        def keys_of(execution: dict[str, Any]) -> list[str]:
            described = self.states.describe_execution(executionArn=execution["executionArn"])
            key = json.loads(described["input"])["s3_uri"].removeprefix(f"s3://{self.manifests}/")
            first, *names = json.loads(self.s3.get_object(Bucket=self.manifests, Key=key)["Body"].read())
            prefix = first["prefix"].removeprefix(f"s3://{self.bucket}/")
            return [f"{prefix}{name}" for name in names]

        with ThreadPoolExecutor(8) as pool:
            for keys in pool.map(keys_of, [one for one in started if one["name"] not in key_of]):
                found.update(keys)
        # A dead letter is sent at least once.
        dead: dict[str, int] = {}
        reasons: set[str] = set()
        for letter, reason in self._dead_letters():
            detail = letter["detail"]
            dead[detail.get("run") or detail["object"]["key"]] = detail.get("objectCount", 1)
            reasons.add(reason)
        missing = set(self.keys) - set(found)
        return Outcome(
            executions=len(started),
            lost=len(missing - self.deleted) + abs(sum(dead.values()) - len(missing & self.deleted)),
            twice=sum(count > 1 for count in found.values()),
            dead=sum(dead.values()),
            unknown=len(set(found) - set(self.keys)),
            slots=self._slots(),
            reasons=tuple(sorted(reasons)),
        )

    def _slots(self) -> int:
        key = {"pk": {"S": "slots"}, "sk": {"S": "count"}}
        item = self.dynamodb.get_item(TableName=self.settings["table"], Key=key, ConsistentRead=True)["Item"]
        return int(item["count"]["N"])

    def _dead_letters(self) -> Iterator[tuple[dict[str, Any], str]]:
        """Yield the messages of the dead-letter queue and their reasons."""
        while messages := self.sqs.receive_message(
            QueueUrl=self.dead, MaxNumberOfMessages=10, VisibilityTimeout=3600, MessageAttributeNames=["Reason"]
        ).get("Messages"):
            for message in messages:
                reason = message.get("MessageAttributes", {}).get("Reason", {}).get("StringValue", "received too often")
                yield json.loads(message["Body"]), reason

    def _event(self, key: str, number: int) -> str:
        detail = {"bucket": {"name": self.bucket}, "object": {"key": key, "size": 1, "sequencer": _sequencer(number)}}
        return json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})

    def _count(self, partition: str) -> int:
        return int(
            self.dynamodb.query(
                TableName=self.settings["table"],
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": partition}},
                Select="COUNT",
            )["Count"]
        )

    def _arn(self, url: str) -> str:
        attributes = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        return str(attributes["QueueArn"])


@dataclass(frozen=True)
class Outcome:
    """The outcome of a storm.

    Attributes:
        executions: the number of executions.
        lost: the number of uploads that are in no execution nor, where the object was deleted, in a dead letter.
        twice: the number of uploads in several executions.
        dead: the number of uploads in dead letters.
        unknown: the number of objects in executions that were not uploaded.
        slots: the number of slots that are not free.
        reasons: the reasons of the dead letters.
    """

    executions: int
    lost: int
    twice: int
    dead: int
    unknown: int
    slots: int
    reasons: tuple[str, ...]

    @property
    def is_right(self) -> bool:
        """Check that nothing was lost, nothing started twice, and every slot is free."""
        return not (self.lost or self.twice or self.unknown or self.slots)


def _key(number: int) -> str:
    """Return the key of an upload; some are hostile."""
    key = f"in/{number // 1000:03}/{number:06}"
    match number % HOSTILE_EVERY:
        case 1:
            return key.ljust(1024, "x")
        case 2:
            return f"{key}\r\n\x01\x7f\u2028.csv"
    return f"{key}.csv"


def _sequencer(number: int) -> str:
    """Return the sequencer of an upload, which starts with a time, as those that S3 publishes."""
    return f"00{0x65A00000 + number // UPLOADS_PER_SECOND:08X}{number:08X}"


# https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
_ENCRYPTED = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "0" * 32}
