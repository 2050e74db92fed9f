"""The way of an object through a pipeline: its upload, its execution, its jobs, their logs and outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from cdk_sagemaker_processing.model.s3_uri import S3Uri
from smproc.operations.dead_letters import DeadLetter, dead_letters_about
from smproc.operations.doctor.checks import action_of, is_denied
from smproc.operations.execution_jobs import jobs_in_order
from smproc.operations.histories import failure_to_repeat
from smproc.operations.jobs import StepJob, with_end
from smproc.operations.logs import JobLog, LogLine
from smproc.operations.uploads import FAILED_STATES, STATES, UploadReader, UploadRecord
from smproc.terminal_text import shell_word

if TYPE_CHECKING:
    from smproc.operations.pipeline import Pipeline

LOG_LINES = 10
_VERSIONS_MAX = 20
# Of the child executions of Distributed Maps, each of which takes a request or two.
_CHILDREN_MAX = 3
_CLOCKS = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectState:
    """An object in S3.

    Attributes:
        exists: whether its key has an object now.
        size: bytes; 0 if there is none.
        modified: the time of its last modification, or of its deletion; None if there never was one.
        version: the version of the object; empty in a bucket without versions.
    """

    exists: bool
    size: int = 0
    modified: datetime | None = None
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The way of an object through one pipeline.

    Attributes:
        pipeline: the pipeline.
        uri: the object's S3 URI.
        stored: the object in S3.
        upload: its last upload as the pipeline knows it; None if it knows none.
        earlier: the uploads of its key before that.
        dead_letter: the newest message about the object that the pipeline refused, or that EventBridge could not
            deliver; None if there is none, or if the upload above is newer.
        jobs: the jobs of the last execution, with up to three of the child executions of its Distributed Maps.
        failed_state: the state that failed; empty if none has.
        error: the error of the execution; empty if it has not failed.
        cause: the most specific reason that is known; empty if nothing is wrong.
        log: the last lines of the log of the job that failed, or of the last job.
        outputs: the S3 URIs of the outputs of the jobs that completed.
        advice: what to do next; empty if there is nothing to do.
    """

    pipeline: Pipeline
    uri: str
    stored: ObjectState
    upload: UploadRecord | None = None
    earlier: tuple[UploadRecord, ...] = ()
    dead_letter: DeadLetter | None = None
    jobs: tuple[StepJob, ...] = ()
    failed_state: str = ""
    error: str = ""
    cause: str = ""
    log: tuple[LogLine, ...] = field(default=(), repr=False)
    outputs: tuple[str, ...] = ()
    advice: str = ""

    @property
    def is_wrong(self) -> bool:
        """True if somebody has to act, or to look whether an execution goes on that tries again what failed."""
        if self.upload is None or self.dead_letter is not None or self.upload.state in (*FAILED_STATES, "UNKNOWN"):
            return True
        return self.upload.state == "RUNNING" and bool(self.cause)


def trace_in(
    pipeline: Pipeline,
    key: str,
    *,
    since: datetime | None = None,
    with_queues: Callable[[Pipeline], Pipeline] = lambda pipeline: pipeline,
) -> Trace:
    """Return what became of an object in a pipeline.

    Args:
        pipeline: the pipeline.
        key: the object's key.
        since: uploads before this time are not looked for. Default: the time of the object's oldest version, of 20.
        with_queues: returns the pipeline with its queues, if it was looked for without. Default: it has them.
    """
    stored, first = _object_of(pipeline, key)
    found = Trace(pipeline=pipeline, uri=str(S3Uri(pipeline.bucket, key)), stored=stored)
    records = UploadReader(pipeline).of_key(key, since or first or datetime.now(UTC) - timedelta(days=1))
    upload = records[-1] if records else None
    if upload is None or (stored.exists and stored.modified is not None and stored.modified > upload.received):
        letters, unread = _dead_letters(with_queues(pipeline), key, upload)
        if letters:
            found = replace(found, dead_letter=letters[-1], cause=letters[-1].reason)
            return replace(found, upload=upload, earlier=tuple(records[:-1]), advice=_advice_on_dead_letter(found))
        if upload is None:
            return replace(found, advice=_advice_without_upload(found, unread))
    found = replace(found, upload=upload, earlier=tuple(records[:-1]))
    found = _with_execution(found, upload) if upload.execution is not None else replace(found, cause=_why(upload))
    return replace(found, advice=_advice(found))


def _dead_letters(pipeline: Pipeline, key: str, upload: UploadRecord | None) -> tuple[list[DeadLetter], str]:
    """Return the dead letters about an object, and the action whose permission is missing to read them.

    If the pipeline has taken an upload of the object, only those of later uploads are returned.
    """
    try:
        letters = dead_letters_about(pipeline, key)
    except ClientError as error:
        if not is_denied(error):
            raise
        return [], action_of(error)
    if upload is not None:
        letters = [one for one in letters if one.is_upload and one.sent is not None and one.sent > upload.received]
    return letters, ""


def _object_of(pipeline: Pipeline, key: str) -> tuple[ObjectState, datetime | None]:
    """Return the object of a key, and the time of the oldest of its last versions."""
    client = pipeline.session.client("s3")
    try:
        page = client.list_object_versions(Bucket=pipeline.bucket, Prefix=key, MaxKeys=_VERSIONS_MAX)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise
        return ObjectState(exists=False), None
    versions: list[dict[str, Any]] = [dict(one) for one in page.get("Versions", ()) if one["Key"] == key]
    markers: list[dict[str, Any]] = [dict(one) for one in page.get("DeleteMarkers", ()) if one["Key"] == key]
    all_of_them = sorted([*versions, *markers], key=lambda one: bool(one.get("IsLatest")), reverse=True)
    if not all_of_them:
        return ObjectState(exists=False), None
    latest = all_of_them[0]
    version = latest.get("VersionId", "")
    state = ObjectState(
        exists=latest in versions,
        size=latest.get("Size", 0),
        modified=latest["LastModified"],
        version="" if version == "null" else version,
    )
    return state, min(one["LastModified"] for one in all_of_them)


def _with_execution(found: Trace, upload: UploadRecord) -> Trace:
    """Return a trace with what the history of its execution tells."""
    session = found.pipeline.session
    assert upload.execution is not None  # noqa: S101 - the caller has checked it
    client = session.client("stepfunctions")
    pages = client.get_paginator("get_execution_history").paginate(executionArn=upload.execution.arn)
    events = [event for page in pages for event in page["events"]]
    jobs = [
        with_end(session, job)
        for job in jobs_in_order(
            session, upload.execution.arn, events, children_max=_CHILDREN_MAX, failed=upload.state in FAILED_STATES
        )
    ]
    failed = next((job for job in reversed(jobs) if job.status in ("Failed", "Stopped")), None)
    shown = failed or (jobs[-1] if jobs else None)
    error, cause, repeated = "", "", ""
    for event in events:
        details: Any = next((value for name, value in event.items() if name.endswith("FailedEventDetails")), None)
        details = details or event.get("executionTimedOutEventDetails") or event.get("executionAbortedEventDetails")
        if isinstance(details, dict):
            error, cause = details.get("error", error), details.get("cause", cause)
    is_failed = upload.state in FAILED_STATES
    if upload.state == "RUNNING" and (said := failure_to_repeat(events)):
        repeated = f"it is tried again: {said}"
    log: list[LogLine] = []
    if shown is not None and shown.name and (is_failed or shown.status == "InProgress"):
        log = JobLog(session, shown.name).tail(LOG_LINES)
    return replace(
        found,
        jobs=tuple(jobs),
        failed_state=(failed.step if failed is not None else _last_state(events)) if is_failed else "",
        error=error if is_failed else "",
        cause=((failed.reason if failed is not None else "") or cause or error) if is_failed else repeated,
        log=tuple(log),
        outputs=tuple(_outputs(jobs)),
    )


def _outputs(jobs: list[StepJob]) -> list[str]:
    return [
        output["S3Output"]["S3Uri"]
        for job in jobs
        if job.status == "Completed"
        for output in job.description.get("ProcessingOutputConfig", {}).get("Outputs", ())
        if "S3Output" in output
    ]


def _last_state(events: list[Any]) -> str:
    """Return the last state that was entered."""
    names = [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]
    return names[-1] if names else ""


def _why(upload: UploadRecord) -> str:
    return f"{STATES[upload.state]}{f': {upload.reason}' if upload.reason else ''}"


def _advice(found: Trace) -> str:
    upload = found.upload
    assert upload is not None  # noqa: S101 - the caller has checked it
    if upload.state in ("FAILED", "TIMED_OUT", "ABORTED"):
        return f"once the cause is fixed: smproc retry {shell_word(found.uri)}"
    if upload.state == "DEAD_LETTER":
        return f"once the cause is fixed: smproc redrive --pipeline {shell_word(found.pipeline.name)}"
    if upload.state == "RUNNING" and found.cause:
        return f"if that goes on: smproc doctor --pipeline {shell_word(found.pipeline.name)}"
    if upload.state in ("RECEIVED", "WAITING", "STARTING", "UNKNOWN"):
        return f"if that takes longer than some minutes: smproc doctor --pipeline {shell_word(found.pipeline.name)}"
    return ""


def _advice_on_dead_letter(found: Trace) -> str:
    letter, option = found.dead_letter, f"--pipeline {shell_word(found.pipeline.name)}"
    assert letter is not None  # noqa: S101 - the caller has checked it
    return (
        f"once the cause is fixed: smproc redrive {letter.id} {option}; if the object has to be uploaded again under "
        f"another key: smproc dead-letters discard {letter.id} {option}"
    )


def _advice_without_upload(found: Trace, unread: str) -> str:
    pipeline, stored = found.pipeline, found.stored
    if not stored.exists:
        return (
            "there is no such object, and the pipeline took none under this key; check the key, its case and its "
            "slashes"
        )
    age = datetime.now(UTC) - stored.modified if stored.modified is not None else timedelta(0)
    if age < _CLOCKS:
        return "the object is less than a minute old; its event may still be on the way"
    dead_letters = f" (the dead letters could not be read, which needs {unread})" if unread else ""
    options = f"--pipeline {shell_word(pipeline.name)} --key {shell_word(S3Uri.parse(found.uri).key)}"
    return (
        f"no event of this object has arrived{dead_letters}: smproc doctor {options} checks the rules and the bucket's "
        "notifications; `smproc backfill start` takes what no event reported"
    )
