"""The container engines Docker and Podman, through their commands, which take the same arguments."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smproc.local.errors import NoContainerEngineError

_NAMES = ("docker", "podman")
# An engine that does not respond must be detected quickly; one that does can be slow on a busy machine.
_PROBE_TIMEOUT_IN_SECONDS = 10.0
_TIMEOUT_IN_SECONDS = 60.0
# Commands that fail fast when Docker's daemon does not respond or Podman's storage does not work.
_PROBES: Mapping[str, Sequence[str]] = {
    "docker": ("version", "--format", "{{.Server.Version}}"),
    "podman": ("ps", "--quiet"),
}


@dataclass(frozen=True, slots=True)
class Engine:
    """A container engine that responds.

    Attributes:
        name: ``docker`` or ``podman``.
        program: the path of its command.
        environment: the environment that its command is run in.
    """

    name: str
    program: str
    environment: Mapping[str, str]

    def execute(
        self, *arguments: str, timeout_in_seconds: float = _TIMEOUT_IN_SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the engine to its end."""
        return subprocess.run(
            [self.program, *arguments],
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_in_seconds,
            check=False,
        )

    def has(self, image: str) -> bool:
        """Return whether the image is on this machine; nothing is pulled."""
        try:
            return self.execute("image", "inspect", "--format", "{{.Id}}", image).returncode == 0
        except (subprocess.TimeoutExpired, ValueError):
            return False


def find_engine() -> Engine:
    """Find the engine to use: Docker, else Podman.

    Raises:
        NoContainerEngineError: no engine responds.
    """
    problems = []
    for name in _NAMES:
        if (program := shutil.which(name)) is None:
            problems.append(f"{name} is not installed")
            continue
        engine = Engine(name, program, dict(os.environ))
        try:
            answer = engine.execute(*_PROBES[name], timeout_in_seconds=_PROBE_TIMEOUT_IN_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            problems.append(f"{name}: {error}")
            continue
        if answer.returncode == 0:
            return engine
        problems.append(f"{name}: {(answer.stderr.strip().splitlines() or ['no response'])[-1]}")
    raise NoContainerEngineError(
        f"No container engine responds ({'; '.join(problems)}); start Docker or install Podman (apt install podman, "
        "dnf install podman), or run jobs without containers: smproc local start --runner process"
    )
