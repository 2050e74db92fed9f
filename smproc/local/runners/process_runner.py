"""The process runner: a job's program as a sandboxed process of this machine, without a container engine."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from smproc.local.probes import catches, children
from smproc.local.runners.base import CannotRunError
from smproc.local.runners.image_contents import ImageContents, contents_of
from smproc.local.runners.image_substitute import ImageSubstitute, substitute_for
from smproc.local.runners.sandboxes import Sandbox, SandboxSpec, system_files, system_links
from smproc.local.runners.spec import ContainerSpec, Output, StopSignal
from smproc.local.runners.supervise import supervise

_OPT_ML = "/opt/ml"


@dataclass(frozen=True, slots=True)
class ProcessRunner:
    """A runner of a job's program as a sandboxed process, with installed software as a substitute for AWS's images.

    Attributes:
        sandbox: isolates the process.
        images: the user-supplied substitutes for images, by name.
    """

    sandbox: Sandbox
    images: Mapping[str, ImageSubstitute] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The runner's name, as `status` shows it."""
        return self.sandbox.name

    def check(self, container: ContainerSpec) -> None:
        """Check that the container can be run.

        Raises:
            CannotRunError: this machine has no substitute for the image, or the job names no entry point.
        """
        image = self._contents(container.image)
        if not container.entrypoint and not image.entrypoint:
            raise CannotRunError(
                f"The local AWS does not know the entry point of the image {container.image}; set ContainerEntrypoint"
            )

    def run(self, container: ContainerSpec, output: Output, stop: StopSignal) -> int:
        """Run the program to its end and return its exit code, 128 + n when signal n ended it.

        Raises:
            CannotRunError: this machine has no substitute for the image, or the job names no entry point.
        """
        self.check(container)
        with tempfile.NamedTemporaryFile("w", prefix="hosts-", encoding="utf-8") as hosts:
            hosts.write(_hosts_file(container))
            hosts.flush()
            # The sandbox dies with the thread that starts it, so this thread waits until it has ended.
            spec = self._sandbox_spec(container, Path(hosts.name))
            process = subprocess.Popen(
                self.sandbox.command(spec),
                env=spec.launch_environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                bufsize=0,
            )
            try:
                return supervise(
                    process,
                    output,
                    stop,
                    terminate=lambda: _terminate(process, stop.grace_in_seconds),
                    kill=lambda: _kill(process),
                )
            finally:
                _kill(process)
                process.wait()
                if process.stdout:
                    process.stdout.close()

    def _contents(self, image: str) -> ImageContents:
        substitute = substitute_for(image, self.images)
        return contents_of(image) if substitute is None else substitute.contents()

    def _sandbox_spec(self, container: ContainerSpec, hosts: Path) -> SandboxSpec:
        image = self._contents(container.image)
        read_only = system_files() | {str(path): path for path in image.directories}
        return SandboxSpec(
            command=[*(container.entrypoint or image.entrypoint), *container.arguments],
            environment={
                "PATH": image.path,
                "HOME": "/root",
                "LANG": "C.UTF-8",
                "PYTHONUNBUFFERED": "1",
                **image.environment,
                **container.environment,
            },
            read_only=read_only | image.files | {"/etc/hosts": hosts},
            writable={_OPT_ML: container.opt_ml},
            links=system_links() | image.links,
            hostname=container.host,
            network=container.network,
        )


def _hosts_file(container: ContainerSpec) -> str:
    """Render /etc/hosts: all hosts of a job are this machine; with an address each, all can listen on the same port."""
    lines = ["127.0.0.1 localhost", "::1 localhost"]
    # In a network namespace of its own, a host reaches only itself.
    lines += [f"127.0.1.{number} {host}" for number, host in enumerate(container.hosts, start=1)]
    return "\n".join(lines) + "\n"


def _terminate(process: subprocess.Popen[bytes], grace_in_seconds: float) -> float:
    """Send SIGTERM to the program and return how many seconds to wait for its end."""
    programs = [pid for pid in children(process.pid) if catches(pid, signal.SIGTERM)]
    for pid in programs:
        os.kill(pid, signal.SIGTERM)
    # As in a container, process 1 of a namespace never receives a signal that it does not handle: waiting is pointless.
    return grace_in_seconds if programs else 0.0


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill process 1 of the sandbox's namespace, and with it everything that the program started; then the sandbox."""
    if process.poll() is not None:
        return
    for pid in children(process.pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.kill()
