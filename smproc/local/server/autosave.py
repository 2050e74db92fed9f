"""Saving the account while the server runs, so that a server that is killed loses the changes of a moment at most."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping

# From a change to the save of the services that take no time to save: nearly all of them.
_INTERVAL_IN_SECONDS = 0.5
# What takes longer is saved less often, so that saving takes a fifth of the server's time at most.
_PAUSES_PER_SAVE = 4
_log = logging.getLogger(__name__)


class AutoSaver:
    """A thread that saves the services half a second after a change, and sleeps while there is none.

    A service that takes long to save is saved after the others, and less often.

    Args:
        parts: returns the services, each with the function that saves it if it has changed.
    """

    def __init__(self, parts: Callable[[], Mapping[str, Callable[[], None]]]) -> None:
        self._parts = parts
        self._changed = threading.Event()
        self._ended = threading.Event()
        self._costs: defaultdict[str, float] = defaultdict(float)
        self._due: defaultdict[str, float] = defaultdict(float)
        self._thread = threading.Thread(target=self._run, name="autosave", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def note_change(self) -> None:
        """Note that something may have changed."""
        self._changed.set()

    def stop(self) -> None:
        """Stop the thread, after a save that is in progress."""
        self._ended.set()
        self._changed.set()
        self._thread.join()

    def _run(self) -> None:
        pending: dict[str, Callable[[], None]] = {}
        while True:
            earliest = min((self._due[name] for name in pending), default=None)
            self._changed.wait(None if earliest is None else max(0.0, earliest - time.monotonic()))
            if self._changed.is_set():
                if self._ended.wait(_INTERVAL_IN_SECONDS):
                    return
                self._changed.clear()
                pending = {**self._parts()}
            for name in sorted(pending, key=self._costs.__getitem__):
                if self._due[name] <= time.monotonic():
                    self._save(name, pending.pop(name))
                if self._ended.is_set():
                    return

    def _save(self, name: str, save: Callable[[], None]) -> None:
        started = time.monotonic()
        try:
            save()
        except Exception:  # noqa: BLE001 - the next save may succeed
            _log.exception("%s could not be saved", name)
        ended = time.monotonic()
        self._costs[name] = ended - started
        self._due[name] = ended + _PAUSES_PER_SAVE * self._costs[name]
