"""What a runner is asked to run, and how it is asked to stop."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """One host of a processing job, as `docker run` would be told.

    Attributes:
        image: the image's URI.
        entrypoint: what to run instead of the image's own entry point; empty for the image's own.
        arguments: what to append to the entry point.
        environment: the job's variables; the runner adds what the image itself would set.
        opt_ml: the folder on this machine that is ``/opt/ml`` inside.
        host: the host's name: ``algo-1``.
        hosts: the names of all hosts of the job.
        network: whether the program may reach the network.
    """

    image: str
    entrypoint: Sequence[str]
    arguments: Sequence[str]
    environment: Mapping[str, str]
    opt_ml: Path
    host: str
    hosts: Sequence[str]
    network: bool


class Output(Protocol):
    """Where a program's standard output and error go."""

    def write(self, data: bytes) -> None:
        """Take what the program wrote."""

    def flush_if_due(self) -> None:
        """Pass it on if it has waited long enough; called at least every tenth of a second."""


@dataclass(slots=True)
class StopSignal:
    """Asks running programs to end.

    Attributes:
        grace_in_seconds: how long a program may take to end after SIGTERM before it is killed.
        wider: a signal that counts as this one, too: that of the whole job, for one of its hosts.
    """

    grace_in_seconds: float
    wider: StopSignal | None = None
    _requested: threading.Event = field(default_factory=threading.Event)
    _now: threading.Event = field(default_factory=threading.Event)

    def request(self) -> None:
        """Ask for an orderly end: SIGTERM, the grace, then SIGKILL."""
        self._requested.set()

    def request_now(self) -> None:
        """Ask for SIGKILL at once."""
        self._now.set()
        self._requested.set()

    @property
    def requested(self) -> bool:
        """Whether the end was asked for."""
        return self._requested.is_set() or (self.wider is not None and self.wider.requested)

    @property
    def immediate(self) -> bool:
        """Whether no grace is given."""
        return self._now.is_set() or (self.wider is not None and self.wider.immediate)
