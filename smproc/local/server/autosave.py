"""Saving the account while the server runs, so that a server that is killed loses a few seconds of changes at most."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

_INTERVAL_IN_SECONDS = 2.0
# Saving takes a twentieth of the server's time at most, however much there is to save.
_PAUSES_PER_SAVE = 20
_log = logging.getLogger(__name__)


class AutoSaver:
    """A thread that saves soon after a change, every 2 seconds at most, and less often the longer a save takes.

    Args:
        save: saves the account.
    """

    def __init__(self, save: Callable[[], None]) -> None:
        self._save = save
        self._changed = threading.Event()
        self._ended = threading.Event()
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
        pause = _INTERVAL_IN_SECONDS
        while not self._ended.wait(pause):
            self._changed.wait()
            if self._ended.is_set():
                return
            self._changed.clear()
            started = time.monotonic()
            try:
                self._save()
            except Exception:  # noqa: BLE001 - the next save may succeed
                _log.exception("The account could not be saved")
            pause = max(_INTERVAL_IN_SECONDS, _PAUSES_PER_SAVE * (time.monotonic() - started))
