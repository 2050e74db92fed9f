"""The description of what a runner runs, its output, and the signal to stop."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """One host of a processing job, in the terms of `docker run`.

    Attributes:
        image: the image's URI.
        entrypoint: the command that replaces the image's own entry point; empty for the image's own.
        arguments: the arguments to append to the entry point.
        environment: the job's variables; the runner adds those of the image itself.
        opt_ml: the directory of this machine that the program sees as ``/opt/ml``.
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
    """The destination of a program's standard output and standard error."""

    def write(self, data: bytes) -> None:
        """Write what the program wrote."""

    def flush_if_due(self) -> None:
        """Flush the buffer if it is due; called at least every tenth of a second."""


@dataclass(slots=True)
class StopSignal:
    """A request to running programs to end.

    Attributes:
        grace_in_seconds: how long a program may take to end after SIGTERM before it is killed.
        parent: a signal that also counts as this one: for the signal of a host, that of the whole job.
    """

    grace_in_seconds: float
    parent: StopSignal | None = None
    _requested: threading.Event = field(default_factory=threading.Event)
    _now: threading.Event = field(default_factory=threading.Event)

    def request(self) -> None:
        """Request an orderly end: SIGTERM, the grace period, then SIGKILL."""
        self._requested.set()

    def request_now(self) -> None:
        """Request SIGKILL without a grace period."""
        self._now.set()
        self._requested.set()

    @property
    def requested(self) -> bool:
        """True if the end was requested."""
        return self._requested.is_set() or (self.parent is not None and self.parent.requested)

    @property
    def immediate(self) -> bool:
        """True if there is no grace period."""
        return self._now.is_set() or (self.parent is not None and self.parent.immediate)
