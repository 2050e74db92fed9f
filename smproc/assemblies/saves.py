"""Saves of files, seen by their times: an editor may write a file in place, or put another in its place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

_PAUSE_SECONDS, _SETTLING_SECONDS = 0.05, 0.02
# An editor that puts another file in the place of the old one may remove that first.
_MISSING_SECONDS = 1.0
# Of the time, so much at most is spent looking at files.
_SHARE = 0.2

State = Mapping[Path, tuple[int, int, int]]


def state_of(paths: Iterable[Path]) -> State:
    """Return the state of files, which differs after a save; files that do not exist are left out.

    Args:
        paths: the files.
    """
    found = {}
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        found[path] = (status.st_mtime_ns, status.st_size, status.st_ino)
    return found


def wait_for_save(
    paths: Iterable[Path], before: State, *, is_over: Callable[[], bool] = lambda: False
) -> tuple[Path, ...]:
    """Wait until a file is saved, and the files stay as they are; return the saved ones.

    Args:
        paths: the files.
        before: their state that is known.
        is_over: called again and again; True ends the wait without a save. Default: only a save ends it.
    """
    watched = tuple(paths)
    while True:
        began = time.monotonic()
        now = state_of(watched)
        took = time.monotonic() - began
        if now != before:
            settled = _settled(watched, now, len(before))
            return tuple(path for path in watched if settled.get(path) != before.get(path))
        if is_over():
            return ()
        time.sleep(max(_PAUSE_SECONDS, took / _SHARE))


def _settled(paths: Iterable[Path], state: State, count: int) -> State:
    """Return the state of files that no editor is writing any more: none is missing for a moment, none changes."""
    deadline = time.monotonic() + _MISSING_SECONDS
    while True:
        time.sleep(_SETTLING_SECONDS)
        now = state_of(paths)
        if now == state and (len(now) >= count or time.monotonic() > deadline):
            return now
        state = now
