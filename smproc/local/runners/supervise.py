"""The supervision of a running program: its output, its end, and its termination on request."""

from __future__ import annotations

import os
import select
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from smproc.local.runners.spec import Output, StopSignal

_TICK_IN_SECONDS = 0.1
_CHUNK = 65_536
_SIGNALLED = 128


def supervise(
    process: subprocess.Popen[bytes],
    output: Output,
    stop: StopSignal,
    *,
    terminate: Callable[[], float],
    kill: Callable[[], None],
) -> int:
    """Forward a program's output until it ends, and return its exit code, 128 + n when signal n ended it.

    Args:
        process: the process to supervise; it writes the program's output and ends with its exit code.
        output: receives the program's output.
        stop: requests the program's end.
        terminate: sends SIGTERM to the program and returns how many seconds to wait for its end.
        kill: kills the program; called repeatedly until it has ended.
    """
    kill_at: float | None = None
    with _end_of(process) as ended:
        open_files = {ended}
        if process.stdout is not None:
            open_files.add(process.stdout.fileno())
        while open_files:
            for ready in select.select(open_files, [], [], _TICK_IN_SECONDS)[0]:
                if ready != ended and (data := os.read(ready, _CHUNK)):
                    output.write(data)
                else:
                    open_files.remove(ready)
            output.flush_if_due()
            if stop.requested and kill_at is None:
                kill_at = time.monotonic() + (0 if stop.immediate else terminate())
            if kill_at is not None and (stop.immediate or time.monotonic() >= kill_at):
                kill()
    code = process.wait()
    return code if code >= 0 else _SIGNALLED - code


@contextmanager
def _end_of(process: subprocess.Popen[bytes]) -> Iterator[int]:
    """Yield a file descriptor that is readable as soon as the process has ended."""
    if hasattr(os, "pidfd_open"):
        descriptor = os.pidfd_open(process.pid)
    else:  # macOS: the end closes a pipe
        descriptor, open_while_running = os.pipe()

        def wait() -> None:
            process.wait()
            os.close(open_while_running)

        threading.Thread(target=wait, name=f"wait-{process.pid}", daemon=True).start()
    try:
        yield descriptor
    finally:
        os.close(descriptor)
