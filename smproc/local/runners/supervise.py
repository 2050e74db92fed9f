"""Passing a program's output on until it ends or is made to."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Callable

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
    """Pass a program's output on and return its exit code, 128 + n when signal n ended it.

    Args:
        process: writes what the program writes, and ends with it and its exit code.
        output: takes what the program writes.
        stop: asks for its end.
        terminate: sends SIGTERM to the program and says how many seconds to wait for its end.
        kill: kills the program; called again and again until it has ended.
    """
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
                kill_at = time.monotonic() + (0 if stop.immediate else terminate())
            if kill_at is not None and (stop.immediate or time.monotonic() >= kill_at):
                kill()
    finally:
        os.close(ended)
    code = process.wait()
    return code if code >= 0 else _SIGNALLED - code
