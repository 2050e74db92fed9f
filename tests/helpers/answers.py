"""A boto3 session whose requests a test answers; botocore checks the requests and the answers against its models."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.model import OperationModel
from botocore.response import StreamingBody
from botocore.validate import ParamValidator

Answer = Mapping[str, Any] | Exception
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
MACHINE = "arn:aws:states:us-east-1:111122223333:stateMachine:m"


class RefusalError(Exception):
    """An error that AWS answers with."""

    def __init__(self, code: str, message: str = "no", status: int = 400) -> None:
        super().__init__(code)
        self.code, self.text, self.status = code, message, status


def session_of(answer: Callable[[str, dict[str, Any]], Mapping[str, Any]]) -> boto3.Session:
    """Return a session whose requests a function answers.

    Args:
        answer: takes the name of an operation, such as ``ListExecutions``, and its parameters; raises `RefusalError`.
    """
    session = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1")  # noqa: S106 - none

    def remember(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context["given"] = dict(params)

    def respond(model: OperationModel, context: dict[str, Any], **_: object) -> tuple[Any, Any]:
        try:
            answered = dict(answer(model.name, context["given"]))
        except RefusalError as refusal:
            error = {"Code": refusal.code, "Message": refusal.text}
            return SimpleNamespace(status_code=refusal.status), {"Error": error, "ResponseMetadata": {}}
        if model.output_shape is not None and not any(isinstance(value, StreamingBody) for value in answered.values()):
            report = ParamValidator().validate(answered, model.output_shape)
            assert not report.has_errors(), report.generate_report()
        return SimpleNamespace(status_code=200), answered

    session.events.register("before-parameter-build", remember)
    session.events.register("before-call", respond)  # type: ignore[arg-type]
    return session


def execution(name: str, status: str = "SUCCEEDED", *, minutes_ago: float = 10, took: float = 60) -> dict[str, Any]:
    """Return an execution as ListExecutions lists it."""
    started = NOW - timedelta(minutes=minutes_ago)
    ended = {} if status == "RUNNING" else {"stopDate": started + timedelta(seconds=took)}
    return {
        "executionArn": f"{MACHINE.replace('stateMachine', 'execution')}:{name}",
        "stateMachineArn": MACHINE,
        "name": name,
        "status": status,
        "startDate": started,
        **ended,
    }


def history(job: str, description: Mapping[str, Any] | None = None, *, step: str = "Split") -> list[dict[str, Any]]:
    """Return the history of an execution with a job; a job without description still runs."""
    submitted = {"ProcessingJobArn": f"arn:aws:sagemaker:us-east-1:111122223333:processing-job/{job}"}
    sagemaker = {"resourceType": "sagemaker", "resource": "createProcessingJob.sync"}
    events: list[dict[str, Any]] = [
        {"type": "ExecutionStarted"},
        {"type": "TaskStateEntered", "stateEnteredEventDetails": {"name": step}},
        {"type": "TaskScheduled", "taskScheduledEventDetails": {**sagemaker, "region": "r", "parameters": "{}"}},
        {"type": "TaskSubmitted", "taskSubmittedEventDetails": {**sagemaker, "output": json.dumps(submitted)}},
    ]
    if description is not None:
        output = json.dumps({"ProcessingJobName": job, "ProcessingJobStatus": "Completed", **description})
        events.append({"type": "TaskSucceeded", "taskSucceededEventDetails": {**sagemaker, "output": output}})
    return [
        {"id": number, "previousEventId": number - 1, "timestamp": NOW, **event}
        for number, event in enumerate(events, start=1)
    ]


def cluster(
    kind: str = "ml.m5.xlarge", count: int = 1, *, seconds: float = 3600, start: datetime = NOW
) -> dict[str, Any]:
    """Return the part of a description that a history has of a job's instances and times."""
    return {
        "ProcessingResources": {"ClusterConfig": {"InstanceType": kind, "InstanceCount": count, "VolumeSizeInGB": 30}},
        "ProcessingStartTime": int(start.timestamp() * 1000),
        "ProcessingEndTime": int((start.timestamp() + seconds) * 1000),
    }


@dataclass
class Bucket:
    """A bucket that remembers how many bytes were read of it; a page of its list has two keys."""

    objects: dict[str, bytes]
    read: int = 0
    ranges: list[str] = field(default_factory=list)

    def __call__(self, operation: str, given: dict[str, Any]) -> Mapping[str, Any]:
        if operation == "ListObjectsV2":
            keys = sorted(key for key in self.objects if key.startswith(given["Prefix"]))
            at = int(given.get("ContinuationToken", 0))
            more = {"NextContinuationToken": str(at + 2)} if at + 2 < len(keys) else {}
            contents = [
                {
                    "Key": key,
                    "Size": len(self.objects[key]),
                    "LastModified": NOW - timedelta(days=1) if key.endswith("before") else NOW,
                }
                for key in keys[at : at + 2]
            ]
            return {"Contents": contents, "IsTruncated": bool(more), **more}
        body = self.objects.get(given["Key"])
        if body is None:
            raise RefusalError("404", status=404)
        if operation == "HeadObject":
            return {"ContentLength": len(body), "ContentType": "binary/octet-stream", "ETag": '"e"'}
        assert operation == "GetObject"
        if wanted := given.get("Range"):
            first, last = map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", wanted).groups())  # type: ignore[union-attr]
            self.ranges.append(wanted)
            body = body[first : last + 1]
        self.read += len(body)
        return {"Body": StreamingBody(io.BytesIO(body), len(body)), "ContentLength": len(body)}
