"""The functions of the storm: the trigger's own, in processes whose calls are throttled and which are killed."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config

import s3_trigger.dispatch
import s3_trigger.intake
import s3_trigger.runs
import s3_trigger.scanner
from s3_trigger.runtime import lambda_runtime
from tests.helpers.trigger_world import Context

CONFIG = Config(max_pool_connections=32, retries={"mode": "standard", "total_max_attempts": 6})
COUNTED = ("calls", "throttled", "killed")
VISIBLE_AGAIN_SECONDS = 30
LEASE_SECONDS, RECONCILED_SECONDS, SCAN_SECONDS = 60, 10, 5
DELIVERY = 1000


class Chaos:
    """The faults of this process: its calls are throttled, and it is killed at random."""

    def __init__(self, throttled: float, killed: float, folder: Path) -> None:
        self._random = random.Random()  # noqa: S311 - no secret
        self._throttled, self._killed = throttled, killed
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._counts = {what: os.open(folder / what, flags) for what in COUNTED}
        boto3.setup_default_session()
        events = boto3.DEFAULT_SESSION.events
        events.register("before-send", self._before)
        events.register("response-received", self._after)

    def _before(self, request: Any, event_name: str, **_: object) -> AWSResponse | None:
        self._count("calls")
        self._perhaps_kill()
        if self._random.random() >= self._throttled:
            return None
        self._count("throttled")
        code, body = 400, json.dumps({"__type": "ThrottlingException", "message": "Rate exceeded"})
        if event_name.startswith("before-send.s3."):
            code, body = 503, "<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
        body = "" if request.method == "HEAD" else body
        return AWSResponse(request.url, code, {"content-type": "application/x-amz-json-1.0"}, _Body(body.encode()))

    def _after(self, **_: object) -> None:
        self._perhaps_kill()

    def _perhaps_kill(self) -> None:
        if self._random.random() < self._killed:
            self._count("killed")
            os.kill(os.getpid(), signal.SIGKILL)

    def _count(self, what: str) -> None:
        os.write(self._counts[what], b".")  # without a lock, which a killed process would never release


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: object, **__: object) -> Any:
        yield self._content


def intake(environment: dict[str, str], queue: str, throttled: float, killed: float, folder: Path) -> None:
    """Run Lambda's poller and the intake as one process."""
    _configure(environment)
    sqs = boto3.Session().client("sqs", config=CONFIG)
    # The dispatchers work all the time.
    s3_trigger.intake.invoke_dispatcher = lambda _: None
    Chaos(throttled, killed, folder)
    while True:
        messages: list[dict[str, Any]] = []
        while len(messages) < DELIVERY and (
            more := sqs.receive_message(
                QueueUrl=queue, MaxNumberOfMessages=10, AttributeNames=["All"], VisibilityTimeout=VISIBLE_AGAIN_SECONDS
            ).get("Messages")
        ):
            messages += more
        if not messages:
            time.sleep(0.1)
            continue
        records = [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": {"ApproximateReceiveCount": message["Attributes"]["ApproximateReceiveCount"]},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:queue",
                "awsRegion": "us-east-1",
            }
            for message in messages
        ]
        answer = s3_trigger.intake.handler({"Records": records}, Context())
        failed = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
        entries = [
            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
            for number, message in enumerate(messages)
            if message["MessageId"] not in failed
        ]
        for start in range(0, len(entries), 10):
            sqs.delete_message_batch(QueueUrl=queue, Entries=entries[start : start + 10])


def dispatcher(environment: dict[str, str], throttled: float, killed: float, folder: Path) -> None:
    """Run the dispatcher, with a minute shortened to half a second."""
    _configure(environment)
    Chaos(throttled, killed, folder)
    s3_trigger.runs.LEASE_SECONDS = LEASE_SECONDS
    s3_trigger.scanner.LEASE_SECONDS = s3_trigger.scanner.GRACE_SECONDS = SCAN_SECONDS
    minute = json.loads(environment["MINUTE"])
    work = s3_trigger.dispatch.Dispatcher(lambda_runtime(), reconciled_seconds=RECONCILED_SECONDS)
    while True:
        try:
            work.dispatch(minute, Context())
        except Exception:  # noqa: BLE001 - as in Lambda, the next minute invokes it again
            time.sleep(0.1)
        time.sleep(0.5)


def _configure(environment: dict[str, str]) -> None:
    os.environ.update(environment)
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
