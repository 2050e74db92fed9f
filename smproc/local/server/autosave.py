"""Saving what the account holds while the server runs, so that a server that is killed loses seconds and no more."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

_INTERVAL_IN_SECONDS = 2.0
# Of the server's time, saving takes a twentieth at most, however much there is to save.
_PAUSES_PER_SAVE = 20
_log = logging.getLogger(__name__)


class AutoSaver:
    """Saves soon after a change, on a thread of its own, and never more often than it can afford.

    Args:
        save: writes everything down.
    """

    def __init__(self, save: Callable[[], None]) -> None:
        self._save = save
        self._changed = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def note_change(self) -> None:
        """Something may be different now."""
        self._changed.set()

    def stop(self) -> None:
        """End, after a save that is under way."""
        self._ended.set()
        self._changed.set()
        self._thread.join()

    def _keep(self) -> None:
        pause = _INTERVAL_IN_SECONDS
        while not self._ended.wait(pause):
            self._changed.wait()
            if self._ended.is_set():
                return
            self._changed.clear()
            begun = time.monotonic()
            try:
                self._save()
            except Exception:  # noqa: BLE001 - the next save may succeed
                _log.exception("the account could not be saved")
            pause = max(_INTERVAL_IN_SECONDS, _PAUSES_PER_SAVE * (time.monotonic() - begun))
