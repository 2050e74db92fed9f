"""The progress of an upload: its execution, the execution's jobs, their logs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smproc.operations.errors import NoExecutionStartedError, RunTimedOutError
from smproc.operations.executions import keys_of, parse_object
from smproc.operations.logs import JobLog
from smproc.terminal_text import shell_word

if TYPE_CHECKING:
    from boto3 import Session
    from types_boto3_sagemaker.type_defs import DescribeProcessingJobResponseTypeDef
    from types_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef, HistoryEventTypeDef

    from smproc.operations.pipeline import Pipeline, Upload

# Seconds between two polls: short while the state changes, longer while it does not.
_MIN_PAUSE, _MAX_PAUSE = 0.05, 1.0
_PAUSE_GROWTH = 1.5

# The notifications of a bucket reach EventBridge about five minutes after a deployment has enabled them:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-event-notifications-eventbridge.html. On the local AWS
# they are in force immediately.
_START_TIMEOUT, _LOCAL_START_TIMEOUT = 600.0, 60.0
_UPLOAD_AGAIN = (
    "; if the stack was deployed within five minutes before the upload, S3 may not have reported it, so run the "
    "command again"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A processing job as DescribeProcessingJob reports it.

    Attributes:
        name: unique in account and region.
        status: ``InProgress``, ``Completed``, ``Failed``, ``Stopping`` or ``Stopped``.
        description: the whole response.
        log: the lines that it printed, of all hosts, in the order of their times.
    """

    name: str
    status: str
    description: DescribeProcessingJobResponseTypeDef = field(repr=False)
    log: tuple[str, ...] = field(default=(), repr=False)

    @property
    def reason(self) -> str:
        """The reason of a failure; empty for a job that has not failed."""
        return str(self.description.get("FailureReason", ""))

    @property
    def exit_message(self) -> str:
        """The text that the script wrote to /opt/ml/output/message; empty without one."""
        return str(self.description.get("ExitMessage", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The state of an upload's run at one poll.

    Attributes:
        upload: the upload.
        execution: the response of DescribeExecution; None while none has started.
        jobs: the execution's jobs so far, in the order of their creation.
        seconds: the time since the upload returned.
    """

    upload: Upload
    execution: DescribeExecutionOutputTypeDef | None = field(default=None, repr=False)
    jobs: tuple[Job, ...] = ()
    seconds: float = 0.0

    @property
    def status(self) -> str:
        """``WAITING`` before the execution, then its status: ``RUNNING``, ``SUCCEEDED``, ``FAILED``, ..."""
        return "WAITING" if self.execution is None else self.execution["status"]

    @property
    def ended(self) -> bool:
        """True when the execution has ended."""
        return self.status not in ("WAITING", "RUNNING", "PENDING_REDRIVE")

    @property
    def succeeded(self) -> bool:
        """True when the execution has succeeded."""
        return self.status == "SUCCEEDED"


def uses_local_aws(session: Session) -> bool:
    """Return whether a session's endpoints are on this machine, as those of the local AWS are."""
    host = urlsplit(session.client("stepfunctions").meta.endpoint_url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.") or host.endswith(".localhost")


def default_start_timeout(session: Session) -> float:
    """Return the seconds that an execution may take to start: 600 in AWS, 60 on the local AWS.

    Args:
        session: a boto3 session.
    """
    return _LOCAL_START_TIMEOUT if uses_local_aws(session) else _START_TIMEOUT


def watch(
    session: Session,
    pipeline: Pipeline,
    upload: Upload,
    *,
    start_timeout: float | None = None,
    timeout: float = 24 * 3600.0,
) -> Iterator[Run]:
    """Follow an upload until its execution ends: yield one `Run` per poll, the last one ended.

    Args:
        session: a boto3 session.
        pipeline: the pipeline of the upload.
        upload: the upload to follow.
        start_timeout: seconds to wait for an execution to start. Default: 600, because the notifications of a new
            bucket take about five minutes to come into force; 60 on the local AWS.
        timeout: seconds to wait for its end, from the upload on.

    Raises:
        NoExecutionStartedError: no execution started in time.
        RunTimedOutError: the execution did not end in time.
    """
    if start_timeout is None:
        start_timeout = default_start_timeout(session)
    watcher = _Watcher(session, pipeline, upload)
    pause, last_state = _MIN_PAUSE, None
    while True:
        run = watcher.poll()
        yield run
        if run.ended:
            return
        if run.execution is None and run.seconds > start_timeout:
            raise NoExecutionStartedError(
                f"no execution started for {upload.uri} within {start_timeout:g} s"
                + ("; it may wait for a batch to fill (--start-timeout)" if pipeline.takes_batches else "")
                + f"; see what keeps it: smproc doctor --pipeline {shell_word(pipeline.name)} --key "
                + shell_word(upload.key)
                + ("" if uses_local_aws(session) else _UPLOAD_AGAIN)
            )
        if run.seconds > timeout:
            raise RunTimedOutError(
                f"the execution for {upload.uri} is still {run.status} after {timeout:g} s; it continues without this "
                "command"
            )
        state = (run.status, tuple((job.name, job.status, len(job.log)) for job in run.jobs))
        pause = _MIN_PAUSE if state != last_state else min(pause * _PAUSE_GROWTH, _MAX_PAUSE)
        last_state = state
        time.sleep(pause)


class _Watcher:
    """The state that is known so far, so that each poll asks only for what is new."""

    def __init__(self, session: Session, pipeline: Pipeline, upload: Upload) -> None:
        self._session = session
        self._states = session.client("stepfunctions")
        self._sagemaker = session.client("sagemaker")
        self._pipeline = pipeline
        self._run = Run(upload=upload)
        self._other_executions: set[str] = set()
        self._logs: dict[str, JobLog] = {}

    def poll(self) -> Run:
        """Return the current state of the run."""
        execution = self._execution()
        jobs = self._run.jobs if execution is None else self._jobs(execution["executionArn"])
        self._run = replace(
            self._run, execution=execution, jobs=jobs, seconds=time.monotonic() - self._run.upload.monotonic
        )
        return self._run

    def _execution(self) -> DescribeExecutionOutputTypeDef | None:
        """Find the upload's execution: the one whose input names it, of those that started since."""
        if self._run.execution is not None:
            return self._states.describe_execution(executionArn=self._run.execution["executionArn"])
        pages = self._states.get_paginator("list_executions").paginate(
            stateMachineArn=self._pipeline.state_machine_arn, PaginationConfig={"PageSize": 20}
        )
        for page in pages:
            for listed in page["executions"]:
                if listed["startDate"].timestamp() < self._run.upload.at:
                    # It may be sorted by its end, so newer ones may come after it.
                    if max(listed["startDate"], listed.get("stopDate", listed["startDate"])).timestamp() >= (
                        self._run.upload.at
                    ):
                        continue
                    return None
                arn = listed["executionArn"]
                if arn not in self._other_executions:
                    execution = self._states.describe_execution(executionArn=arn)
                    if self._processes_upload(execution):
                        return execution
                    self._other_executions.add(arn)
        return None

    def _processes_upload(self, execution: DescribeExecutionOutputTypeDef) -> bool:
        """Return True if an execution's input, or its manifest, names the upload."""
        execution_input = parse_object(execution.get("input"))
        upload = self._run.upload
        return execution_input.get("bucket") == upload.bucket and upload.key in keys_of(self._session, execution_input)

    def _jobs(self, execution_arn: str) -> tuple[Job, ...]:
        pages = self._states.get_paginator("get_execution_history").paginate(executionArn=execution_arn)
        submitted = [
            event["taskSubmittedEventDetails"] for page in pages for event in page["events"] if _is_submission(event)
        ]
        names = [json.loads(details["output"])["ProcessingJobArn"].rsplit("/", 1)[1] for details in submitted]
        known = {job.name: job for job in self._run.jobs}
        return tuple(self._job(name, known.get(name)) for name in names)

    def _job(self, name: str, before: Job | None) -> Job:
        if before is not None and before.status in ("Completed", "Failed", "Stopped"):
            return before
        description = self._sagemaker.describe_processing_job(ProcessingJobName=name)
        # The description first: when it shows the end, the log read afterwards holds every line printed before it.
        reader = self._logs.setdefault(name, JobLog(self._session, name))
        log = (before.log if before else ()) + tuple(line.text for line in reader.new_lines())
        return Job(name=name, status=description["ProcessingJobStatus"], description=description, log=log)


def _is_submission(event: HistoryEventTypeDef) -> bool:
    """Return True for the event that a processing job was created."""
    return event["type"] == "TaskSubmitted" and event["taskSubmittedEventDetails"]["resourceType"] == "sagemaker"
