"""An object of S3 that is read like a file, by ranges: an archive needs neither memory nor disk for its size."""

from __future__ import annotations

import io
from collections.abc import Callable

# A range of the object: read(first, last) returns these bytes, both ends included.
ReadRange = Callable[[int, int], bytes]


class RangeFile(io.RawIOBase):
    """A seekable, read-only file over ranges of an object.

    Args:
        size: the number of bytes of the object.
        read_range: reads a range.
    """

    def __init__(self, size: int, read_range: ReadRange) -> None:
        self._size = size
        self._read_range = read_range
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position, and return it."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # io.BufferedReader passes nothing else
        """Read as many bytes as the buffer holds, fewer at the end of the object, and return their number."""
        last = min(self._position + len(buffer), self._size) - 1
        if last < self._position:
            return 0
        content = self._read_range(self._position, last)
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)
