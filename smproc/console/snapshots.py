"""Values of the local AWS, kept for a short time: ten browsers cost as much as one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

# What takes long to read is read less often, so that a page takes at most a tenth of the time of the local AWS.
_COST_FACTOR: Final = 9.0
_ENTRIES_MAX: Final = 256
Value = TypeVar("Value")


@dataclass(slots=True)
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    value: Any = None
    expires: float = 0.0


class Snapshots:
    """Values that are read when somebody asks, at most one at a time for each key.

    Args:
        clock: returns a time in seconds. Default: `time.monotonic`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[Hashable, _Entry] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, seconds: float | Callable[[Value], float], read: Callable[[], Value]) -> Value:
        """Return a value, read anew if the last one is too old.

        Args:
            key: what the value is of.
            seconds: for how long it is shown, or what returns that for a value; longer if it takes more than a tenth
                of that to read.
            read: reads it.
        """
        with self._lock:
            entry = self._entries.pop(key, None) or _Entry()
            self._entries[key] = entry  # the last one asked for is the last one to go
            while len(self._entries) > _ENTRIES_MAX:
                del self._entries[next(iter(self._entries))]
        with entry.lock:
            if self._clock() >= entry.expires:
                started = self._clock()
                entry.value = new = read()
                ended = self._clock()
                shown = seconds(new) if callable(seconds) else seconds
                entry.expires = ended + max(shown, _COST_FACTOR * (ended - started))
            value: Value = entry.value
            return value

    def forget(self) -> None:
        """Forget everything, after something was changed."""
        with self._lock:
            self._entries.clear()
