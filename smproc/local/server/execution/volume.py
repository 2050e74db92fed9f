"""The volume of a host: a limit on the size of its ``/opt/ml``."""

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
# A check takes longer the more files there are; the pause keeps it from slowing the job down.
_PAUSE_PER_CHECK = 20


class Volume:
    """A host's volume.

    Args:
        host: the host's ``/opt/ml``.
        size: its size in bytes.
    """

    def __init__(self, host: OptMl, size: int) -> None:
        self.host = host
        self._size = size
        self._free = size
        self._lock = threading.Lock()

    def reserve(self, size: int, source: object) -> None:
        """Reserve space for an object that is about to be downloaded.

        Args:
            size: the object's size in bytes.
            source: the object's URI, for the error message.

        Raises:
            JobClientError: too little space is left.
        """
        with self._lock:
            self._free -= size
            if self._free >= 0:
                return
        raise JobClientError(
            f'No space left on the volume: the inputs up to S3 URL "{source}" are larger than the '
            f"{self._size / GIGABYTE:g} GB of VolumeSizeInGB"
        )

    def check(self) -> None:
        """Check that the files in ``/opt/ml`` fit on the volume.

        Raises:
            JobClientError: they do not.
        """
        if (used := _used(self.host.path)) > self._size:
            raise JobClientError(
                f"No space left on the volume: /opt/ml of {self.host.path.name} has grown to {used / GIGABYTE:.1f} GB, "
                f"and VolumeSizeInGB is {self._size / GIGABYTE:g}"
            )


def check_until_ended(volumes: Sequence[Volume], ended: threading.Event) -> None:
    """Check volumes repeatedly until the programs have ended.

    Args:
        volumes: the volumes.
        ended: set when the programs have ended.

    Raises:
        JobClientError: a volume is over-full. In AWS the program's write would fail.
    """
    pause = _INTERVAL_IN_SECONDS
    while not ended.wait(pause):
        started = time.monotonic()
        for volume in volumes:
            volume.check()
        pause = max(_INTERVAL_IN_SECONDS, _PAUSE_PER_CHECK * (time.monotonic() - started))


def _used(directory: Path) -> int:
    """Return the disk usage of the files below a directory; a sparse file uses less than its length."""
    used = 0
    pending = [str(directory)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    used += entry.stat(follow_symlinks=False).st_blocks * _BLOCK
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        except OSError:
            continue  # the program removed it meanwhile
    return used
