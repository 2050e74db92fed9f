"""The selection of the runner of a local AWS."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal

from smproc.local.errors import NoContainerEngineError, NoSandboxError
from smproc.local.runners.base import Runner
from smproc.local.runners.container_runner import EngineRunner
from smproc.local.runners.engine import find_engine
from smproc.local.runners.image_list import ImageList
from smproc.local.runners.image_preparation import ImagePreparation
from smproc.local.runners.process_runner import ProcessRunner
from smproc.local.runners.sandboxes import find_sandbox
from smproc.local.runners.spec import ContainerSpec, Output, StopSignal

# Long enough for a job to start, too short to be noticed by a user who has just built the image.
_CACHE_TTL_IN_SECONDS = 2.0

RunnerName = Literal["auto", "process", "container"]


@dataclass(frozen=True, slots=True)
class PreferringRunner:
    """A runner that uses a container if the engine has the image, else a sandboxed process.

    Attributes:
        containers: the container runner.
        processes: the process runner, which knows the substitutes for images.
    """

    containers: EngineRunner
    processes: ProcessRunner
    _cache: dict[str, tuple[float, Runner]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The runner's name, as `status` shows it."""
        return f"{self.containers.name}, or {self.processes.name} where it lacks an image"

    def check(self, container: ContainerSpec) -> None:
        """Check that the container can be run.

        Raises:
            CannotRunError: the engine does not have the image, and there is no substitute for it.
        """
        self._runner_of(container).check(container)

    def run(self, container: ContainerSpec, output: Output, stop: StopSignal) -> int:
        """Run the program to its end and return its exit code, 128 + n when signal n ended it.

        Raises:
            CannotRunError: neither runner can run it.
        """
        return self._runner_of(container).run(container, output, stop)

    def explain(self, container: ContainerSpec, output: str) -> str:
        """Return what may explain the failure of a program whose output ends so; empty if nothing may."""
        return self._runner_of(container).explain(container, output)

    def _runner_of(self, container: ContainerSpec) -> Runner:
        # A query of the engine can take as long as a job, and every job needs more than one.
        expires_at, runner = self._cache.get(container.image, (0.0, self.processes))
        if expires_at < time.monotonic():
            runner = self._best_for(container.image)
            self._cache[container.image] = time.monotonic() + _CACHE_TTL_IN_SECONDS, runner
        return runner

    def _best_for(self, image: str) -> Runner:
        # A user-supplied substitute takes precedence, even if the engine has the image.
        if self.processes.images.images.substitute_for(image) is None and self.containers.has(image):
            return self.containers
        return self.processes


def choose(name: RunnerName, images: ImageList, owner: str) -> Runner:
    """Return the runner to use, after removing what a killed one left behind.

    Args:
        name: ``process``, ``container``, or ``auto`` for a container where the engine has the image.
        images: the substitutes for images that the user has added.
        owner: identifies the containers of this local AWS.

    Raises:
        NoContainerEngineError: a container engine is required, and none responds.
        NoSandboxError: nothing on this machine can isolate a job.
    """
    if name == "process":
        return ProcessRunner(find_sandbox(), ImagePreparation(images))
    try:
        containers = EngineRunner(find_engine(), owner)
    except NoContainerEngineError:
        if name == "container":
            raise
        return ProcessRunner(find_sandbox(), ImagePreparation(images))
    containers.clean()
    if name == "container":
        return containers
    try:
        return PreferringRunner(containers, ProcessRunner(find_sandbox(), ImagePreparation(images)))
    except NoSandboxError:
        return containers
