"""Executions, jobs, objects and messages of the stack, as evidence."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from botocore.exceptions import ClientError

from cdk_sagemaker_processing.model.names import PROCESSING_LOG_GROUP
from tools.verify_aws.account import Account
from tools.verify_aws.laboratory.deployment import Deployment
from tools.verify_aws.provoking import Provoker
from tools.verify_aws.question import Evidence

Found = TypeVar("Found")
_RUNNING: Final = "RUNNING"
_JOB_RUNS: Final = frozenset({"InProgress", "Stopping"})
_MESSAGES_MAX: Final = 10


class TooLateError(Exception):
    """Something that did not happen in time."""


@dataclass(frozen=True, kw_only=True)
class Lab:
    """The deployed stack, and an account to ask with it.

    Attributes:
        account: the account.
        deployment: the stack.
        provoker: brings about what does not happen on request.
        outputs: the outputs of the stack.
        slots: a place for each job that the account's quota of instances allows at a time.
        deployed_at: when the stack was deployed, in seconds since 1970.
        notifications: set as soon as the notifications of S3 are in force.
    """

    account: Account
    deployment: Deployment
    provoker: Provoker
    outputs: Mapping[str, str]
    slots: threading.BoundedSemaphore
    deployed_at: float
    notifications: threading.Event = field(default_factory=threading.Event)
    _shared: dict[str, Evidence] = field(default_factory=dict)
    _locks: dict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))

    def seconds(self, in_aws: float, in_local_aws: float) -> float:
        """Return a duration: the local AWS has no machines to wait for."""
        return in_local_aws if self.account.is_local else in_aws

    def until(
        self, read: Callable[[], Found], is_done: Callable[[Found], bool], *, seconds: float | None = None
    ) -> Found:
        """Return what is read as soon as a condition holds.

        Args:
            read: reads it.
            is_done: the condition.
            seconds: the longest wait. Default: half an hour, in the local AWS two minutes.

        Raises:
            TooLateError: the condition did not hold in time.
        """
        limit = seconds if seconds is not None else self.seconds(1800, 120)
        end = time.monotonic() + limit
        while not is_done(found := read()):
            if time.monotonic() > end:
                raise TooLateError(f"not within {limit:.0f} seconds; the last state: {str(found)[:500]}")
            time.sleep(self.seconds(5, 0.3))
        return found

    def shared(self, name: str, make: Callable[[], Evidence]) -> Evidence:
        """Return evidence that several questions share, which the first of them makes."""
        with self._locks[name]:
            if name not in self._shared:
                self._shared[name] = make()
            return self._shared[name]

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait until the account's quota allows a further job."""
        with self.slots:
            yield

    # --- Executions ---

    def run(self, machine: str, **values: object) -> Evidence:
        """Run a state machine of the stack to its end, and return the evidence.

        Args:
            machine: its name in the outputs, without ``StateMachine``.
            values: the input.
        """
        with self.slot():
            return self.ended(self.start(machine, **values))

    def start(self, machine: str, **values: object) -> str:
        """Start an execution of a state machine of the stack, and return its ARN."""
        return self.start_machine(self.outputs[f"{machine}StateMachine"], **values)

    def start_machine(self, arn: str, **values: object) -> str:
        """Start an execution of a state machine, and return its ARN.

        Args:
            arn: the ARN of the state machine.
            values: the input.
        """
        started = self.account.ask(
            "stepfunctions",
            "start_execution",
            stateMachineArn=arn,
            name=f"verify-{uuid.uuid4()}",
            input=json.dumps(values),
        )
        return str(started["executionArn"])

    def ended(self, execution_arn: str) -> Evidence:
        """Wait for the end of an execution, and return it with its history and its jobs."""
        self.until(lambda: self._execution(execution_arn)["status"], lambda status: status != _RUNNING)
        return self.evidence(execution_arn)

    def evidence(self, execution_arn: str) -> Evidence:
        """Return an execution with its history and its jobs."""
        history = self._history(execution_arn)
        return {
            "execution": self._execution(execution_arn),
            "history": history,
            "jobs": [self.job(name) for name in job_names(history) if self._exists(name)],
        }

    def executions(self, machine: str) -> list[dict[str, Any]]:
        """Return the executions of a state machine, the newest first."""
        arn = self.outputs[f"{machine}StateMachine"]
        found: list[dict[str, Any]] = self.account.ask("stepfunctions", "list_executions", stateMachineArn=arn)[
            "executions"
        ]
        return found

    # --- Jobs ---

    def job(self, name: str) -> dict[str, Any]:
        """Return the description of a job."""
        return _without_metadata(self.account.ask("sagemaker", "describe_processing_job", ProcessingJobName=name))

    def job_started(self, execution_arn: str, *, line: str = "") -> str:
        """Wait until the job of an execution exists, and its log has a line; return its name.

        Args:
            execution_arn: the execution.
            line: the line; empty to wait for the job alone.
        """
        (name, *_) = self.until(
            lambda: [name for name in job_names(self._history(execution_arn)) if self._exists(name)], bool
        )
        if line:
            self.until(lambda: self.log(name), lambda lines: any(line in each for each in lines))
        return name

    def job_ended(self, name: str) -> dict[str, Any]:
        """Wait for the end of a job, and return its description."""
        return self.until(lambda: self.job(name), lambda job: job["ProcessingJobStatus"] not in _JOB_RUNS)

    def log(self, job: str) -> list[str]:
        """Return the lines of a job's log."""
        request = {"logGroupName": PROCESSING_LOG_GROUP, "logStreamNamePrefix": f"{job}/"}
        try:
            streams = self.account.ask("logs", "describe_log_streams", **request)["logStreams"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return []
            raise
        lines: list[str] = []
        for stream in streams:
            where = {"logGroupName": PROCESSING_LOG_GROUP, "logStreamName": stream["logStreamName"]}
            lines += [
                each["message"]
                for each in self.account.ask("logs", "get_log_events", **where, startFromHead=True)["events"]
            ]
        return lines

    # --- Objects ---

    def put(self, bucket: str, key: str, body: bytes = b"a,b\n1,2\n") -> str:
        """Put an object into a bucket of the stack, and return its S3 URI.

        Args:
            bucket: the name of the bucket in the outputs.
            key: the key.
            body: the content.
        """
        self.account.ask("s3", "put_object", Bucket=self.outputs[bucket], Key=key, Body=body)
        return f"s3://{self.outputs[bucket]}/{key}"

    def objects(self, uri: str) -> list[dict[str, Any]]:
        """Return the objects below an S3 URI, each with the answer of HeadObject."""
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        listed = self.account.ask("s3", "list_objects_v2", Bucket=bucket, Prefix=prefix).get("Contents", ())
        heads = (
            (each["Key"], self.account.ask("s3", "head_object", Bucket=bucket, Key=each["Key"])) for each in listed
        )
        return [{"Key": key, **_without_metadata(head)} for key, head in heads]

    def with_outputs(self, ran: Evidence) -> Evidence:
        """Return the evidence of an execution with what its first job wrote, if it has one.

        Args:
            ran: the evidence of `run` or `ended`.
        """
        return {**ran, **({"outputs": self._outputs_of(ran["jobs"][0])} if ran["jobs"] else {})}

    def _outputs_of(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answers of HeadObject for what a job wrote, and the contents of its text files."""
        uri = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
        objects = self.objects(uri)
        contents = [
            self._content(uri, each["Key"]) for each in objects if each["Key"].endswith(("/found.json", ".txt"))
        ]
        return {"objects": objects, "contents": contents}

    def _content(self, uri: str, key: str) -> Any:  # noqa: ANN401 - JSON
        bucket = uri.removeprefix("s3://").partition("/")[0]
        text = self.account.ask("s3", "get_object", Bucket=bucket, Key=key)["Body"].read().decode()
        return json.loads(text) if key.endswith(".json") else text

    # --- Messages ---

    def messages(self, queue: str, is_done: Callable[[list[Any]], bool], *, seconds: float | None = None) -> list[Any]:
        """Return the bodies of the messages of a queue that arrive until a condition holds.

        Args:
            queue: the name of the queue in the outputs.
            is_done: the condition on the messages so far.
            seconds: the longest wait. Default: that of `until`.

        Raises:
            TooLateError: the condition did not hold in time.
        """
        found: list[Any] = []

        def receive() -> list[Any]:
            found.extend(self.received(queue))
            return found

        return self.until(receive, is_done, seconds=seconds)

    def received(self, queue: str) -> list[Any]:
        """Return the bodies of some messages that a queue has now, and delete them there."""
        url = self.outputs[queue]
        request = {"QueueUrl": url, "MaxNumberOfMessages": _MESSAGES_MAX, "WaitTimeSeconds": 1}
        found = []
        for message in self.account.ask("sqs", "receive_message", **request).get("Messages", ()):
            found.append(json.loads(message["Body"]))
            self.account.ask("sqs", "delete_message", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def _execution(self, arn: str) -> dict[str, Any]:
        return _without_metadata(self.account.ask("stepfunctions", "describe_execution", executionArn=arn))

    def _history(self, arn: str) -> list[dict[str, Any]]:
        pages = self.account.client("stepfunctions").get_paginator("get_execution_history")
        return [event for page in pages.paginate(executionArn=arn) for event in page["events"]]

    def _exists(self, job: str) -> bool:
        try:
            self.job(job)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("ValidationException", "ResourceNotFound"):
                return False
            raise
        return True


def job_names(history: list[dict[str, Any]]) -> list[str]:
    """Return the names of the jobs that an execution asked for, in the order of its attempts."""
    details = [each["taskScheduledEventDetails"] for each in history if each["type"] == "TaskScheduled"]
    requests = [json.loads(each["parameters"]) for each in details if each["resourceType"] == "sagemaker"]
    return [str(each["ProcessingJobName"]) for each in requests if "ProcessingJobName" in each]


def _without_metadata(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}
