"""The container runner: a job's program in a Docker or Podman container."""

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
from smproc.local.runners.failure_hints import explain
from smproc.local.runners.image_builds.labels import built_image
from smproc.local.runners.output_tail import OutputTail
from smproc.local.runners.spec import ContainerSpec, Output, StopSignal
from smproc.local.runners.supervise import supervise

# The exit code of `docker run` and `podman run` when the engine itself fails.
_ENGINE_FAILED = 125
_LABEL = "smproc"
# A container's parent is the engine, not this process: when this process is killed, the container keeps running. So a
# detached process waits for the end of a pipe that this process holds open, and removes the container when this process
# has finished or died.
_REMOVE_ON_EXIT = 'exec 3<&0; (cat <&3; exec "$@") >/dev/null 2>&1 &'


@dataclass(frozen=True, slots=True)
class EngineRunner:
    """A runner of a job's program in a container.

    Attributes:
        engine: runs the container.
        owner: labels the containers of one local AWS, so that its next start can remove those left behind.
    """

    engine: Engine
    owner: str

    @property
    def name(self) -> str:
        """The runner's name, as `status` shows it."""
        return self.engine.name

    def has(self, image: str) -> bool:
        """Return whether the engine has an image, or one that was built here for it."""
        return self.engine.has(image) or built_image(self.engine, image) is not None

    def check(self, container: ContainerSpec) -> None:
        """Check that the container can be run.

        Raises:
            CannotRunError: the engine does not have the image.
        """
        if not self.has(container.image):
            raise CannotRunError(
                f"{self.name} does not have the image {container.image}; pull it with {self.name} pull, build it under "
                "that name, or, if it is SageMaker's own, build its contents here: smproc local images build "
                f"{container.image.rpartition('/')[2]}"
            )

    def run(self, container: ContainerSpec, output: Output, stop: StopSignal) -> int:
        """Run the program to its end and return its exit code, 128 + n when signal n ended it.

        Raises:
            CannotRunError: the engine could not create the container.
        """
        name = f"smproc-{uuid.uuid4().hex}"
        image = container.image
        if not self.engine.has(image) and (built := built_image(self.engine, image)) is not None:
            output.write(f"[local AWS] {built.introduction}\n".encode())
            image = built.name
        with tempfile.TemporaryDirectory(prefix="smproc-") as directory, self._removed_on_exit(name):
            id_file = Path(directory) / "id"
            recorder = OutputTail(output)
            process = subprocess.Popen(
                [self.engine.program, *self._run_arguments(container, image, name, id_file)],
                env=_unproxied(self.engine.environment) | _credential_variables(container),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                bufsize=0,
            )
            try:
                code = supervise(
                    process,
                    recorder,
                    stop,
                    terminate=lambda: stop.grace_in_seconds if self._signal(name, "TERM") else 0.0,
                    kill=lambda: self._kill(process, name, id_file),
                )
            finally:
                process.kill()
                process.wait()
                if process.stdout:
                    process.stdout.close()
            if (exited := self._exit_code(name)) is not None:
                return exited
            if code == _ENGINE_FAILED:
                raise CannotRunError(f"{self.name} could not run the image {container.image}: {recorder.last_line()}")
            return code

    def explain(self, container: ContainerSpec, output: str) -> str:
        """Return what may explain the failure of a program whose output ends so; empty if it ran in its own image."""
        built = None if self.engine.has(container.image) else built_image(self.engine, container.image)
        return "" if built is None else explain(output, built.differences, what="container")

    def clean(self) -> None:
        """Remove the containers that a killed local AWS left behind."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            leftovers = self.engine.execute(
                "ps", "--all", "--quiet", "--filter", f"label={_LABEL}={self.owner}"
            ).stdout.split()
            if leftovers:
                self.engine.execute("rm", "--force", *leftovers)

    def _run_arguments(self, container: ContainerSpec, image: str, name: str, id_file: Path) -> list[str]:
        entrypoint, arguments = list(container.entrypoint), list(container.arguments)
        inherited = _credential_variables(container)
        explicit = {key: value for key, value in container.environment.items() if key not in inherited}
        return [
            *("run", "--pull", "never", "--name", name, "--label", f"{_LABEL}={self.owner}"),
            *("--cidfile", str(id_file), "--hostname", container.host),
            # The local AWS listens on loopback only, which is reachable from the host's own network alone.
            *("--network", "host" if container.network else "none"),
            # All hosts of a job are this machine; with an address each, all of them can listen on the same port.
            *(f"--add-host={host}:127.0.1.{number}" for number, host in enumerate(container.hosts, start=1)),
            # With SELinux enabled, a container may not read the user's directories.
            *("--security-opt", "label=disable"),
            *("--mount", f"type=bind,source={container.opt_ml},target=/opt/ml"),
            # Only the name: the value is in the command's own environment, where other users cannot read it.
            *(part for key in inherited for part in ("--env", key)),
            *(part for key, value in explicit.items() for part in ("--env", f"{key}={value}")),
            # Docker takes only the program; the rest precedes the arguments. The option also discards the CMD.
            *(["--entrypoint", entrypoint[0]] if entrypoint else []),
            image,
            *entrypoint[1:],
            *arguments,
        ]

    def _exit_code(self, name: str) -> int | None:
        """Return the program's exit code, None if it has not run.

        It comes from the engine and not from the command: a program may exit with the code that the command uses for
        its own failures.
        """
        with contextlib.suppress(subprocess.TimeoutExpired):
            answer = self.engine.execute("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name)
            status, _, code = answer.stdout.strip().partition(" ")
            # Podman reports "stopped" for a container that has exited and is not cleaned up yet.
            if answer.returncode == 0 and status in ("exited", "stopped"):
                return int(code)
        return None

    def _signal(self, name: str, signal: str) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.engine.execute("kill", "--signal", signal, name).returncode == 0
        return False

    def _kill(self, process: subprocess.Popen[bytes], name: str, id_file: Path) -> None:
        if process.poll() is not None or self._signal(name, "KILL") or id_file.exists():
            return
        # There is no container yet: make the engine abandon it.
        process.kill()

    @contextlib.contextmanager
    def _removed_on_exit(self, name: str) -> Iterator[None]:
        command = [self.engine.program, "rm", "--force", name]
        guard = subprocess.Popen(
            ["/bin/sh", "-c", _REMOVE_ON_EXIT, "sh", *command],
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


def _credential_variables(container: ContainerSpec) -> dict[str, str]:
    """Return the variables that lead to credentials, which the engine's command passes on from its own environment.

    Only these: others can have names that affect the command itself, such as PATH, LD_PRELOAD and DOCKER_HOST.
    """
    return {key: value for key, value in container.environment.items() if key.startswith("AWS_")}


def _unproxied(environment: Mapping[str, str]) -> dict[str, str]:
    """Remove the proxy variables, which Podman passes on to containers; nothing is pulled, so it needs none itself."""
    return {name: value for name, value in environment.items() if not name.lower().endswith("_proxy")}
