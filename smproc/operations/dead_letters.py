"""The dead letters of a pipeline: list them and leave them there, send them back, discard them."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from cdk_sagemaker_processing.model import names
from cdk_sagemaker_processing.model.s3_uri import S3Uri
from smproc.operations.errors import DeadLetterNotFoundError
from smproc.operations.executions import parse_object

if TYPE_CHECKING:
    from types_boto3_sqs.type_defs import MessageTypeDef

    from smproc.operations.pipeline import Pipeline

_VISIBILITY_TIMEOUT_IN_SECONDS = 300
_ABOUT_MAX_LENGTH = 200
_ID_LENGTH = 8
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html
_BATCH_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that the trigger could not process.

    Attributes:
        id: the first characters of SQS's identifier of it, which people type.
        queue: ``dead-letters``, or ``undelivered`` for events that EventBridge could not deliver.
        about: the objects or the execution that the message is about; else the start of its body.
        objects: the number of objects that it is about; 0 if it is about none.
        reason: the reason of its failure, as far as it is known.
        sent: the time at which it was put into the queue; None if SQS does not tell.
        receives: the number of times that it has been received from the dead-letter queue.
        message_id: SQS's identifier.
        body: its text.
        attributes: its attributes, such as ``Reason``.
    """

    id: str
    queue: str
    about: str
    objects: int = 0
    reason: str
    sent: datetime | None = None
    receives: int
    message_id: str = ""
    body: str = field(default="", repr=False)
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_upload(self) -> bool:
        """True of the event of an upload, which no execution was started for; False of what is to be repeated."""
        event = parse_object(self.body)
        return event.get("source") == names.S3_EVENT_SOURCE and "replay" not in event

    @property
    def loss(self) -> str:
        """The loss that discarding the message means."""
        if self.objects > 1:
            return f"{self.objects:,} objects stay unprocessed, unless they are uploaded again"
        if self.objects == 1:
            return "the object stays unprocessed, unless it is uploaded again"
        return "no object, as it names none (the dispatcher finds the ends of executions anyway)"


def dead_letters(pipeline: Pipeline) -> list[DeadLetter]:
    """List the messages of the two dead-letter queues of a pipeline, the oldest first, and leave them there."""
    letters: list[DeadLetter] = []
    for part, url in _queues(pipeline):
        with _Reading(pipeline, url, before=time.time()) as messages:
            letters += [_letter(part, message) for message in messages]
    return sorted(letters, key=lambda letter: letter.sent or datetime.min.replace(tzinfo=UTC))


def dead_letters_about(pipeline: Pipeline, key: str) -> list[DeadLetter]:
    """Return the dead letters of a pipeline that name an object, the oldest first.

    Args:
        pipeline: the pipeline.
        key: the object's key.
    """
    return [letter for letter in dead_letters(pipeline) if _names_object(letter.body, pipeline.bucket, key)]


def chosen(letters: Sequence[DeadLetter], ids: Collection[str]) -> list[DeadLetter]:
    """Return the dead letters that a user means.

    Args:
        letters: those that there are.
        ids: their identifiers, or the starts of these.

    Raises:
        DeadLetterNotFoundError: an identifier is that of none, or of several.
    """
    found: dict[str, DeadLetter] = {}
    for wanted in ids:
        matching = [letter for letter in letters if letter.message_id.startswith(wanted.lower())]
        if len(matching) != 1 or not wanted:
            there = f"are {len(matching)} dead letters" if len(matching) > 1 else "is no dead letter"
            raise DeadLetterNotFoundError(
                f"there {there} {wanted!r}; `smproc dead-letters list` shows the identifiers (what somebody "
                "else has just received is visible again within five minutes)"
            )
        found[matching[0].message_id] = matching[0]
    return list(found.values())


def redrive(pipeline: Pipeline, ids: Collection[str] = ()) -> Iterator[DeadLetter]:
    """Send dead letters of a pipeline back to its queue; those that arrive meanwhile stay.

    A message is sent before it is deleted: an interruption in between sends it twice, and the trigger processes it
    once.

    Args:
        pipeline: the pipeline.
        ids: the identifiers of the dead letters, or the starts of these. Default: all.

    Raises:
        DeadLetterNotFoundError: an identifier is that of none, or of several.
    """
    wanted = {letter.message_id for letter in chosen(dead_letters(pipeline), ids)} if ids else None
    sqs = pipeline.session.client("sqs")
    for letter, url, message in _taken(pipeline, wanted):
        sqs.send_message(QueueUrl=pipeline.queue_url, MessageBody=message["Body"])
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        yield letter


def discard(pipeline: Pipeline, letters: Collection[DeadLetter]) -> Iterator[DeadLetter]:
    """Delete dead letters of a pipeline permanently.

    Args:
        pipeline: the pipeline.
        letters: the dead letters, as `dead_letters` returned them.
    """
    sqs = pipeline.session.client("sqs")
    for letter, url, message in _taken(pipeline, {letter.message_id for letter in letters}):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        yield letter


def _queues(pipeline: Pipeline) -> tuple[tuple[str, str], ...]:
    return (
        (names.DEAD_LETTER_QUEUE, pipeline.dead_letter_queue_url),
        (names.UNDELIVERED_QUEUE, pipeline.undelivered_queue_url),
    )


def _taken(pipeline: Pipeline, wanted: Collection[str] | None) -> Iterator[tuple[DeadLetter, str, MessageTypeDef]]:
    """Yield dead letters, with their queues, for the caller to delete; the others stay visible.

    Args:
        pipeline: the pipeline.
        wanted: SQS's identifiers of them; None for all.
    """
    started = time.time()
    for part, url in _queues(pipeline):
        with _Reading(pipeline, url, before=started) as messages:
            for message in messages:
                if wanted is None or message["MessageId"] in wanted:
                    yield _letter(part, message), url, message
                    messages.received.pop(message["MessageId"])


class _Reading:
    """The messages that were sent to a queue before a time; afterwards, others see again what is left of them.

    Args:
        pipeline: the pipeline.
        url: the queue.
        before: the time, in seconds since 1970.

    Attributes:
        received: the messages that are left, by their identifiers.
    """

    def __init__(self, pipeline: Pipeline, url: str, *, before: float) -> None:
        self._sqs = pipeline.session.client("sqs")
        self._url = url
        self._before = before
        self._known: set[str] = set()
        self.received: dict[str, MessageTypeDef] = {}

    def __enter__(self) -> Self:
        return self

    def __iter__(self) -> Iterator[MessageTypeDef]:
        """Receive the messages."""
        while True:
            messages = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=_BATCH_MAX,
                VisibilityTimeout=_VISIBILITY_TIMEOUT_IN_SECONDS,
                # Long polling asks all of SQS's servers: one second without a message means that there is none.
                WaitTimeSeconds=1,
                MessageAttributeNames=["All"],
                AttributeNames=["All"],
            ).get("Messages", [])
            # What is received a second time has become visible again, because there are so many.
            old = [
                message
                for message in messages
                if message["MessageId"] not in self._known
                and int(message["Attributes"]["SentTimestamp"]) < self._before * 1000
            ]
            self.received |= {message["MessageId"]: message for message in messages}
            self._known |= self.received.keys()
            yield from old
            if not old:
                return

    def __exit__(self, *_: object) -> None:
        """Make what is left visible at once."""
        left = list(self.received.values())
        for start in range(0, len(left), _BATCH_MAX):
            self._sqs.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
                    for number, message in enumerate(left[start : start + _BATCH_MAX])
                ],
            )


def _letter(part: str, message: MessageTypeDef) -> DeadLetter:
    detail = parse_object(message["Body"]).get("detail")
    attributes = {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}
    reasons = [attributes.get(name) for name in ("Reason", "ERROR_CODE", "ERROR_MESSAGE")]
    system: Mapping[Any, str] = message.get("Attributes", {})
    sent = int(system.get("SentTimestamp", 0)) / 1000
    about, objects = _about(detail) if isinstance(detail, dict) else ("", 0)
    return DeadLetter(
        id=message["MessageId"][:_ID_LENGTH],
        queue=part,
        about=about or message["Body"][:_ABOUT_MAX_LENGTH],
        objects=objects,
        reason=": ".join(filter(None, reasons)) or "every attempt to process it failed; see the function's log",
        sent=datetime.fromtimestamp(sent, tz=UTC) if sent else None,
        receives=int(system.get("ApproximateReceiveCount", 0)),
        message_id=message["MessageId"],
        body=message["Body"],
        attributes=attributes,
    )


def _names_object(body: str, bucket: str, key: str) -> bool:
    """Return whether a message is the event of an object, or a request that names it among the first of a batch."""
    detail = parse_object(body).get("detail")
    if not isinstance(detail, dict):
        return False
    objects = detail.get("objects")
    if isinstance(objects, list) and str(S3Uri(bucket, key)) in objects:
        return True
    of_bucket, of_object = detail.get("bucket"), detail.get("object")
    return (
        isinstance(of_bucket, dict)
        and isinstance(of_object, dict)
        and (of_bucket.get("name"), of_object.get("key")) == (bucket, key)
    )


def _about(detail: Mapping[str, Any]) -> tuple[str, int]:
    """Describe the objects or the execution of an event's detail, and count the objects; empty if it names none."""
    objects = detail.get("objects")
    if isinstance(objects, list) and objects:
        count = int(detail.get("objectCount", len(objects)))
        more = count - len(objects)
        return ", ".join(map(str, objects)) + (f" and {more:,} more" if more > 0 else ""), count
    bucket, uploaded = detail.get("bucket"), detail.get("object")
    if isinstance(bucket, dict) and isinstance(uploaded, dict):
        return str(S3Uri(str(bucket.get("name")), str(uploaded.get("key")))), 1
    return str(detail.get("executionArn") or ""), 0
