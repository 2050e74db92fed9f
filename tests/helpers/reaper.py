"""A process that outlives a killed test run, and then ends what it left behind: processes, servers first, and files.

Every process of pytest, and so each worker of xdist, starts a reaper of its own and marks its environment. All that the
tests start inherits the mark: servers of the local AWS, which deliberately run in sessions of their own, the CDK CLI,
commands. The reaper waits on a pipe that the kernel closes when the process of pytest ends, whatever the cause.

The temporary files of all these are in a directory of their own, which the reaper deletes then: aws-cdk leaves the
assembly of each app without an output directory there, and jsii its kernel. The directories of pytest itself stay where
they always are.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

_MARK = "SMPROC_TEST_RUN_"
_SERVER = "smproc.local.server"
# Longer than a server needs to stop its jobs and containers before it ends.
_GRACE_IN_SECONDS = 30.0


def start() -> None:
    """Start the reaper of this process, once."""
    mark = f"{_MARK}{os.getpid()}"
    if mark in os.environ:
        return
    directory = _own_temporary_directory()
    reader, writer = os.pipe()
    os.set_inheritable(writer, False)  # noqa: FBT003 - the standard library's own signature
    reaper = subprocess.Popen(
        [sys.executable, str(Path(__file__)), str(reader), mark, directory],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # a reader of pytest's output does not wait for the reaper
        stderr=subprocess.DEVNULL,
        pass_fds=[reader],
        start_new_session=True,  # it survives Ctrl-C
    )
    reaper.returncode = 0  # it outlives this process on purpose; Popen would warn about it
    os.close(reader)
    os.environ[mark] = "1"


def _own_temporary_directory() -> str:
    """Create the directory of the temporary files of this process, and of all that it starts."""
    root = os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    # Not below that of a parent: sockets and Podman limit the length of a path.
    os.environ["TMPDIR"] = tempfile.tempdir = tempfile.mkdtemp(prefix="smproc-", dir=root)
    return tempfile.tempdir


def wait_and_reap(reader: int, mark: str, directory: str) -> None:
    """Wait for the end of the process that started the reaper, then end and delete what it left behind.

    Args:
        reader: a pipe that ends with that process.
        mark: the variable in the environment of all processes that it started.
        directory: the directory of their temporary files.
    """
    while os.read(reader, 1):
        pass
    left = _marked(mark)
    # A terminated server stops its jobs and removes its containers, with programs that must live that long.
    _end(process for process in left if _SERVER in _command_line(process))
    _end(_marked(mark))
    deadline = time.monotonic() + _GRACE_IN_SECONDS
    # What is just ending may still create or delete files.
    while Path(directory).exists() and time.monotonic() < deadline:
        shutil.rmtree(directory, ignore_errors=True)
        time.sleep(0.1)


def _marked(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            # The reapers of xdist's workers end by themselves.
            if mark in process.environ() and __file__ not in process.cmdline():
                found.append(process)
        except psutil.Error:  # another user's, or one that has just ended
            continue
    return found


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _end(processes: Iterable[psutil.Process]) -> None:
    ending = []
    for process in processes:
        try:
            process.terminate()
        except psutil.Error:
            continue
        ending.append(process)
    _, alive = psutil.wait_procs(ending, timeout=_GRACE_IN_SECONDS)
    for process in alive:
        try:
            process.kill()
        except psutil.Error:
            continue


if __name__ == "__main__":
    wait_and_reap(int(sys.argv[1]), sys.argv[2], sys.argv[3])
