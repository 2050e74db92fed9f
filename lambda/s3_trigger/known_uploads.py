"""The uploads that the ledger remembers, in the memory of a scanner: about 30 bytes for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3_trigger.listed_uploads import FINGERPRINT_BYTES, fingerprint
from s3_trigger.messages import NO_MARK
from s3_trigger.units import UNIT, Unit

if TYPE_CHECKING:
    from s3_trigger.runtime import Runtime

# Half a gibibyte, half of the dispatcher's memory. Where there are more, a listing is repeated for each part of them.
MEMORABLE = 16_000_000
_TIME_BYTES = 4
_ENTRY_BYTES = FINGERPRINT_BYTES + _TIME_BYTES
# The clocks of S3 and of the functions may differ so much: an upload is not sealed before it is made.
_CLOCKS_SECONDS = 60
# The names of units ascend from the first seal in the order of `Seals` on, whose function may have an earlier time.
_ORDERED_AFTER_MILLISECONDS = 15 * 60 * 1000


class KnownUploads:
    """The uploads that were sealed from a time on, or one part of them.

    Args:
        runtime: the function's runtime.
        since: the time, in seconds.
        parts: the number of parts.
        part: the number of the part, from 0.
    """

    def __init__(self, runtime: Runtime, since: int, parts: int = 1, part: int = 0) -> None:
        self._runtime = runtime
        self.parts, self._part = parts, part
        self._entries: dict[bytes, bytearray] = {}
        self._read_until = max(0, since - _CLOCKS_SECONDS) * 1000 - 1
        self._has_begun = False
        self.count = 0

    def has_part(self, key: str) -> bool:
        """Check whether the uploads of a key belong to the part."""
        return self.parts == 1 or fingerprint(key, NO_MARK)[-1] % self.parts == self._part

    def read(self, until: int, most: int | None = None) -> bool:
        """Read the uploads that were sealed since the last time; return False if there are too many.

        Args:
            until: the time in the name of the latest unit, in milliseconds.
            most: the number of uploads that are remembered. Default: any.
        """
        if self._has_begun and until <= self._read_until:
            return True
        # The first time, also what an earlier version has sealed, which knew no order.
        between = f"{self._read_until + 1:013}", f"{until:013}$" if self._has_begun else "~"
        for item in self._runtime.table.query(UNIT, between=between):
            if item["received"]:
                unit = Unit.from_item(item)
                if unit.bucket == self._runtime.config.bucket:  # not one that the trigger had before
                    self._add(unit)
            if most is not None and self.count > most:
                return False
        self._has_begun = True
        self._read_until = max(self._read_until, until or self._runtime.milliseconds() - _ORDERED_AFTER_MILLISECONDS)
        return True

    def has(self, key: str, mark: bytes, modified: int, *, is_version: bool) -> bool:
        """Check whether an upload that a listing shows was sealed.

        A mark of a version is that of one upload. Uploads of the same content share a mark of an ETag, and the uploads
        of an earlier version have none, so they count if they were sealed after the object was last modified.

        Args:
            key: the object's key.
            mark: its mark.
            modified: the time of its last modification, in seconds.
            is_version: whether the mark is that of a version.
        """
        sealed = self._sealed(fingerprint(key, mark))
        if sealed and is_version:
            return True
        return max(sealed, self._sealed(fingerprint(key, NO_MARK))) >= modified - _CLOCKS_SECONDS

    def _add(self, unit: Unit) -> None:
        sealed = (int(unit.name.partition("#")[0]) // 1000).to_bytes(_TIME_BYTES)
        for (_, key, _, replay), mark in zip(unit.rows, unit.marks, strict=True):
            if not replay and self.has_part(key):
                entry = fingerprint(key, mark)
                self._entries.setdefault(entry[:2], bytearray()).extend(entry + sealed)
                self.count += 1

    def _sealed(self, entry: bytes) -> int:
        """Return the latest time at which an upload was sealed, in seconds; 0 if it was not."""
        entries = self._entries.get(entry[:2], b"")
        latest, position = 0, entries.find(entry)
        while position >= 0:
            if position % _ENTRY_BYTES == 0:
                end = position + _ENTRY_BYTES
                latest = max(latest, int.from_bytes(entries[end - _TIME_BYTES : end]))
            position = entries.find(entry, position + 1)
        return latest
