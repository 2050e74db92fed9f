"""Start one execution for each object that arrived in S3.

An SQS queue brings EventBridge's "Object Created" events, at least once and in any order. The execution's name is a
hash of bucket, key and sequencer, so every delivery of one upload asks for the same execution, and its input has no
time in it, so they ask for it in the same words. The object's name travels in a SageMaker manifest, because an S3Prefix
on ``a.csv`` would also bring ``a.csv.bak``.

See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from botocore.exceptions import ClientError

STATE_MACHINE_ARN = os.environ["STATE_MACHINE_ARN"]
MANIFEST_BUCKET = os.environ["MANIFEST_BUCKET"]
MANIFEST_PREFIX = os.environ["MANIFEST_PREFIX"]
# S3 compares the sequencers of one key after filling the shorter with zeros on the right; this is longer than any seen.
SEQUENCER_LENGTH = 64

logger = Logger(service="s3-trigger")
processor = BatchProcessor(event_type=EventType.SQS)
s3 = boto3.client("s3")
states = boto3.client("stepfunctions")


@dataclass(frozen=True, slots=True)
class Upload:
    """One object at one moment: what S3 means by its sequencer."""

    bucket: str
    key: str
    sequencer: str

    @classmethod
    def from_event(cls, event: dict[str, Any]) -> Upload:
        """Read EventBridge's event; its keys are as the user wrote them, not URL-encoded."""
        detail = event["detail"]
        return cls(
            bucket=detail["bucket"]["name"],
            key=detail["object"]["key"],
            sequencer=detail["object"]["sequencer"].ljust(SEQUENCER_LENGTH, "0"),
        )

    @property
    def execution_name(self) -> str:
        """The same for every delivery of this upload, another for every other: 64 hexadecimal digits, of 80 allowed."""
        identity = json.dumps([self.bucket, self.key, self.sequencer])
        return hashlib.sha256(identity.encode()).hexdigest()

    @property
    def manifest(self) -> list[Any]:
        """The object for SageMaker, to land in the input's folder under the last part of its key."""
        folder, slash, name = self.key.rpartition("/")
        return [{"prefix": f"s3://{self.bucket}/{folder}{slash}"}, name]


def handler(event: dict[str, Any], context: Any) -> Any:  # noqa: ANN401 - Lambda's own objects
    """Start what the batch asks for; report the messages that failed, and only those."""
    return process_partial_response(event=event, record_handler=start, processor=processor, context=context)


def start(record: SQSRecord) -> None:
    """Start the execution of one upload, or see that it was started before."""
    upload = Upload.from_event(json.loads(record.body))
    if upload.key.endswith("/"):
        logger.info("a folder marker, not data", extra={"bucket": upload.bucket, "key": upload.key})
        return
    manifest_key = f"{MANIFEST_PREFIX}/{upload.execution_name}.json"
    # The same bytes each time, so a repetition does no harm.
    s3.put_object(
        Bucket=MANIFEST_BUCKET,
        Key=manifest_key,
        Body=json.dumps(upload.manifest, ensure_ascii=False).encode(),
        ContentType="application/json",
    )
    execution_input = json.dumps(
        {
            "bucket": upload.bucket,
            "key": upload.key,
            "manifest_uri": f"s3://{MANIFEST_BUCKET}/{manifest_key}",
            "sequencer": upload.sequencer,
        },
        sort_keys=True,
    )
    started = start_once(upload.execution_name, execution_input)
    logger.info(
        "started" if started else "was started before",
        extra={"bucket": upload.bucket, "key": upload.key, "execution": upload.execution_name},
    )


def start_once(name: str, execution_input: str) -> bool:
    """Start an execution under a name; False when the same was started before.

    Step Functions answers a repetition while the execution runs as if it had just started it, and refuses it for 90
    days afterwards; a refusal is success only when the execution there has the same input.

    See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """
    try:
        states.start_execution(stateMachineArn=STATE_MACHINE_ARN, name=name, input=execution_input)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise
        arn = f"{STATE_MACHINE_ARN.replace(':stateMachine:', ':execution:')}:{name}"
        if states.describe_execution(executionArn=arn)["input"] != execution_input:
            raise
        return False
    return True
