"""What the messages of the queue say: an upload, the end of an execution, a replay."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

REPLAY_SOURCE = "cdk-sagemaker-processing"
REPLAY = "Replay"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
KEY_MAX_BYTES = 1024
# S3 compares the sequencers of one key after filling the shorter with zeros on the right; this is longer than any seen.
SEQUENCER_LENGTH = 64


class BadMessageError(Exception):
    """A message that no repetition makes better."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One object at one moment: what S3 means by its sequencer.

    Attributes:
        bucket: the bucket's name.
        key: the object's key, as the user wrote it.
        sequencer: S3's, filled with zeros.
        replay: sets one explicit repetition of an upload apart from the upload, and from other repetitions.
    """

    bucket: str
    key: str
    sequencer: str
    replay: str = ""

    @property
    def name(self) -> str:
        """The same for every delivery of this upload, another for every other: 64 hexadecimal digits."""
        return digest(self.bucket, self.key, self.sequencer, *([self.replay] if self.replay else []))

    @property
    def folder(self) -> str:
        """The key up to and with its last slash."""
        return self.key[: self.key.rfind("/") + 1]


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """The wish to run again what has failed or was set aside.

    Attributes:
        batch: the batch that the run is of.
        run: the run's name.
    """

    batch: str
    run: str


@dataclass(frozen=True, slots=True)
class ExecutionEnded:
    """The end of an execution.

    Attributes:
        name: the execution's name.
        arn: its ARN.
        status: ``SUCCEEDED``, ``FAILED``, ``TIMED_OUT`` or ``ABORTED``.
        error: the name of the error; empty where there is none.
        cause: its description; empty where there is none.
        input: what it was started with; empty where that is not known.
    """

    name: str
    arn: str
    status: str
    error: str = ""
    cause: str = ""
    input: str = ""

    @property
    def objects(self) -> list[str]:
        """The object that it was about, when its input names one."""
        try:
            given = json.loads(self.input)
        except ValueError:
            return []
        named = isinstance(given, dict) and isinstance(given.get("bucket"), str) and isinstance(given.get("key"), str)
        return [f"s3://{given['bucket']}/{given['key']}"] if named else []


Message = Upload | ReplayRequest | ExecutionEnded


def digest(*parts: str) -> str:
    """A name for a sequence of texts that no other sequence has."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def is_name(text: str) -> bool:
    """Whether a text is a name that `digest` could have made."""
    return re.fullmatch(r"[0-9a-f]{64}", text) is not None


def parse_message(body: str, bucket: str) -> Message | None:
    """What a message says; None for one that says that nothing is to be done.

    Args:
        body: the message's body.
        bucket: the bucket whose objects start executions.

    Raises:
        BadMessageError: it says nothing that can be worked on; the text is the reason.
    """
    try:
        event = json.loads(body)
    except ValueError as error:
        raise BadMessageError(f"the message is no JSON: {error}") from None
    if not isinstance(event, dict):
        raise BadMessageError(f"the message is no event but a {type(event).__name__}")
    if event.get("Event") == "s3:TestEvent":  # S3 sends one when somebody sets notifications up
        return None
    kind = event.get("source"), event.get("detail-type")
    detail = event.get("detail")
    if not isinstance(detail, dict):
        raise BadMessageError(f"the event {kind} has no detail; the queue takes the events that EventBridge sends")
    match kind:
        case ("aws.s3", "Object Created"):
            return _upload(event, detail, bucket)
        case ("aws.states", "Step Functions Execution Status Change"):
            return ExecutionEnded(
                name=_text(detail, "name"),
                arn=_text(detail, "executionArn"),
                status=_text(detail, "status"),
                error=str(detail.get("error") or ""),
                cause=str(detail.get("cause") or ""),
                input=str(detail.get("input") or ""),
            )
        case (source, detail_type) if (source, detail_type) == (REPLAY_SOURCE, REPLAY):
            return ReplayRequest(batch=_text(detail, "batch"), run=_text(detail, "run"))
    raise BadMessageError(f"the event {kind} is no upload, no end of an execution and no replay")


def _upload(event: dict[str, Any], detail: dict[str, Any], bucket: str) -> Upload | None:
    """Read EventBridge's event; its keys are as the user wrote them, not URL-encoded.

    See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    container, thing = detail.get("bucket"), detail.get("object")
    if not isinstance(container, dict) or not isinstance(thing, dict):
        raise BadMessageError("the event has no detail.bucket or no detail.object")
    upload = Upload(
        bucket=_text(container, "name"),
        key=_text(thing, "key"),
        sequencer=_text(thing, "sequencer").ljust(SEQUENCER_LENGTH, "0"),
        replay=_text(event, "replay") if "replay" in event else "",
    )
    if upload.bucket != bucket:
        raise BadMessageError(f"the object is in the bucket {upload.bucket!r}; this queue takes objects of {bucket!r}")
    try:
        length = len(upload.key.encode())
    except UnicodeEncodeError:
        raise BadMessageError("the key is no valid Unicode, and so no key of S3") from None
    if length > KEY_MAX_BYTES:
        raise BadMessageError(f"the key has {length} bytes; S3 has keys of at most {KEY_MAX_BYTES}")
    return None if upload.key.endswith("/") else upload  # a folder marker, not data


def _text(owner: dict[str, Any], name: str) -> str:
    value = owner.get(name)
    if not isinstance(value, str) or not value:
        raise BadMessageError(f"{name!r} must be a text of at least one character, got {value!r}"[:500])
    return value
