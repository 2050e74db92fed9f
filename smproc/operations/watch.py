"""What becomes of an upload: its execution, its jobs, their logs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError

from smproc.operations.errors import NoExecutionStartedError, RunTimedOutError
from smproc.operations.executions import keys_of
from smproc.operations.pipeline import Pipeline, Upload

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
_SOONEST, _LATEST = 0.05, 1.0  # seconds between two looks: often while things change, seldom while they do not


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A processing job as DescribeProcessingJob tells of it.

    Attributes:
        name: unique in account and region.
        status: ``InProgress``, ``Completed``, ``Failed``, ``Stopping`` or ``Stopped``.
        description: the whole answer.
        log: what it printed, all hosts, in the order of their streams.
    """

    name: str
    status: str
    description: dict[str, Any] = field(repr=False)
    log: tuple[str, ...] = field(default=(), repr=False)

    @property
    def reason(self) -> str:
        """Why it failed; empty when it did not."""
        return str(self.description.get("FailureReason", ""))

    @property
    def exit_message(self) -> str:
        """What the script left in /opt/ml/output/message; empty when it left nothing."""
        return str(self.description.get("ExitMessage", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One look at what has become of an upload.

    Attributes:
        upload: what it is about.
        execution: the answer of DescribeExecution; None while none started.
        jobs: the execution's jobs so far, in the order of their creation.
        seconds: since the upload returned.
    """

    upload: Upload
    execution: dict[str, Any] | None = field(default=None, repr=False)
    jobs: tuple[Job, ...] = ()
    seconds: float = 0.0

    @property
    def status(self) -> str:
        """``WAITING`` before the execution, then its status: ``RUNNING``, ``SUCCEEDED``, ``FAILED``, ..."""
        return "WAITING" if self.execution is None else str(self.execution["status"])

    @property
    def ended(self) -> bool:
        """Whether nothing more happens."""
        return self.status not in ("WAITING", "RUNNING", "PENDING_REDRIVE")

    @property
    def succeeded(self) -> bool:
        """Whether it ended well."""
        return self.status == "SUCCEEDED"


def watch(
    session: Any,  # noqa: ANN401 - boto3 has no types
    pipeline: Pipeline,
    upload: Upload,
    *,
    start_timeout: float = 60.0,
    timeout: float = 24 * 3600.0,
) -> Iterator[Run]:
    """Follow an upload to its end: one `Run` for each look, the last one ended.

    Args:
        session: a boto3 session.
        pipeline: what the upload went into.
        upload: what to follow.
        start_timeout: seconds to wait for an execution.
        timeout: seconds to wait in all.

    Raises:
        NoExecutionStartedError: nothing started in time.
        RunTimedOutError: it did not end in time.
    """
    watcher = _Watcher(session, pipeline, upload)
    pause, seen = _SOONEST, None
    while True:
        run = watcher.look()
        yield run
        if run.ended:
            return
        if run.execution is None and run.seconds > start_timeout:
            raise NoExecutionStartedError(
                f"no execution started for {upload.uri} within {start_timeout:g} s; see whether its key matches the "
                "pipeline's prefixes and suffixes, whether it waits for its batch's window (--start-timeout), and what "
                "`smproc redrive --dry-run` shows"
            )
        if run.seconds > timeout:
            raise RunTimedOutError(
                f"{upload.uri} is still {run.status} after {timeout:g} s; it goes on without this command"
            )
        state = (run.status, tuple((job.name, job.status, len(job.log)) for job in run.jobs))
        pause = _SOONEST if state != seen else min(pause * 1.5, _LATEST)
        seen = state
        time.sleep(pause)


class _Watcher:
    """What is known so far, so that each look asks only for what is new."""

    def __init__(self, session: Any, pipeline: Pipeline, upload: Upload) -> None:  # noqa: ANN401
        self._session = session
        self._states = session.client("stepfunctions")
        self._sagemaker = session.client("sagemaker")
        self._logs = session.client("logs")
        self._pipeline = pipeline
        self._run = Run(upload=upload)
        self._not_ours: set[str] = set()
        self._tokens: dict[tuple[str, str], str] = {}

    def look(self) -> Run:
        """The upload's state now."""
        execution = self._execution()
        jobs = self._run.jobs if execution is None else self._jobs(execution["executionArn"])
        self._run = replace(
            self._run, execution=execution, jobs=jobs, seconds=time.monotonic() - self._run.upload.monotonic
        )
        return self._run

    def _execution(self) -> dict[str, Any] | None:
        """The upload's execution: the one whose input names it, of those that started since."""
        if self._run.execution is not None:
            return self._described(self._run.execution["executionArn"])
        pages = self._states.get_paginator("list_executions").paginate(
            stateMachineArn=self._pipeline.state_machine_arn, PaginationConfig={"PageSize": 20}
        )
        for page in pages:
            for listed in page["executions"]:
                if listed["startDate"].timestamp() < self._run.upload.at:
                    return None
                arn = listed["executionArn"]
                if arn not in self._not_ours:
                    execution = self._described(arn)
                    if self._is_about_it(execution):
                        return execution
                    self._not_ours.add(arn)
        return None

    def _is_about_it(self, execution: dict[str, Any]) -> bool:
        """Whether an execution's input, or its manifest, names the upload."""
        try:
            given = json.loads(execution.get("input", "{}"))
        except json.JSONDecodeError:
            return False
        upload = self._run.upload
        if not isinstance(given, dict) or given.get("bucket") != upload.bucket:
            return False
        return upload.key in keys_of(self._session, given)

    def _described(self, arn: str) -> dict[str, Any]:
        execution: dict[str, Any] = self._states.describe_execution(executionArn=arn)
        return execution

    def _jobs(self, execution_arn: str) -> tuple[Job, ...]:
        pages = self._states.get_paginator("get_execution_history").paginate(executionArn=execution_arn)
        names = [
            json.loads(event["taskSubmittedEventDetails"]["output"])["ProcessingJobArn"].rsplit("/", 1)[1]
            for page in pages
            for event in page["events"]
            if event["type"] == "TaskSubmitted" and event["taskSubmittedEventDetails"]["resourceType"] == "sagemaker"
        ]
        known = {job.name: job for job in self._run.jobs}
        return tuple(self._job(name, known.get(name)) for name in names)

    def _job(self, name: str, before: Job | None) -> Job:
        if before is not None and before.status in ("Completed", "Failed", "Stopped"):
            return before
        description = self._sagemaker.describe_processing_job(ProcessingJobName=name)
        # The description first: what is printed before the end is then in the log when the end is seen.
        log = (before.log if before else ()) + self._new_lines(name)
        return Job(name=name, status=description["ProcessingJobStatus"], description=description, log=log)

    def _new_lines(self, job_name: str) -> tuple[str, ...]:
        try:
            streams = self._logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{job_name}/")
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":  # no job of the account has printed yet
                return ()
            raise
        lines: list[str] = []
        for stream in streams["logStreams"]:
            place = (job_name, stream["logStreamName"])
            while True:
                token = self._tokens.get(place)
                answer = self._logs.get_log_events(
                    logGroupName=LOG_GROUP,
                    logStreamName=place[1],
                    startFromHead=True,
                    **({"nextToken": token} if token else {}),
                )
                lines += [event["message"] for event in answer["events"]]
                self._tokens[place] = answer["nextForwardToken"]
                if answer["nextForwardToken"] == token or not answer["events"]:
                    break
        return tuple(lines)
