"""The process runner: a job's program as a sandboxed process of this machine, with no container engine."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from smproc.local._ports import catches, children
from smproc.local.runners._container import Container, Output, StopSignal
from smproc.local.runners._images import contents_of
from smproc.local.runners._runner import CannotRun
from smproc.local.runners.sandboxes import Inside, Sandbox, system_files, system_links

_TICK_IN_SECONDS = 0.1
_CHUNK = 65_536
_SIGNALLED = 128
_OPT_ML = "/opt/ml"


@dataclass(frozen=True, slots=True)
class ProcessRunner:
    """Runs a job's program as a sandboxed process; what this machine has installed stands in for AWS's images.

    Attributes:
        sandbox: isolates the process.
    """

    sandbox: Sandbox

    @property
    def name(self) -> str:
        """The runner's name, for `status`."""
        return self.sandbox.name

    def check(self, container: Container) -> None:
        """Raise unless the container could be run.

        Raises:
            CannotRun: the image has no stand-in here, or the job names no entry point.
        """
        image = contents_of(container.image)
        if not container.entrypoint and not image.entrypoint:
            raise CannotRun(
                f"The laptop AWS does not know the entry point of the image {container.image}: give ContainerEntrypoint"
            )

    def run(self, container: Container, output: Output, stop: StopSignal) -> int:
        """Run the program to its end and return its exit code, 128 + n when signal n ended it.

        Raises:
            CannotRun: the image has no stand-in here, or the job names no entry point.
        """
        self.check(container)
        with tempfile.NamedTemporaryFile("w", prefix="hosts-", encoding="utf-8") as hosts:
            hosts.write(_hosts_file(container))
            hosts.flush()
            # The sandbox dies with the thread that starts it, so this thread stays until it has ended.
            process = subprocess.Popen(
                self.sandbox.command(self._inside(container, Path(hosts.name))),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                bufsize=0,
            )
            try:
                return _attend(process, output, stop)
            finally:
                _kill(process)
                process.wait()
                if process.stdout:
                    process.stdout.close()

    @staticmethod
    def _inside(container: Container, hosts: Path) -> Inside:
        image = contents_of(container.image)
        read_only = system_files() | {str(folder): folder for folder in image.folders}
        return Inside(
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


def _hosts_file(container: Container) -> str:
    """The hosts of a job are one machine here; an address each lets all of them listen on the same port."""
    lines = ["127.0.0.1 localhost", "::1 localhost"]
    # With a network namespace of its own, a host reaches itself alone.
    lines += [f"127.0.1.{number} {host}" for number, host in enumerate(container.hosts, start=1)]
    return "\n".join(lines) + "\n"


def _attend(process: subprocess.Popen[bytes], output: Output, stop: StopSignal) -> int:
    """Pass the program's output on until it ends or is made to."""
    ended = os.pidfd_open(process.pid)
    waiting_for = {ended}
    if process.stdout is not None:
        waiting_for.add(process.stdout.fileno())
    kill_at: float | None = None
    try:
        while waiting_for:
            for ready in select.select(waiting_for, [], [], _TICK_IN_SECONDS)[0]:
                if ready != ended and (data := os.read(ready, _CHUNK)):
                    output.write(data)
                else:
                    waiting_for.remove(ready)
            output.flush_if_due()
            if stop.requested and kill_at is None:
                kill_at = time.monotonic() + (0 if stop.immediate else _terminate(process, stop.grace_in_seconds))
            if kill_at is not None and (stop.immediate or time.monotonic() >= kill_at):
                _kill(process)
    finally:
        os.close(ended)
    code = process.wait()
    return code if code >= 0 else _SIGNALLED - code


def _terminate(process: subprocess.Popen[bytes], grace_in_seconds: float) -> float:
    """Send SIGTERM to the program and say how long to wait for its end."""
    programs = [pid for pid in children(process.pid) if catches(pid, signal.SIGTERM)]
    for pid in programs:
        os.kill(pid, signal.SIGTERM)
    # Process 1 of a namespace never sees a signal that it does not catch, as in a container: no point in waiting.
    return grace_in_seconds if programs else 0.0


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill process 1 of the sandbox's namespace, and with it all that the program has started; then the sandbox."""
    if process.poll() is not None:
        return
    for pid in children(process.pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.kill()
