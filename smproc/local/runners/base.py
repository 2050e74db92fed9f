"""The interface of a runner, which runs the program of a processing job."""

from __future__ import annotations

from typing import Protocol

from smproc.local.runners.spec import ContainerSpec, Output, StopSignal


class CannotRunError(Exception):
    """An image that this machine cannot run; the message gives the reason and what it can run."""


class Runner(Protocol):
    """A runner of the program of one host of a processing job: in a container, or as a sandboxed process."""

    @property
    def name(self) -> str:
        """The runner's name, as `status` shows it."""

    def check(self, container: ContainerSpec) -> None:
        """Check that the container can be run, without side effects.

        Raises:
            CannotRunError: this machine cannot run it.
        """

    def run(self, container: ContainerSpec, output: Output, stop: StopSignal) -> int:
        """Run the program to its end and return its exit code, 128 + n when signal n ended it.

        Args:
            container: what to run.
            output: receives standard output and standard error, merged.
            stop: requests the end of the program and of everything that it started.

        Raises:
            CannotRunError: this machine cannot run it.
        """

    def explain(self, container: ContainerSpec, output: str) -> str:
        """Return what may explain the failure of a program; empty if nothing may.

        Args:
            container: what has run.
            output: the end of its output.
        """
