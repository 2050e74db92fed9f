"""A processing job, as the API describes it."""

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
    """Return the time in whole milliseconds, as the API reports it, so that clients can filter by a reported time."""
    now = datetime.now(tz=UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class JobStatus(StrEnum):
    """The statuses of a processing job."""

    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPING = "Stopping"
    STOPPED = "Stopped"

    @property
    def final(self) -> bool:
        """True if a job with this status has ended."""
        return self in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.STOPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectedFault:
    """A fault injected into a job.

    Attributes:
        delay_in_seconds: the delay of the job's start.
        failure: the FailureReason of the job, which then does not run; None to run it.
    """

    delay_in_seconds: float = 0.0
    failure: str | None = None


@dataclass(slots=True, eq=False)
class ProcessingJob:
    """A processing job: its request and its state.

    Attributes:
        arn: the job's ARN.
        region: the job's region.
        request: the CreateProcessingJob request.
        stop_signal: stops the job's programs.
        tags: the job's tags.
        fault: the fault to inject into the job.
        on_change: called with the job when it has started and after each change of its status.
        status: the job's status.
        created: the time of its creation.
        modified: the time of the last change of its status.
        started: the time at which it started to run.
        ended: the time at which it ended.
        exit_message: the content of ``/opt/ml/output/message``.
        failure_reason: the reason of its failure.
    """

    arn: str
    region: str
    request: Mapping[str, Any]
    stop_signal: StopSignal
    tags: dict[str, str]
    fault: InjectedFault = InjectedFault()
    on_change: Callable[[ProcessingJob], None] = lambda _job: None
    status: JobStatus = JobStatus.IN_PROGRESS
    created: datetime = field(default_factory=_now)
    modified: datetime = field(default_factory=_now)
    started: datetime | None = None
    ended: datetime | None = None
    exit_message: str | None = None
    failure_reason: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _callbacks: list[Callable[[], None]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The ProcessingJobName."""
        return str(self.request["ProcessingJobName"])

    @property
    def max_runtime_in_seconds(self) -> int:
        """The MaxRuntimeInSeconds of the StoppingCondition; a day by default."""
        condition = self.request.get("StoppingCondition") or {}
        return int(condition.get("MaxRuntimeInSeconds", MAX_RUNTIME_DEFAULT_IN_SECONDS))

    @property
    def instance_count(self) -> int:
        """The number of hosts of the job."""
        cluster = self.request["ProcessingResources"]["ClusterConfig"]
        preferences = cluster.get("InstancePreferences") or [{}]
        return int(cluster.get("InstanceCount") or preferences[0].get("InstanceCount") or 1)

    @property
    def volume_size_in_gb(self) -> int:
        """The size of each host's volume, in GB."""
        return int(self.request["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"])

    def mark_started(self) -> None:
        """Record that the job has started to run."""
        with self._lock:
            self.started = self.modified = _now()
        self.on_change(self)

    def stop(self) -> None:
        """Stop the job; no effect if it has ended or is stopping."""
        with self._lock:
            if self.status is not JobStatus.IN_PROGRESS:
                return
            self.status = JobStatus.STOPPING
            self.modified = _now()
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
            self.ended = self.modified = _now()
            callbacks, self._callbacks = self._callbacks, []
        self.on_change(self)
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
                **{name: moment.isoformat() if (moment := getattr(self, name)) else None for name in _MOMENTS},
            }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> ProcessingJob:
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
            **moments,  # type: ignore[arg-type] # created and modified are never None
        )
        if not job.status.final:
            job.end(JobStatus.FAILED, failure_reason=_KILLED)
        return job

    def summary(self) -> dict[str, Any]:
        """Return the job as ListProcessingJobs does, with times as datetimes."""
        with self._lock:
            members = {
                "ProcessingJobName": self.name,
                "ProcessingJobArn": self.arn,
                "CreationTime": self.created,
                "ProcessingEndTime": self.ended,
                "LastModifiedTime": self.modified,
                "ProcessingJobStatus": str(self.status),
                "FailureReason": self.failure_reason,
                "ExitMessage": self.exit_message,
            }
        return {name: value for name, value in members.items() if value is not None}

    def describe(self) -> dict[str, Any]:
        """Return the job as DescribeProcessingJob does, with times as datetimes."""
        described = {name: value for name, value in self.request.items() if name != "Tags" and value is not None}
        described.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": MAX_RUNTIME_DEFAULT_IN_SECONDS})
        cluster = self.request["ProcessingResources"]["ClusterConfig"]
        if preferences := cluster.get("InstancePreferences"):
            # Every instance type is available here, so the first one is selected.
            selected = {
                "SelectedInstanceType": preferences[0]["InstanceType"],
                "SelectedInstanceCount": self.instance_count,
            }
            described["ProcessingResources"] = {"ClusterConfig": {**cluster, **selected}}
        if self.started is not None:
            described["ProcessingStartTime"] = self.started
        return {**described, **self.summary()}
