"""The content of the pages, read through the operations of the commands, and shared by all browsers."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cdk_sagemaker_processing.model import names
from smproc.console.notes import Notes
from smproc.console.snapshots import Snapshots
from smproc.graphs import ExecutionRun
from smproc.local import LocalAws
from smproc.local.session import SharedSession
from smproc.operations import (
    DeadLetter,
    Execution,
    JobLog,
    LogLine,
    NothingToRetryError,
    OutputFile,
    Pipeline,
    PipelineDetails,
    PipelineStatus,
    ProcessingJob,
    StepJob,
    UploadReader,
    UploadRecord,
    choose_pipeline,
    dead_letters,
    details_of,
    find_pipelines,
    jobs_in,
    output_files,
    read_execution,
    status_of,
)
from smproc.operations.executions import describe_execution, keys_of, parse_object
from smproc.operations.jobs import ENDED_STATUSES

if TYPE_CHECKING:
    from types_boto3_sagemaker.type_defs import DescribeProcessingJobResponseTypeDef

# Seconds for which what was read is shown.
_STATE, _LIVE, _ENDED = 2.0, 1.0, 10.0
WINDOW: Final = timedelta(days=7)
UPLOADS_MAX: Final = 50
LOG_LINES_MAX: Final = 2_000
_BUFFERS_MAX: Final = 32
_GOES_ON: Final = frozenset({"RUNNING", "PENDING_REDRIVE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineView:
    """A pipeline with what has happened in it.

    Attributes:
        details: its state.
        upload_uri: where to upload objects to.
        uploads: the newest uploads of seven days.
        executions: the newest executions of seven days.
    """

    details: PipelineDetails
    upload_uri: str
    uploads: list[UploadRecord]
    executions: list[Execution]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionView:
    """An execution.

    Attributes:
        arn: its ARN.
        pipeline: the pipeline that started it; None if none did.
        definition: the definition of its state machine.
        run: its statuses and times.
        started: the time of its start.
        ended: the time of its end; None while it runs.
        bucket: the bucket of its objects; empty if its input names none.
        keys: the keys of its objects.
        cause: the text beside its error; empty without one.
        jobs: its jobs, in the order of their creation.
    """

    arn: str
    pipeline: Pipeline | None
    definition: str
    run: ExecutionRun
    started: datetime
    ended: datetime | None
    bucket: str
    keys: list[str]
    cause: str
    jobs: list[StepJob]

    @property
    def title(self) -> str:
        """The name of its pipeline, or else of its state machine."""
        return self.pipeline.name if self.pipeline else self.arn.split(":")[-2]

    @property
    def goes_on(self) -> bool:
        """True until it has ended."""
        return self.run.status in _GOES_ON


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """A processing job.

    Attributes:
        description: the response of DescribeProcessingJob.
        outputs: the files that it has written; empty until it has ended.
        execution: the ARN of the execution that created it; empty if its tags name none.
    """

    description: DescribeProcessingJobResponseTypeDef
    outputs: list[OutputFile]
    execution: str

    @property
    def ended(self) -> bool:
        """True once it has ended."""
        return self.description["ProcessingJobStatus"] in ENDED_STATUSES


@dataclass(slots=True)
class _Buffer:
    """The last lines of a log, and the number of the line after them."""

    log: JobLog
    lock: threading.Lock = field(default_factory=threading.Lock)
    lines: deque[LogLine] = field(default_factory=lambda: deque(maxlen=LOG_LINES_MAX))
    next: int = 0

    def read(self) -> tuple[list[LogLine], int]:
        with self.lock:
            for line in self.log.new_lines():
                self.lines.append(line)
                self.next += 1
            return list(self.lines), self.next


class Reader:
    """The content of the pages.

    Args:
        local_aws: the local AWS.
    """

    def __init__(self, local_aws: LocalAws) -> None:
        self.local_aws = local_aws
        self.notes = Notes()
        self.session = SharedSession(local_aws)
        self._snapshots = Snapshots()
        self._buffers: dict[str, _Buffer] = {}
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Read everything anew, after something was changed."""
        self._snapshots.forget()

    def pipelines(self) -> list[Pipeline]:
        """Return the pipelines of the account and region."""
        return self._snapshots.get("pipelines", _STATE, lambda: find_pipelines(self.session))

    def pipeline_named(self, name: str) -> Pipeline:
        """Return a pipeline by its name.

        Raises:
            PipelineNotFoundError: there is none.
        """
        return choose_pipeline(self.pipelines(), name)

    def statuses(self) -> list[PipelineStatus]:
        """Return the state of all pipelines."""
        return self._snapshots.get("statuses", _STATE, lambda: status_of(self.session, self.pipelines()))

    def pipeline(self, name: str) -> PipelineView:
        """Return a pipeline with its uploads and executions.

        Raises:
            PipelineNotFoundError: there is none, or an earlier version deployed it.
        """
        pipeline = self.pipeline_named(name)
        return self._snapshots.get(("pipeline", pipeline.name), _STATE, lambda: _read_pipeline(pipeline))

    def pipeline_of_execution(self, arn: str) -> Pipeline:
        """Return the pipeline that started an execution.

        Raises:
            NothingToRetryError: none did.
        """
        found = self._pipeline_of(arn)
        if found is None:
            raise NothingToRetryError(f"no pipeline of this account and region has started the execution {arn!r}")
        return found

    def execution(self, arn: str) -> ExecutionView:
        """Return an execution.

        Raises:
            NothingToRetryError: there is no such execution.
        """
        return self._snapshots.get(
            ("execution", arn), lambda view: _LIVE if view.goes_on else _ENDED, lambda: self._read_execution(arn)
        )

    def job(self, name: str) -> JobView:
        """Return a job.

        Raises:
            JobNotFoundError: there is no such job.
        """
        return self._snapshots.get(
            ("job", name), lambda view: _ENDED if view.ended else _LIVE, lambda: self._read_job(name)
        )

    def log(self, name: str, after: int = 0) -> tuple[list[LogLine], int]:
        """Return the lines of a job's log after a number of lines, and the number of all of them.

        Args:
            name: the job's name.
            after: the number of lines that are known.
        """
        buffer = self._buffer(name)
        lines, count = self._snapshots.get(("log", name), _LIVE, buffer.read)
        new = count - after
        return (lines[-new:] if 0 < new < len(lines) else lines if new > 0 else []), count

    def dead_letters(self, pipeline: Pipeline) -> list[DeadLetter]:
        """Return the dead letters of a pipeline, which takes some seconds."""
        return self._snapshots.get(("dead letters", pipeline.name), _ENDED, lambda: dead_letters(pipeline))

    def _pipeline_of(self, arn: str) -> Pipeline | None:
        machine = arn.rpartition(":")[0].replace(":execution:", ":stateMachine:")
        return next((one for one in self.pipelines() if one.state_machine_arn == machine), None)

    def _read_execution(self, arn: str) -> ExecutionView:
        described = describe_execution(self.session, arn)
        definition, run = read_execution(self.session, arn)
        pages = self.session.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
        execution_input = parse_object(described.get("input"))
        return ExecutionView(
            arn=arn,
            pipeline=self._pipeline_of(arn),
            definition=definition,
            run=run,
            started=described["startDate"],
            ended=described.get("stopDate"),
            bucket=str(execution_input.get("bucket", "")),
            keys=keys_of(self.session, execution_input),
            cause=described.get("cause", ""),
            jobs=jobs_in(event for page in pages for event in page["events"]),
        )

    def _read_job(self, name: str) -> JobView:
        description = ProcessingJob(name, session=self.session).describe()
        ended = description["ProcessingJobStatus"] in ENDED_STATUSES
        tags = self.session.client("sagemaker").list_tags(ResourceArn=description["ProcessingJobArn"])["Tags"]
        return JobView(
            description=description,
            outputs=list(output_files(self.session, description)) if ended else [],
            execution=next((tag["Value"] for tag in tags if tag["Key"] == names.EXECUTION_TAG), ""),
        )

    def _buffer(self, name: str) -> _Buffer:
        """Return the buffer of a job's log, kept so that each line is read once; of the last logs looked at alone."""
        with self._lock:
            buffer = self._buffers.pop(name, None) or _Buffer(JobLog(self.session, name))
            self._buffers[name] = buffer
            while len(self._buffers) > _BUFFERS_MAX:
                del self._buffers[next(iter(self._buffers))]
        return buffer


def _read_pipeline(pipeline: Pipeline) -> PipelineView:
    since = datetime.now(UTC) - WINDOW
    reader = UploadReader(pipeline)
    uploads = reader.newest(since, limit=UPLOADS_MAX, keep=lambda _: True)
    executions = list(reader.executions(since.timestamp()).values())
    return PipelineView(
        details=details_of(pipeline, failures_max=0),
        upload_uri=pipeline.upload_uri,
        uploads=uploads,
        executions=sorted(executions, key=lambda one: one.started, reverse=True)[:UPLOADS_MAX],
    )
