"""A job of the SageMaker API: its life, and what the executor asks of it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Self

from smproc.local.runners import StopSignal
from smproc.local.server.execution.job_parts import Archive, InjectedFault, JobStatus, Phase, Program, now

MAX_RUNTIME_DEFAULT_IN_SECONDS = 86_400
_REASON_MAX = 1024
_MOMENTS = ("created", "modified", "started", "ended")
_KILLED = "InternalServerError: The local AWS was killed while the job was running"


@dataclass(slots=True, eq=False)
class Job(ABC):
    """A job: its request and its state.

    A subclass is a kind of job. The names of the API's operations and members follow from `api_name`:
    ``CreateProcessingJob``, ``ProcessingJobArn``.

    Attributes:
        arn: the job's ARN.
        region: the job's region.
        request: the request that created it.
        stop_signal: stops the job's programs.
        tags: the job's tags.
        fault: the fault to inject into the job.
        on_change: called with the job when it has started and after each change of its status.
        on_phase: called with the job when it has entered a phase without a change of its status.
        status: the job's status.
        created: the time of its creation.
        modified: the time of the last change of its status.
        started: the time at which it started to run.
        ended: the time at which it ended.
        exit_message: the content of ``/opt/ml/output/message``.
        failure_reason: the reason of its failure.
        timed_out: whether it was stopped because MaxRuntimeInSeconds had passed.
        phases: its phases, in order.
    """

    api_name: ClassVar[str]
    arn_type: ClassVar[str]
    event_type: ClassVar[str]
    log_group: ClassVar[str]
    # The file in /opt/ml/output with which a program explains itself, and whether it is the reason of a failure.
    message_file: ClassVar[str]
    message_is_failure: ClassVar[bool] = False
    # Whether the results of a job that is stopped are uploaded.
    keeps_results_when_stopped: ClassVar[bool] = False

    arn: str
    region: str
    request: Mapping[str, Any]
    stop_signal: StopSignal
    tags: dict[str, str]
    fault: InjectedFault = field(default_factory=InjectedFault)
    on_change: Callable[[Any], None] = lambda _job: None
    on_phase: Callable[[Any], None] = lambda _job: None
    status: JobStatus = JobStatus.IN_PROGRESS
    created: datetime = field(default_factory=now)
    modified: datetime = field(default_factory=now)
    started: datetime | None = None
    ended: datetime | None = None
    exit_message: str | None = None
    failure_reason: str | None = None
    timed_out: bool = False
    phases: list[Phase] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _callbacks: list[Callable[[], None]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The job's name."""
        return str(self.request[f"{self.api_name}Name"])

    @property
    def max_runtime_in_seconds(self) -> int:
        """The MaxRuntimeInSeconds of the StoppingCondition; a day by default."""
        condition = self.request.get("StoppingCondition") or {}
        return int(condition.get("MaxRuntimeInSeconds", MAX_RUNTIME_DEFAULT_IN_SECONDS))

    @property
    @abstractmethod
    def instance_count(self) -> int:
        """The number of hosts of the job."""

    @property
    @abstractmethod
    def volume_size_in_gb(self) -> int:
        """The size of each host's volume, in GB."""

    @property
    @abstractmethod
    def isolated(self) -> bool:
        """True if the program has no network."""

    @property
    @abstractmethod
    def program(self) -> Program:
        """The program."""

    @property
    @abstractmethod
    def inputs(self) -> Sequence[Mapping[str, Any]]:
        """The inputs, as ProcessingInputs."""

    @property
    @abstractmethod
    def output_config(self) -> Mapping[str, Any]:
        """The outputs, as a ProcessingOutputConfig."""

    @property
    def archives(self) -> Sequence[Archive]:
        """The archives to upload beside the outputs."""
        return ()

    @property
    def directories(self) -> Sequence[str]:
        """The directories that exist when the program starts: those of inputs, outputs and archives."""
        inputs = [item.get("S3Input") or {} for item in self.inputs]
        inputs = [part for part in inputs if part.get("S3InputMode") != "Pipe"]
        outputs = [item.get("S3Output") or {} for item in self.output_config.get("Outputs", ())]
        paths = [part["LocalPath"] for part in (*inputs, *outputs) if part.get("LocalPath")]
        return [*paths, *(archive.local_path for archive in self.archives)]

    @abstractmethod
    def config_files(self, host: str, hosts: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the contents of a host's configuration files by path.

        Args:
            host: the host's name.
            hosts: the names of all hosts.
        """

    @abstractmethod
    def summary(self) -> dict[str, Any]:
        """Return the job as its List operation does, with times as datetimes."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return the job as its Describe operation does, with times as datetimes."""

    def enter(self, phase: str) -> None:
        """Record that the job enters a phase, unless it is stopping.

        Args:
            phase: the phase's name.
        """
        with self._lock:
            if self.status is not JobStatus.IN_PROGRESS:
                return
            self.phases.append(Phase(phase, now()))
        self.on_phase(self)

    def time_out(self) -> None:
        """Stop the job because MaxRuntimeInSeconds have passed."""
        self.timed_out = True
        self.stop()

    def mark_started(self) -> None:
        """Record that the job has started to run."""
        with self._lock:
            self.started = self.modified = now()
            self.phases.append(Phase("Starting", self.started))
        self.on_change(self)

    def stop(self) -> None:
        """Stop the job; no effect if it has ended or is stopping."""
        with self._lock:
            if self.status is not JobStatus.IN_PROGRESS:
                return
            self.status = JobStatus.STOPPING
            self.modified = now()
            self.phases.append(Phase("Stopping", self.modified))
        # Report Stopping before the signal, which may stop the job immediately.
        self.on_change(self)
        self.stop_signal.request()

    def end(self, status: JobStatus, *, failure_reason: str | None = None, exit_message: str | None = None) -> None:
        """Record the end of the job.

        Args:
            status: the final status.
            failure_reason: the reason of its failure; cut to 1,024 characters.
            exit_message: the content of ``/opt/ml/output/message``.
        """
        with self._lock:
            self.status = status
            self.failure_reason = failure_reason[:_REASON_MAX] if failure_reason else None
            self.exit_message = exit_message
            self.ended = self.modified = now()
            name = "MaxRuntimeExceeded" if self.timed_out and status is JobStatus.STOPPED else str(status)
            self.phases.append(Phase(name, self.ended))
            callbacks, self._callbacks = self._callbacks, []
        try:
            self.on_change(self)
        finally:
            for callback in callbacks:
                callback()

    def call_on_end(self, callback: Callable[[], None]) -> None:
        """Register a callback for the end of the job; called immediately if it has ended.

        Args:
            callback: called on the thread that ends the job.
        """
        with self._lock:
            if not self.status.final:
                self._callbacks.append(callback)
                return
        callback()

    def record(self) -> dict[str, Any]:
        """Return the persistent record of the job."""
        with self._lock:
            return {
                "arn": self.arn,
                "region": self.region,
                "request": self.request,
                "tags": self.tags,
                "status": str(self.status),
                "exit_message": self.exit_message,
                "failure_reason": self.failure_reason,
                "timed_out": self.timed_out,
                "phases": [(phase.name, phase.started.isoformat()) for phase in self.phases],
                **{name: moment.isoformat() if (moment := getattr(self, name)) else None for name in _MOMENTS},
            }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the job of a previous server from its record; one that had not ended has failed.

        Args:
            record: the return value of `record`.
        """
        moments = {name: datetime.fromisoformat(record[name]) if record[name] else None for name in _MOMENTS}
        job = cls(
            arn=record["arn"],
            region=record["region"],
            request=record["request"],
            stop_signal=StopSignal(0.0),
            tags=record["tags"],
            status=JobStatus(record["status"]),
            exit_message=record["exit_message"],
            failure_reason=record["failure_reason"],
            # The records of earlier versions have neither.
            timed_out=record.get("timed_out", False),
            phases=[Phase(name, datetime.fromisoformat(at)) for name, at in record.get("phases", ())],
            **moments,  # type: ignore[arg-type] # created and modified are never None
        )
        if not job.status.final:
            job.end(JobStatus.FAILED, failure_reason=_KILLED)
        return job
