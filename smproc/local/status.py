"""The status of a local AWS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

State = Literal["running", "starting", "stale", "not running"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The status of a local AWS.

    Attributes:
        state: ``running``; ``starting``; ``not running``; ``stale`` when its server was killed and the next start
            cleans up after it.
        endpoint: the URL at which it answers, or would.
        region: the region that it emulates.
        pid: the server's process id; None while there is no server.
        started: the time at which the server started.
        sandbox: the program that runs jobs: ``bubblewrap``, ``unshare``, ``docker``, ``podman``, or an engine and a
            sandbox.
        enforce_iam: whether policies are enforced; None while there is no server.
        manifest_layout: the paths of the objects of a manifest below an input's directory: ``relative`` to the
            manifest's prefix, or the whole ``key``; None while there is no server.
        jobs_in_progress: the number of jobs that have not ended.
        jobs_finished: the number of jobs in its records that have ended.
        folder: the directory of its state.
        log: the server's log file.
        note: the outcome of the last operation, as a sentence for people.
    """

    state: State
    endpoint: str
    region: str
    folder: Path
    log: Path
    pid: int | None = None
    started: datetime | None = None
    sandbox: str | None = None
    enforce_iam: bool | None = None
    manifest_layout: str | None = None
    jobs_in_progress: int = 0
    jobs_finished: int = 0
    note: str = ""

    @property
    def running(self) -> bool:
        """True when it answers."""
        return self.state == "running"

    @property
    def uptime(self) -> timedelta | None:
        """The time since the server started; None while there is no server."""
        return datetime.now(tz=UTC) - self.started if self.started else None
