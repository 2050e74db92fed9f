"""The end of the processes that this package starts in the background."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smproc.local.state_dir import ServerLock

POLL_IN_SECONDS = 0.02


def end_holder(
    lock: ServerLock, name: str, *, error: Callable[[str], Exception], timeout_in_seconds: float
) -> int | None:
    """End the process that holds a lock: with SIGTERM, and with SIGKILL if that is not enough.

    Args:
        lock: the lock.
        name: the process in messages, e.g. ``the server``.
        error: makes the error for a message.
        timeout_in_seconds: the seconds to wait after each signal.

    Returns:
        The id of the process; None if none held the lock.
    """
    if not lock.held_elsewhere():
        return None
    pid = lock.read().get("pid")
    if not isinstance(pid, int):
        raise error(f"{lock.path} is locked but names no process; find its holder with: fuser {lock.path}")
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, signal_number)
        except ProcessLookupError:
            pass  # it has just ended
        except PermissionError as refused:
            raise error(f"{name} (pid {pid}) belongs to another user; stop it as that user") from refused
        if wait_until(lambda: not lock.held_elsewhere(), timeout_in_seconds):
            return pid
    raise error(f"{name} (pid {pid}) did not end, even after SIGKILL; see {lock.state_dir.log}")


def wait_until(condition: Callable[[], bool], timeout_in_seconds: float) -> bool:
    """Wait until a condition holds; return False if it does not in time.

    Args:
        condition: the condition.
        timeout_in_seconds: the time, in seconds.
    """
    deadline = time.monotonic() + timeout_in_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_IN_SECONDS)
    return True
