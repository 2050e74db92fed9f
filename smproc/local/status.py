"""What there is to say about a local AWS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

State = Literal["running", "starting", "stale", "not running"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What there is to say about a local AWS.

    Attributes:
        state: ``running``; ``starting``; ``not running``; ``stale`` when its server was killed and the next start will
            clean up after it.
        endpoint: where it answers, or would.
        region: the region it stands for.
        pid: the server's process id while there is one.
        started: when the server started.
        sandbox: what runs a job: ``bubblewrap``, ``unshare``, ``docker``, ``podman``, or an engine and a sandbox.
        jobs_in_progress: how many jobs have not ended.
        jobs_finished: how many jobs it remembers that have ended.
        folder: where its state is.
        log: the server's log file.
        note: what just happened, in a sentence, for people to read.
    """

    state: State
    endpoint: str
    region: str
    folder: Path
    log: Path
    pid: int | None = None
    started: datetime | None = None
    sandbox: str | None = None
    jobs_in_progress: int = 0
    jobs_finished: int = 0
    note: str = ""

    @property
    def running(self) -> bool:
        """Whether it answers."""
        return self.state == "running"

    @property
    def uptime(self) -> timedelta | None:
        """How long it has been running."""
        return datetime.now(tz=UTC) - self.started if self.started else None
