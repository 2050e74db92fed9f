"""Directories in the user's cache that are made once, and shared by all local AWSs of the user."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

_COMPLETE = ".complete"


def cache_directory() -> Path:
    """Return the directory of this user's cache: on Linux ``$XDG_CACHE_HOME/smproc`` or ``~/.cache/smproc``."""
    import platformdirs  # noqa: PLC0415 - slow to load, and most jobs do without

    return platformdirs.user_cache_path("smproc", appauthor=False).absolute()


def is_made(directory: Path) -> bool:
    """Check whether a directory is complete; what a killed process has left is not."""
    return (directory / _COMPLETE).exists()


def make_once(directory: Path, make: Callable[[], None]) -> None:
    """Make a directory unless it is complete.

    While one process or thread makes it, all others wait. The kernel ends the lock of a process that is killed, and the
    next one starts afresh.

    Args:
        directory: the directory.
        make: a function that makes it at its own path. It does not exist then, and its parent does.
    """
    if is_made(directory):
        return
    directory.parent.mkdir(parents=True, exist_ok=True)
    with directory.with_name(f"{directory.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_made(directory):
            return
        shutil.rmtree(directory, ignore_errors=True)
        make()
        (directory / _COMPLETE).touch()
