"""The container runner: a job's program in a container of Docker's or Podman's."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from smproc.local.runners.base import CannotRunError
from smproc.local.runners.engine import Engine
from smproc.local.runners.spec import ContainerSpec, Output, StopSignal
from smproc.local.runners.supervise import supervise

# What `docker run` and `podman run` exit with when it is they who failed.
_ENGINE_FAILED = 125
_LABEL = "smproc"
# The engine, not we, is a container's parent: when this process is killed, nothing ends it. So something that is not
# our child waits for the end of a pipe that we hold, and removes the container then, be it that we are done or dead.
_REMOVE_AFTER_US = 'exec 3<&0; (cat <&3; exec "$@") >/dev/null 2>&1 &'


@dataclass(frozen=True, slots=True)
class EngineRunner:
    """Runs a job's program in a container.

    Attributes:
        engine: runs the container.
        owner: marks the containers of one local AWS, so that its next start can remove what was left behind.
    """

    engine: Engine
    owner: str

    @property
    def name(self) -> str:
        """The runner's name, for `status`."""
        return self.engine.name

    def has(self, image: str) -> bool:
        """Whether the engine has an image."""
        return self.engine.has(image)

    def check(self, container: ContainerSpec) -> None:
        """Raise unless the container could be run.

        Raises:
            CannotRunError: the engine does not have the image.
        """
        if not self.has(container.image):
            raise CannotRunError(
                f"{self.name} does not have the image {container.image}: {self.name} pull it, or build it under that "
                "name"
            )

    def run(self, container: ContainerSpec, output: Output, stop: StopSignal) -> int:
        """Run the program to its end and return its exit code, 128 + n when signal n ended it.

        Raises:
            CannotRunError: the engine could not make the container.
        """
        name = f"smproc-{uuid.uuid4().hex}"
        with tempfile.TemporaryDirectory(prefix="smproc-") as folder, self._removed_after_us(name):
            made = Path(folder) / "id"
            heard = _LastWords(output)
            process = subprocess.Popen(
                [self.engine.program, *self._words(container, name, made)],
                env=_unproxied(self.engine.environment) | _handed_over(container),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                bufsize=0,
            )
            try:
                code = supervise(
                    process,
                    heard,
                    stop,
                    terminate=lambda: stop.grace_in_seconds if self._signal(name, "TERM") else 0.0,
                    kill=lambda: self._kill(process, name, made),
                )
            finally:
                process.kill()
                process.wait()
                if process.stdout:
                    process.stdout.close()
            if (exited := self._exit_code(name)) is not None:
                return exited
            if code == _ENGINE_FAILED:
                raise CannotRunError(f"{self.name} could not run the image {container.image}: {heard.words()}")
            return code

    def clean(self) -> None:
        """Remove the containers that a killed local AWS has left behind."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            left = self.engine.ask("ps", "--all", "--quiet", "--filter", f"label={_LABEL}={self.owner}").stdout.split()
            if left:
                self.engine.ask("rm", "--force", *left)

    def _words(self, container: ContainerSpec, name: str, made: Path) -> list[str]:
        entrypoint, arguments = list(container.entrypoint), list(container.arguments)
        handed_over = _handed_over(container)
        told = {key: value for key, value in container.environment.items() if key not in handed_over}
        return [
            *("run", "--pull", "never", "--name", name, "--label", f"{_LABEL}={self.owner}"),
            *("--cidfile", str(made), "--hostname", container.host),
            # The local AWS answers on loopback alone, which only the machine's own network leads to.
            *("--network", "host" if container.network else "none"),
            # The hosts of a job are one machine here; an address each lets all of them listen on the same port.
            *(f"--add-host={host}:127.0.1.{number}" for number, host in enumerate(container.hosts, start=1)),
            # Where SELinux is on, a container may not read a folder of the user's.
            *("--security-opt", "label=disable"),
            *("--mount", f"type=bind,source={container.opt_ml},target=/opt/ml"),
            # A name alone: its value is in the command's own environment, not for every user here to read.
            *(part for key in handed_over for part in ("--env", key)),
            *(part for key, value in told.items() for part in ("--env", f"{key}={value}")),
            # One word of it is all that Docker takes; the rest goes before the arguments, and CMD is out of the way.
            *(["--entrypoint", entrypoint[0]] if entrypoint else []),
            container.image,
            *entrypoint[1:],
            *arguments,
        ]

    def _exit_code(self, name: str) -> int | None:
        """What the program exited with, None if it has not run.

        Asked for, and not taken from the command: a program may exit with what the command uses for its own failures.
        """
        with contextlib.suppress(subprocess.TimeoutExpired):
            answer = self.engine.ask("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name)
            status, _, code = answer.stdout.strip().partition(" ")
            # Podman says stopped of a container that has exited and is not cleaned up yet.
            if answer.returncode == 0 and status in ("exited", "stopped"):
                return int(code)
        return None

    def _signal(self, name: str, signal: str) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.engine.ask("kill", "--signal", signal, name).returncode == 0
        return False

    def _kill(self, process: subprocess.Popen[bytes], name: str, made: Path) -> None:
        if process.poll() is not None or self._signal(name, "KILL") or made.exists():
            return
        # There is no container yet: the engine is to give it up.
        process.kill()

    @contextlib.contextmanager
    def _removed_after_us(self, name: str) -> Iterator[None]:
        command = [self.engine.program, "rm", "--force", name]
        guard = subprocess.Popen(
            ["/bin/sh", "-c", _REMOVE_AFTER_US, "sh", *command],
            env=dict(self.engine.environment),
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            yield
        finally:
            if guard.stdin:
                guard.stdin.close()
            guard.wait()


def _handed_over(container: ContainerSpec) -> dict[str, str]:
    """The variables that the engine's command is given to hand over: what leads to credentials.

    Not all: others can have names that the command itself heeds, as PATH, LD_PRELOAD and DOCKER_HOST.
    """
    return {key: value for key, value in container.environment.items() if key.startswith("AWS_")}


def _unproxied(environment: Mapping[str, str]) -> dict[str, str]:
    """Without the variables that Podman passes on to containers unasked; nothing is pulled, so it needs none itself."""
    return {name: value for name, value in environment.items() if not name.lower().endswith("_proxy")}


class _LastWords:
    """Passes output on and remembers the end of it: where the engine itself fails, that is its reason."""

    _KEPT = 2048

    def __init__(self, output: Output) -> None:
        self._output = output
        self._tail = b""

    def write(self, data: bytes) -> None:
        self._tail = (self._tail + data)[-self._KEPT :]
        self._output.write(data)

    def flush_if_due(self) -> None:
        self._output.flush_if_due()

    def words(self) -> str:
        lines = self._tail.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it did not say why"
