"""What runs the program of a processing job."""

from __future__ import annotations

from typing import Protocol

from smproc.local.runners._container import Container, Output, StopSignal


class CannotRun(Exception):  # noqa: N818 - reads as the sentence it is
    """This machine cannot run the image; the message says why and what it can run."""


class Runner(Protocol):
    """Runs the program of one host of a processing job: in a container, or as a sandboxed process."""

    @property
    def name(self) -> str:
        """The runner's name, for `status`."""

    def check(self, container: Container) -> None:
        """Raise unless the container could be run; touches nothing.

        Raises:
            CannotRun: this machine cannot run it.
        """

    def run(self, container: Container, output: Output, stop: StopSignal) -> int:
        """Run the program to its end and return its exit code, 128 + n when signal n ended it.

        Args:
            container: what to run.
            output: takes standard output and error, merged.
            stop: ends the program and everything that it started.

        Raises:
            CannotRun: this machine cannot run it.
        """
