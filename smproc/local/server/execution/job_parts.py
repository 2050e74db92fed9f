"""The parts of a job: its status, phases, program and archives, and the fault injected into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


def now() -> datetime:
    """Return the time in whole milliseconds, as the API reports it, so that clients can filter by a reported time."""
    moment = datetime.now(tz=UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class JobStatus(StrEnum):
    """The statuses of a job."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The program of a job, the same on each of its hosts.

    Attributes:
        image: the image's URI.
        entrypoint: the command that replaces the image's own entry point; empty for the image's own.
        arguments: the arguments to append to the entry point.
        environment: the job's variables.
    """

    image: str
    entrypoint: Sequence[str]
    arguments: Sequence[str]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Archive:
    """A directory of every host, uploaded as one archive when the job has ended.

    Attributes:
        s3_uri: the archive's URI; it ends in ``.tar.gz``.
        local_path: the directory.
    """

    s3_uri: str
    local_path: str


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of a job, as the SecondaryStatus of training jobs names it: ``Downloading``.

    Attributes:
        name: the phase's name.
        started: the time at which it started.
    """

    name: str
    started: datetime
