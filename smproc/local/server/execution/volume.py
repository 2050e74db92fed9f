"""The volume of a host: its size as a limit of what ``/opt/ml`` holds."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from smproc.local.server.execution.errors import JobClientError
from smproc.local.server.execution.opt_ml import OptMl

GIGABYTE = 2**30
_BLOCK = 512
_INTERVAL_IN_SECONDS = 1.0
# Looking takes longer the more files there are; a job is not to notice that somebody looks.
_REST_PER_LOOK = 20


class Volume:
    """A host's volume.

    Args:
        host: the host's ``/opt/ml``.
        size: how much it holds, in bytes.
    """

    def __init__(self, host: OptMl, size: int) -> None:
        self.host = host
        self._size = size
        self._free = size
        self._lock = threading.Lock()

    def take(self, count: int, for_what: object) -> None:
        """Set space aside for an object that is about to be downloaded.

        Raises:
            ClientError: there is not enough left.
        """
        with self._lock:
            self._free -= count
            if self._free >= 0:
                return
        raise JobClientError(
            f'No space left on the volume: the inputs up to S3 URL "{for_what}" are larger than the '
            f"{self._size / GIGABYTE:g} GB of VolumeSizeInGB"
        )

    def check(self) -> None:
        """Raise when what the program has written does not fit.

        Raises:
            ClientError: it does not.
        """
        if (used := _used(self.host.path)) > self._size:
            raise JobClientError(
                f"No space left on the volume: /opt/ml of {self.host.path.name} has grown to {used / GIGABYTE:.1f} GB, "
                f"and VolumeSizeInGB is {self._size / GIGABYTE:g}"
            )


def watch(volumes: Sequence[Volume], ended: threading.Event) -> None:
    """Look after volumes until the programs have ended.

    Raises:
        ClientError: one is over-full. A program in AWS would be told so when it writes.
    """
    rest = _INTERVAL_IN_SECONDS
    while not ended.wait(rest):
        begun = time.monotonic()
        for volume in volumes:
            volume.check()
        rest = max(_INTERVAL_IN_SECONDS, _REST_PER_LOOK * (time.monotonic() - begun))


def _used(folder: Path) -> int:
    """What the files below a folder take of the disk: one with holes takes less than its length."""
    used = 0
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    used += entry.stat(follow_symlinks=False).st_blocks * _BLOCK
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue  # removed by the program while we looked
    return used
