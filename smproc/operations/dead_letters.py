"""The dead letters of a pipeline: list them, send them back, retry failed executions."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cdk_sagemaker_processing.model import names
from cdk_sagemaker_processing.model.s3_uri import S3Uri
from smproc.operations.errors import NothingToRetryError
from smproc.operations.executions import FAILED_STATUSES, describe_execution, parse_object

if TYPE_CHECKING:
    from boto3 import Session
    from types_boto3_sqs.type_defs import MessageTypeDef

    from smproc.operations.pipeline import Pipeline

_VISIBILITY_TIMEOUT_IN_SECONDS = 300
_ABOUT_MAX_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that the trigger could not process.

    Attributes:
        queue: ``dead-letters``, or ``undelivered`` for events that EventBridge could not deliver.
        about: the objects or the execution that the message is about; else the start of its body.
        reason: the reason of its failure, as far as it is known.
        receives: the number of times that it has been received from the dead-letter queue.
    """

    queue: str
    about: str
    reason: str
    receives: int


def dead_letters(pipeline: Pipeline) -> list[DeadLetter]:
    """List the messages of the two dead-letter queues of a pipeline and leave them there."""
    letters = []
    for part, url in _queues(pipeline):
        messages = list(_receive_all(pipeline.session, url, before=time.time()))
        _make_visible(pipeline.session, url, messages)
        letters += [_letter(part, message) for message in messages]
    return letters


def redrive(pipeline: Pipeline) -> Iterator[DeadLetter]:
    """Send each dead letter of a pipeline back to its queue; those that arrive meanwhile stay.

    A message is sent before it is deleted: an interruption in between sends it twice, and the trigger processes it
    once.
    """
    sqs, started = pipeline.session.client("sqs"), time.time()
    for part, url in _queues(pipeline):
        for message in _receive_all(pipeline.session, url, before=started):
            sqs.send_message(QueueUrl=pipeline.queue_url, MessageBody=message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            yield _letter(part, message)


def retry(pipeline: Pipeline, execution_arn: str) -> str:
    """Run the objects of a failed execution again, in a new execution; return a description of them.

    Two requests for one execution start one, because the new execution is named after the failed one.

    Args:
        pipeline: the pipeline.
        execution_arn: the failed execution.

    Raises:
        NothingToRetryError: the execution does not exist, has not failed, or was not started by a trigger.
    """
    execution = describe_execution(pipeline.session, execution_arn)
    name = execution["name"]
    if execution["status"] not in FAILED_STATUSES:
        raise NothingToRetryError(
            f"the execution {name} is {execution['status']}; only one that failed, timed out or was stopped can be "
            "retried (to run an object again, upload it again)"
        )
    message, about = _replay_of(name, parse_object(execution.get("input")))
    pipeline.session.client("sqs").send_message(QueueUrl=pipeline.queue_url, MessageBody=json.dumps(message))
    return about


def _queues(pipeline: Pipeline) -> tuple[tuple[str, str], ...]:
    return (
        (names.DEAD_LETTER_QUEUE, pipeline.dead_letter_queue_url),
        (names.UNDELIVERED_QUEUE, pipeline.undelivered_queue_url),
    )


def _replay_of(name: str, execution_input: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the message that runs an execution's objects again, and a description of them.

    It is the message that the trigger itself sends to the dead-letter queue for a failure, so that `retry` and
    `redrive` of one failure start its objects once.
    """
    batch = execution_input.get("batch")
    # Executions that an earlier version started may have both a batch and a key.
    if isinstance(batch, str):
        about = execution_input.get("key") or f"{execution_input.get('objects')} objects of the batch {batch}"
        detail: dict[str, Any] = {"batch": batch, "run": name}
        return {"source": names.EVENT_SOURCE, "detail-type": names.REPLAY_DETAIL_TYPE, "detail": detail}, str(about)
    if not all(isinstance(execution_input.get(field), str) for field in ("bucket", "key", "sequencer")):
        raise NothingToRetryError(
            f"the execution {name} was not started by a trigger: its input names no uploaded object"
        )
    key = execution_input["key"]
    detail = {
        "bucket": {"name": execution_input["bucket"]},
        "object": {"key": key, "sequencer": execution_input["sequencer"]},
    }
    event = {"source": names.S3_EVENT_SOURCE, "detail-type": names.OBJECT_CREATED, "detail": detail}
    return {**event, "replay": name}, key


def _receive_all(session: Session, url: str, *, before: float) -> Iterator[MessageTypeDef]:
    """Receive the messages that were sent to a queue before a time; other readers do not see them for 5 minutes."""
    sqs = session.client("sqs")
    while True:
        messages = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=_VISIBILITY_TIMEOUT_IN_SECONDS,
            # Long polling asks all of SQS's servers: one second without a message means that there is none.
            WaitTimeSeconds=1,
            MessageAttributeNames=["All"],
            AttributeNames=["All"],
        ).get("Messages", [])
        old = [message for message in messages if int(message["Attributes"]["SentTimestamp"]) < before * 1000]
        _make_visible(session, url, [message for message in messages if message not in old])
        yield from old
        if not old:
            return


def _make_visible(session: Session, url: str, messages: Sequence[MessageTypeDef]) -> None:
    for message in messages:
        session.client("sqs").change_message_visibility(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )


def _letter(part: str, message: MessageTypeDef) -> DeadLetter:
    detail = parse_object(message["Body"]).get("detail")
    attributes = {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}
    reasons = [attributes.get(name) for name in ("Reason", "ERROR_CODE", "ERROR_MESSAGE")]
    return DeadLetter(
        queue=part,
        about=(_about(detail) if isinstance(detail, dict) else "") or message["Body"][:_ABOUT_MAX_LENGTH],
        reason=": ".join(filter(None, reasons)) or "every attempt to process it failed; see the function's log",
        receives=int(message.get("Attributes", {}).get("ApproximateReceiveCount", 0)),
    )


def _about(detail: Mapping[str, Any]) -> str:
    """Describe the objects or the execution of an event's detail; empty if it names none."""
    objects = detail.get("objects")
    if isinstance(objects, list) and objects:
        more = int(detail.get("objectCount", len(objects))) - len(objects)
        return ", ".join(map(str, objects)) + (f" and {more} more" if more > 0 else "")
    bucket, uploaded = detail.get("bucket"), detail.get("object")
    if isinstance(bucket, dict) and isinstance(uploaded, dict):
        return str(S3Uri(str(bucket.get("name")), str(uploaded.get("key"))))
    return str(detail.get("executionArn") or "")
