"""What runs the program of a processing job."""

from __future__ import annotations

from typing import Protocol

from smproc.local.runners.spec import ContainerSpec, Output, StopSignal


class CannotRunError(Exception):
    """This machine cannot run the image; the message says why and what it can run."""


class Runner(Protocol):
    """Runs the program of one host of a processing job: in a container, or as a sandboxed process."""

    @property
    def name(self) -> str:
        """The runner's name, for `status`."""

    def check(self, container: ContainerSpec) -> None:
        """Raise unless the container could be run; touches nothing.

        Raises:
            CannotRunError: this machine cannot run it.
        """

    def run(self, container: ContainerSpec, output: Output, stop: StopSignal) -> int:
        """Run the program to its end and return its exit code, 128 + n when signal n ended it.

        Args:
            container: what to run.
            output: takes standard output and error, merged.
            stop: ends the program and everything that it started.

        Raises:
            CannotRunError: this machine cannot run it.
        """
