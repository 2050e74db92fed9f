"""The messages of the queue: an upload, the end of an execution, a replay request."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

EVENT_SOURCE = "cdk-sagemaker-processing"
REPLAY = "Replay"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
KEY_MAX_BYTES = 1024
# S3 compares the sequencers of a key after it pads the shorter with zeros on the right; this is longer than any seen.
SEQUENCER_LENGTH = 64
# The sequencers of S3 that are published start with the time: their first 8 digits change every 256 seconds. Nothing
# relies on it but the number of uploads that share a head.
SEQUENCER_HEAD = 8
MARK_BYTES = 8
NO_MARK = bytes(MARK_BYTES)


class BadMessageError(Exception):
    """A message that no repetition can make valid."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One object at one moment: a version of it, where the bucket has versions.

    All events of an upload have the same sequencer, by which they are recognized. A listing shows no sequencers; the
    mark is what an event and a listing of the upload have in common.

    Attributes:
        bucket: the name of the bucket.
        key: the object's key, as the user wrote it.
        sequencer: S3's sequencer, padded with zeros; of an upload that a listing has shown, `listed_sequencer`.
        replay: a text that distinguishes an explicit repetition from the upload and from other repetitions.
        mark: the mark that `mark_of` returns; `NO_MARK` if it is not known.
        at: the time at which the event was sent, in seconds; 0 if it is not known.
    """

    bucket: str
    key: str
    sequencer: str
    replay: str = ""
    mark: bytes = field(default=NO_MARK, compare=False)
    at: int = field(default=0, compare=False)

    @property
    def name(self) -> str:
        """The name that each delivery of this upload has, and no other upload: 64 hexadecimal digits."""
        return digest(self.bucket, self.key, self.sequencer, *([self.replay] if self.replay else []))

    @property
    def identity(self) -> bytes:
        """The first half of the digits of its name, as bytes, by which the ledger recognizes it."""
        return bytes.fromhex(self.name[:32])

    @property
    def head(self) -> str:
        """The start of the sequencer, which all copies of an upload share."""
        return self.sequencer[:SEQUENCER_HEAD]

    def to_event(self, replay: str) -> dict[str, Any]:
        """Return the message that repeats the upload, in the form in which the intake processes it."""
        detail = {"bucket": {"name": self.bucket}, "object": {"key": self.key, "sequencer": self.sequencer}}
        return {"source": "aws.s3", "detail-type": "Object Created", "detail": detail, "replay": replay}

    @property
    def folder(self) -> str:
        """The key up to and including its last slash."""
        return self.key[: self.key.rfind("/") + 1]


@dataclass(frozen=True, slots=True)
class FolderMarker:
    """An empty object whose key ends in a slash, such as consoles create for a folder.

    Attributes:
        bucket: the name of the bucket.
        key: the object's key.
    """

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """The request to run a failed run, or a dead letter, again.

    Attributes:
        run: the name of the run.
        batch: the batch that a run of an earlier version belongs to; empty if the request has none.
    """

    run: str
    batch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionEnded:
    """The end of an execution.

    Attributes:
        name: the execution's name.
        arn: its ARN.
        status: ``SUCCEEDED``, ``FAILED``, ``TIMED_OUT`` or ``ABORTED``.
        error: the name of the error; empty where there is none.
        cause: its description; empty where there is none.
        input: the execution's input; empty where it is not known.
        redrives: the number of times that the execution was redriven before this end.
    """

    name: str
    arn: str
    status: str
    error: str = ""
    cause: str = ""
    input: str = ""
    redrives: int = 0

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the input; empty where it is not a JSON object, or not known."""
        try:
            value = json.loads(self.input)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def objects(self) -> list[str]:
        """The URI of the object that the execution processed, when its input names one."""
        bucket, key = self.fields.get("bucket"), self.fields.get("key")
        return [f"s3://{bucket}/{key}"] if isinstance(bucket, str) and isinstance(key, str) else []


Message = Upload | FolderMarker | ReplayRequest | ExecutionEnded


def digest(*parts: str) -> str:
    """Return a name for a sequence of texts that no other sequence has."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def mark_of(version: object, etag: object) -> bytes:
    """Return the mark of an upload: of its version, or of its ETag where it has no version of its own.

    An object has the version ``null`` that was uploaded while the bucket had no versions; the next upload of its key in
    that state replaces it. So several uploads of a key share a mark if they have the same content.

    See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html
    """
    if is_version(version):
        return hashlib.sha256(f"version {version}".encode()).digest()[:MARK_BYTES]
    if not isinstance(etag, str) or not etag:
        return NO_MARK
    quoted = etag.strip('"')
    return hashlib.sha256(f"etag {quoted}".encode()).digest()[:MARK_BYTES]


def is_version(version: object) -> bool:
    """Check whether a version identifies one upload of its key."""
    return isinstance(version, str) and version not in ("", "null")


def listed_sequencer(bucket: str, key: str, mark: bytes, modified: int) -> str:
    """Return a sequencer for an upload that a listing has shown. None that S3 sends is like it, as none is so long.

    Args:
        bucket: the bucket.
        key: the object's key.
        mark: the upload's mark.
        modified: the time of its last modification, in seconds.
    """
    return f"{modified:010X}{digest(bucket, key, mark.hex())}"[:SEQUENCER_LENGTH]


def is_name(text: str) -> bool:
    """Check whether a text is a name that `digest` could have returned."""
    return re.fullmatch(r"[0-9a-f]{64}", text) is not None


def parse_message(body: str) -> Message | None:
    """Return the content of a message; None for one that requires nothing.

    Raises:
        BadMessageError: the message cannot be processed; the text is the reason.
    """
    try:
        event = json.loads(body)
    except ValueError as error:
        raise BadMessageError(f"the message is not JSON: {error}") from None
    if not isinstance(event, dict):
        raise BadMessageError(f"the message must be an event, which is a JSON object, got a {type(event).__name__}")
    if event.get("Event") == "s3:TestEvent":  # S3 sends one when somebody configures notifications
        return None
    kind = event.get("source"), event.get("detail-type")
    detail = event.get("detail")
    if not isinstance(detail, dict):
        raise BadMessageError(f"the event {kind} has no detail; the queue takes the events that EventBridge sends")
    match kind:
        case ("aws.s3", "Object Created"):
            return _upload(event, detail)
        case ("aws.states", "Step Functions Execution Status Change"):
            return ExecutionEnded(
                name=_text(detail, "name"),
                arn=_text(detail, "executionArn"),
                status=_text(detail, "status"),
                error=str(detail.get("error") or ""),
                cause=str(detail.get("cause") or ""),
                input=str(detail.get("input") or ""),
                redrives=_count(detail.get("redriveCount")),
            )
        case (source, detail_type) if (source, detail_type) == (EVENT_SOURCE, REPLAY):
            return ReplayRequest(run=_text(detail, "run"), batch=str(detail.get("batch") or ""))
    raise BadMessageError(f"the event must be an upload, the end of an execution or a replay request, got {kind}")


def _upload(event: dict[str, Any], detail: dict[str, Any]) -> Upload | FolderMarker:
    """Return the upload of EventBridge's event, whose keys are as the user wrote them, not URL-encoded.

    See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    bucket_of, object_of = detail.get("bucket"), detail.get("object")
    if not isinstance(bucket_of, dict) or not isinstance(object_of, dict):
        raise BadMessageError("the event has no detail.bucket or no detail.object")
    upload = Upload(
        bucket=_text(bucket_of, "name"),
        key=_text(object_of, "key"),
        sequencer=_text(object_of, "sequencer").ljust(SEQUENCER_LENGTH, "0"),
        replay=_text(event, "replay") if "replay" in event else "",
        mark=mark_of(object_of.get("version-id"), object_of.get("etag")),
        at=_seconds(event.get("time")),
    )
    if len(upload.sequencer) > SEQUENCER_LENGTH:
        got = f"{len(upload.sequencer)}: {upload.sequencer[:SEQUENCER_LENGTH]!a}"
        raise BadMessageError(f"the sequencer must have at most {SEQUENCER_LENGTH} characters, got {got}")
    if (length := len(upload.key.encode())) > KEY_MAX_BYTES:
        raise BadMessageError(f"the key must have at most {KEY_MAX_BYTES} bytes, as every key in S3, got {length}")
    if not upload.key.endswith("/"):
        return upload
    size = object_of.get("size")
    if size == 0:
        return FolderMarker(upload.bucket, upload.key)
    raise BadMessageError(
        "the key ends in '/', which names a folder, so the object cannot be a file of a job, but it has data "
        f"(size {size!r} in bytes); upload it under a key that does not end in '/'"
    )


def _text(owner: dict[str, Any], name: str) -> str:
    value = owner.get(name)
    if not isinstance(value, str) or not value:
        raise BadMessageError(f"{name!r} must be a text of at least one character, got {value!r}"[:500])
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON may have half of a pair of surrogates
        raise BadMessageError(f"{name!r} must be valid Unicode, got {value!a}"[:500]) from None
    return value


def _seconds(time: object) -> int:
    """Return the seconds of an event's time; 0 if it has none."""
    try:
        return int(datetime.fromisoformat(time).timestamp()) if isinstance(time, str) else 0
    except (ValueError, OverflowError):
        return 0


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
