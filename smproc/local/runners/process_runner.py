"""The process runner: a job's program as a sandboxed process of this machine, without a container engine."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from smproc.local.probes import catches, children
from smproc.local.runners.base import CannotRunError
from smproc.local.runners.failure_hints import explain
from smproc.local.runners.image_contents import ImageContents
from smproc.local.runners.image_environments import ROOT, VARIABLES, JobPython, create_job_python, describe
from smproc.local.runners.image_preparation import ImagePreparation
from smproc.local.runners.sandboxes import Sandbox, SandboxSpec, system_files, system_links
from smproc.local.runners.spec import ContainerSpec, Output, StopSignal
from smproc.local.runners.supervise import supervise
from smproc.local.runners.usr_local import UsrLocal, create_usr_local

_OPT_ML = "/opt/ml"


@dataclass(frozen=True, slots=True)
class ProcessRunner:
    """A runner of a job's program as a sandboxed process, with installed software as a substitute for AWS's images.

    Attributes:
        sandbox: isolates the process.
        images: what substitutes for images.
    """

    sandbox: Sandbox
    images: ImagePreparation

    @property
    def name(self) -> str:
        """The runner's name, as `status` shows it."""
        return self.sandbox.name

    def check(self, container: ContainerSpec) -> None:
        """Check that the container can be run.

        Raises:
            CannotRunError: this machine has no substitute for the image, or the job names no entry point.
        """
        image = self.images.check(container.image)
        if not image.command(container.entrypoint, container.arguments):
            raise CannotRunError(
                f"The local AWS does not know the entry point of the image {container.image}; set ContainerEntrypoint"
            )

    def run(self, container: ContainerSpec, output: Output, stop: StopSignal) -> int:
        """Run the program to its end and return its exit code, 128 + n when signal n ended it.

        Raises:
            CannotRunError: this machine has no substitute for the image, or the job names no entry point.
        """
        self.check(container)

        def report(line: str) -> None:
            output.write(f"[local AWS] {line}\n".encode())
            output.flush_if_due()

        prepared = self.images.prepare(container.image, report)
        if prepared.introduction:
            report(prepared.introduction)
        with tempfile.TemporaryDirectory(
            prefix=f"{container.opt_ml.name}-", dir=container.opt_ml.parent, ignore_cleanup_errors=True
        ) as own:
            hosts = Path(own, "hosts")
            hosts.write_text(_hosts_file(container), encoding="utf-8")
            python = _job_python(Path(own, "python"), prepared.contents)
            # The sandbox dies with the thread that starts it, so this thread waits until it has ended.
            spec = _sandbox_spec(container, prepared.contents, hosts, python, create_usr_local(Path(own, "usr-local")))
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

    def explain(self, container: ContainerSpec, output: str) -> str:
        """Return what may explain the failure of a program whose output ends so; empty if nothing may."""
        return explain(output, self.images.differences(container.image))


def _job_python(directory: Path, image: ImageContents) -> JobPython:
    interpreter = describe(image.python)
    if interpreter is None:
        raise CannotRunError(f"The Python {image.python} does not run")
    return create_job_python(directory, interpreter)


def _sandbox_spec(
    container: ContainerSpec, image: ImageContents, hosts: Path, python: JobPython, usr_local: UsrLocal
) -> SandboxSpec:
    read_only = system_files() | {str(path): path for path in image.directories}
    # util-linux cannot mount a file below a directory that is read-only already.
    read_only |= {name: path for name, path in python.visible.items() if not any(map(path.is_relative_to, read_only))}
    return SandboxSpec(
        command=image.command(container.entrypoint, container.arguments),
        environment={
            "PATH": image.path,
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONIOENCODING": "UTF-8",
            "PYTHONUNBUFFERED": "1",
            **VARIABLES,
            **image.environment,
            **container.environment,
        },
        read_only=read_only | usr_local.read_only | image.files | {"/etc/hosts": hosts},
        writable={_OPT_ML: container.opt_ml, ROOT: python.directory, **usr_local.writable},
        links=system_links() | dict(image.links),
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
