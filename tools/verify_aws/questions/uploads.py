"""Uploads: when events come, and what an encrypted queue and a closed network let through."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from tools.verify_aws.laboratory import Lab
from tools.verify_aws.laboratory.names import SOURCE
from tools.verify_aws.question import Evidence, Question
from tools.verify_aws.questions.reading import or_failure

_KEY: Final = "constructs/cdk_sagemaker_processing/_internal/kms_grants.py: grant_key_to_eventbridge"
_MINUTES_MAX: Final = 10
# The longest wait for the notifications: longer than any expectation, so that the answer is a number.
_WAIT_MAX_SECONDS: Final = 1500


def _notifications(lab: Lab) -> Evidence:
    """Upload an object every few seconds until the event of one arrives."""
    uploads: list[float] = []
    pause = lab.seconds(15, 1)

    def upload() -> list[Any]:
        if not uploads or time.time() - uploads[-1] >= pause:
            lab.put("EncryptedInputBucket", f"early/{len(uploads)}.csv")
            uploads.append(time.time())
        return lab.received("EarlyQueue")

    try:
        events = lab.until(upload, bool, seconds=lab.seconds(_WAIT_MAX_SECONDS, 240))
    finally:
        lab.notifications.set()
    first = min(int(event["detail"]["object"]["key"].removeprefix("early/").removesuffix(".csv")) for event in events)
    return {"deployed": lab.deployed_at, "uploads": uploads, "events": events, "first": first}


def _minutes(evidence: Mapping[str, Any]) -> dict[str, Any]:
    minutes = (evidence["uploads"][evidence["first"]] - evidence["deployed"]) / 60
    return {"minutes": round(minutes, 1), "uploads without an event": evidence["first"]}


def _upload(lab: Lab, pipeline: str) -> Evidence:
    """Upload an object to a pipeline, and return its execution."""
    lab.notifications.wait()
    with lab.slot():
        lab.put(f"{pipeline}InputBucket", "in/a.csv")
        # An event of another bucket may still be on its way: it is uploaded again after a while.
        again = time.time() + lab.seconds(120, 30)

        def executions() -> list[dict[str, Any]]:
            nonlocal again
            if time.time() > again:
                lab.put(f"{pipeline}InputBucket", "in/a.csv")
                again = time.time() + lab.seconds(120, 30)
            return lab.executions(pipeline)

        (execution, *_) = lab.until(executions, bool)
        return lab.ended(execution["executionArn"])


def _encrypted(lab: Lab) -> Evidence:
    ran = _upload(lab, "Encrypted")
    # A key that ends in a slash names a folder, and one with content is an error of who uploaded it.
    lab.put("EncryptedInputBucket", "in/folder/", b"content")
    dead = lab.messages("EncryptedDeadLetterQueue", bool)
    entry = {"Source": SOURCE, "DetailType": "verification", "Detail": json.dumps({"question": "undelivered"})}
    lab.account.ask("events", "put_events", Entries=[entry])
    undelivered = lab.messages("UndeliveredQueue", bool)
    return {**ran, "dead letters": dead, "undelivered": undelivered}


def _delivered(evidence: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "execution": evidence["execution"]["status"],
        "dead letters": len(evidence["dead letters"]) > 0,
        "undelivered events": any(event.get("source") == SOURCE for event in evidence["undelivered"]),
    }


QUESTIONS: Final[tuple[Question[Lab], ...]] = (
    Question(
        id="notifications-in-force",
        asks="How many minutes after the deployment do events of S3 come?",
        claims=("notifications-in-force", "s3-events"),
        relied_on=("constructs/cdk_sagemaker_processing/trigger/s3_trigger.py: S3Trigger", "docs/first-pipeline.md"),
        expected={"minutes": f"at most {_MINUTES_MAX}"},
        because="https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-event-notifications-eventbridge.html",
        ask=_notifications,
        read=_minutes,
        agrees=lambda _, actual: actual["minutes"] <= _MINUTES_MAX,
    ),
    Question(
        id="encrypted-queues",
        asks="Does EventBridge deliver to queues that are encrypted with our key, dead letters too?",
        claims=("encrypted-queues", "undelivered-events"),
        relied_on=(_KEY, "constructs/cdk_sagemaker_processing/trigger/encrypted_target.py: EncryptedQueue"),
        expected={"execution": "SUCCEEDED", "dead letters": True, "undelivered events": True},
        because=(
            "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html"
            "#compatibility-with-aws-services"
        ),
        ask=_encrypted,
        read=or_failure(_delivered),
    ),
    Question(
        id="closed-network",
        asks="Does a pipeline work in a VPC with the endpoints alone?",
        claims=("closed-network", "job-resources"),
        relied_on=("constructs/cdk_sagemaker_processing/resources/vpc_endpoints.py: ProcessingVpcEndpoints",),
        expected="SUCCEEDED",
        because="https://docs.aws.amazon.com/sagemaker/latest/dg/process-vpc.html",
        ask=lambda lab: _upload(lab, "ClosedNetwork"),
        read=lambda evidence: evidence["execution"]["status"],
    ),
)
