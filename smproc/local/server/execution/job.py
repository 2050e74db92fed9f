"""A processing job as the API shows it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from smproc.local.runners import StopSignal

MAX_RUNTIME_DEFAULT_IN_SECONDS = 86_400
_REASON_MAX = 1024
_MOMENTS = ("created", "modified", "started", "ended")
_KILLED = "InternalServerError: The local AWS was killed while the job was running"


def _now() -> datetime:
    """The time, to the millisecond that the API tells it to: what is told can be asked for."""
    now = datetime.now(tz=UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class JobStatus(StrEnum):
    """The states of a processing job."""

    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPING = "Stopping"
    STOPPED = "Stopped"

    @property
    def final(self) -> bool:
        """Whether the job has ended."""
        return self in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.STOPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectedFault:
    """What shall go wrong with a job, on request.

    Attributes:
        delay_in_seconds: how much later it starts.
        failure: its FailureReason, instead of running.
    """

    delay_in_seconds: float = 0.0
    failure: str | None = None


@dataclass(slots=True, eq=False)
class ProcessingJob:
    """A processing job: the request, and what has become of it.

    Attributes:
        arn: the job's ARN.
        region: the region it was created in.
        request: the CreateProcessingJob request.
        stop_signal: ends its programs.
        tags: the job's tags.
        injected: what shall go wrong with it.
        on_change: called with the job when it has begun and after each change of status.
        status: its state.
        created: when it was created.
        modified: when its state last changed.
        started: when it began to run.
        ended: when it ended.
        exit_message: what the program left in ``/opt/ml/output/message``.
        failure_reason: why it failed.
    """

    arn: str
    region: str
    request: Mapping[str, Any]
    stop_signal: StopSignal
    tags: dict[str, str]
    injected: InjectedFault = InjectedFault()
    on_change: Callable[[ProcessingJob], None] = lambda _job: None
    status: JobStatus = JobStatus.IN_PROGRESS
    created: datetime = field(default_factory=_now)
    modified: datetime = field(default_factory=_now)
    started: datetime | None = None
    ended: datetime | None = None
    exit_message: str | None = None
    failure_reason: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _waiting: list[Callable[[], None]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """ProcessingJobName."""
        return str(self.request["ProcessingJobName"])

    @property
    def max_runtime_in_seconds(self) -> int:
        """StoppingCondition.MaxRuntimeInSeconds, a day unless given."""
        condition = self.request.get("StoppingCondition") or {}
        return int(condition.get("MaxRuntimeInSeconds", MAX_RUNTIME_DEFAULT_IN_SECONDS))

    @property
    def instance_count(self) -> int:
        """How many hosts the job has."""
        cluster = self.request["ProcessingResources"]["ClusterConfig"]
        preferences = cluster.get("InstancePreferences") or [{}]
        return int(cluster.get("InstanceCount") or preferences[0].get("InstanceCount") or 1)

    @property
    def volume_size_in_gb(self) -> int:
        """How much each host's volume holds."""
        return int(self.request["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"])

    def begin(self) -> None:
        """Say that the job has begun to run."""
        with self._lock:
            self.started = self.modified = _now()
        self.on_change(self)

    def stop(self) -> None:
        """Ask the job to stop; one that has ended or is stopping already is left alone."""
        with self._lock:
            if self.status is not JobStatus.IN_PROGRESS:
                return
            self.status = JobStatus.STOPPING
            self.modified = _now()
        # Told of before it is asked for: it may be done at once.
        self.on_change(self)
        self.stop_signal.request()

    def end(self, status: JobStatus, *, failure_reason: str | None = None, exit_message: str | None = None) -> None:
        """Give the job its final state."""
        with self._lock:
            self.status = status
            self.failure_reason = failure_reason[:_REASON_MAX] if failure_reason else None
            self.exit_message = exit_message
            self.ended = self.modified = _now()
            waiting, self._waiting = self._waiting, []
        self.on_change(self)
        for wake in waiting:
            wake()

    def when_ended(self, wake: Callable[[], None]) -> None:
        """Call back when the job has ended, at once if it has already."""
        with self._lock:
            if not self.status.final:
                self._waiting.append(wake)
                return
        wake()

    def record(self) -> dict[str, Any]:
        """What is to be remembered of the job."""
        with self._lock:
            return {
                "arn": self.arn,
                "region": self.region,
                "request": self.request,
                "tags": self.tags,
                "status": str(self.status),
                "exit_message": self.exit_message,
                "failure_reason": self.failure_reason,
                **{name: moment.isoformat() if (moment := getattr(self, name)) else None for name in _MOMENTS},
            }

    @classmethod
    def remembered(cls, record: Mapping[str, Any]) -> ProcessingJob:
        """A job of a server that is gone; one that had not ended then has failed."""
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
            **moments,  # type: ignore[arg-type] # created and modified are always there
        )
        if not job.status.final:
            job.end(JobStatus.FAILED, failure_reason=_KILLED)
        return job

    def summary(self) -> dict[str, Any]:
        """The job in ListProcessingJobs; times are datetimes."""
        with self._lock:
            facts = {
                "ProcessingJobName": self.name,
                "ProcessingJobArn": self.arn,
                "CreationTime": self.created,
                "ProcessingEndTime": self.ended,
                "LastModifiedTime": self.modified,
                "ProcessingJobStatus": str(self.status),
                "FailureReason": self.failure_reason,
                "ExitMessage": self.exit_message,
            }
        return {name: value for name, value in facts.items() if value is not None}

    def describe(self) -> dict[str, Any]:
        """The job in DescribeProcessingJob; times are datetimes."""
        described = {name: value for name, value in self.request.items() if name != "Tags" and value is not None}
        described.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": MAX_RUNTIME_DEFAULT_IN_SECONDS})
        cluster = self.request["ProcessingResources"]["ClusterConfig"]
        if preferences := cluster.get("InstancePreferences"):
            # All of them are to be had here, so the first one is.
            selected = {
                "SelectedInstanceType": preferences[0]["InstanceType"],
                "SelectedInstanceCount": self.instance_count,
            }
            described["ProcessingResources"] = {"ClusterConfig": {**cluster, **selected}}
        if self.started is not None:
            described["ProcessingStartTime"] = self.started
        return {**described, **self.summary()}
