"""Which runner a local AWS uses."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from smproc.local.errors import NoContainerEngineError, NoSandboxError
from smproc.local.runners.base import Runner
from smproc.local.runners.container_runner import EngineRunner
from smproc.local.runners.engine import find_engine
from smproc.local.runners.image_substitute import ImageSubstitute, substitute_for
from smproc.local.runners.process_runner import ProcessRunner
from smproc.local.runners.sandboxes import find_sandbox
from smproc.local.runners.spec import ContainerSpec, Output, StopSignal

# Long enough for a job to begin, too short for a user who has just built the image to notice.
_ANSWER_HOLDS_IN_SECONDS = 2.0

RunnerName = Literal["auto", "process", "container"]


@dataclass(frozen=True, slots=True)
class PreferringRunner:
    """Runs a job in a container if the engine has its image, else as a sandboxed process.

    Attributes:
        containers: has the engine.
        processes: has what stands in for images.
    """

    containers: EngineRunner
    processes: ProcessRunner
    _asked: dict[str, tuple[float, Runner]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The runner's name, for `status`."""
        return f"{self.containers.name}, or {self.processes.name} where it lacks an image"

    def check(self, container: ContainerSpec) -> None:
        """Raise unless the container could be run.

        Raises:
            CannotRunError: the engine does not have the image, and nothing stands in for it.
        """
        self._of(container).check(container)

    def run(self, container: ContainerSpec, output: Output, stop: StopSignal) -> int:
        """Run the program to its end and return its exit code, 128 + n when signal n ended it.

        Raises:
            CannotRunError: neither way.
        """
        return self._of(container).run(container, output, stop)

    def _of(self, container: ContainerSpec) -> Runner:
        # To ask an engine takes as long as many a job, and a job is asked for more than once.
        until, runner = self._asked.get(container.image, (0.0, self.processes))
        if until < time.monotonic():
            runner = self._best_for(container.image)
            self._asked[container.image] = time.monotonic() + _ANSWER_HOLDS_IN_SECONDS, runner
        return runner

    def _best_for(self, image: str) -> Runner:
        # What the user says stands in for an image does so wherever the image is.
        if substitute_for(image, self.processes.images) is None and self.containers.has(image):
            return self.containers
        return self.processes


def choose(name: RunnerName, images: Mapping[str, ImageSubstitute], owner: str) -> Runner:
    """The runner to use, with what a killed one has left behind removed.

    Args:
        name: ``process``, ``container``, or ``auto`` for a container where the engine has the image.
        images: what stands in for images of the user's.
        owner: tells this local AWS's containers from others'.

    Raises:
        NoContainerEngineError: a container engine was asked for, and none answers.
        NoSandboxError: nothing here can isolate a job.
    """
    if name == "process":
        return ProcessRunner(find_sandbox(), images)
    try:
        containers = EngineRunner(find_engine(), owner)
    except NoContainerEngineError:
        if name == "container":
            raise
        return ProcessRunner(find_sandbox(), images)
    containers.clean()
    if name == "container":
        return containers
    try:
        return PreferringRunner(containers, ProcessRunner(find_sandbox(), images))
    except NoSandboxError:
        return containers
