"""The uploads that were taken from listings: for each stretch of keys, the fingerprints of what was taken.

The stretches of a listing ascend and never change, so a function remembers those that it has read.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from s3_trigger.messages import NO_MARK, Upload
from s3_trigger.runs import KEPT_FOR_SECONDS

if TYPE_CHECKING:
    from s3_trigger.dynamodb import Change
    from s3_trigger.runtime import Runtime
    from s3_trigger.seals import Seals

FINGERPRINT_BYTES = 16
# The clocks of S3 and of the functions differ by less.
CLOCKS_SECONDS = 300
# About 32 KB each.
_REMEMBERED = 2000
# The last sort key of all: 1,024 bytes of the last character, which a key in S3 may contain.
_END = "\U0010ffff" * 256


def fingerprint(key: str, mark: bytes) -> bytes:
    """Return bytes by which an upload of a bucket is recognized."""
    return hashlib.blake2b(mark + key.encode(), digest_size=FINGERPRINT_BYTES).digest()


def stretch(runtime: Runtime, partition: str, uploads: Sequence[Upload], listed: int) -> Change:
    """Return the change that records uploads that were taken from a listing, in its order, and its time."""
    prints = b"".join(sorted(fingerprint(upload.key, upload.mark) for upload in uploads))
    expires = runtime.seconds() + KEPT_FOR_SECONDS
    fields = {
        "last": uploads[-1].key,
        "listed": listed,
        "fingerprints": prints,
        "bucket": uploads[0].bucket,
        "expires": expires,
    }
    return runtime.table.put(partition, uploads[0].key, fields)


@dataclass(frozen=True, slots=True, order=True)
class _Stretch:
    """The part of a listing between two keys from which uploads were taken together.

    Attributes:
        first: the first key, as bytes.
        last: the last key, as bytes.
        listed: the time at which it was listed, in seconds.
        fingerprints: those of what was taken.
        bucket: the bucket that was listed; empty if an earlier version has listed it.
    """

    first: bytes
    last: bytes
    listed: int
    fingerprints: bytes
    bucket: str

    def has(self, upload: Upload) -> bool:
        """Check whether an upload was taken. The same content may be uploaded again afterwards, with the same ETag."""
        if self.bucket not in ("", upload.bucket):  # the trigger was deployed with another bucket
            return False
        wanted, position = fingerprint(upload.key, upload.mark), -1
        while _may_show(self.listed, upload) and (position := self.fingerprints.find(wanted, position + 1)) >= 0:
            if position % FINGERPRINT_BYTES == 0:
                return True
        return False


class ListedUploads:
    """The uploads that were taken from listings.

    Args:
        runtime: the function's runtime.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._stretches: dict[str, list[_Stretch]] = {}

    def taken(self, seals: Seals, uploads: Iterable[Upload]) -> set[Upload]:
        """Return those of some uploads that were taken from a listing before.

        A listing shows nothing that is uploaded after it, so most events need no look: they are later than all.
        """
        known = sorted(
            (one for one in uploads if not one.replay and one.mark != NO_MARK), key=lambda one: one.key.encode()
        )
        taken: set[Upload] = set()
        for partition, listed in seals.listings.items():
            some = [one for one in known if _may_show(listed, one)]
            # No stretch has a key up to this one, exclusive, that is after the last one that was looked for.
            gap: bytes | None = b""
            for upload in some:
                key = upload.key.encode()
                if gap is None or key < gap:
                    continue
                found = self._remembered(partition, key) or self._read(partition, upload.key)
                if found is None:
                    gap = self._next(partition, upload.key)
                elif found.has(upload):
                    taken.add(upload)
        return taken

    def _remembered(self, partition: str, key: bytes) -> _Stretch | None:
        """Return the stretch that has a key, if it is known."""
        stretches = self._stretches.get(partition, [])
        index = bisect_right(stretches, key, key=lambda one: one.first)
        return stretches[index - 1] if index and stretches[index - 1].last >= key else None

    def _read(self, partition: str, key: str) -> _Stretch | None:
        """Return the stretch that has a key, if one has."""
        item = self._runtime.table.last(partition, key)
        found = self._remember(partition, item) if item is not None else None
        return found if found is not None and found.last >= key.encode() else None

    def _next(self, partition: str, key: str) -> bytes | None:
        """Return the first key of the first stretch after a key; None if there is none."""
        items = self._runtime.table.query(partition, between=(key, _END), limit=1)
        item = next(items, None)
        return self._remember(partition, item).first if item is not None else None

    def _remember(self, partition: str, item: dict[str, Any]) -> _Stretch:
        first, last = item["sk"].encode(), item["last"].encode()
        found = _Stretch(first, last, item["listed"], item["fingerprints"], item.get("bucket", ""))
        if sum(map(len, self._stretches.values())) >= _REMEMBERED:
            self._stretches.clear()
        stretches = self._stretches.setdefault(partition, [])
        if self._remembered(partition, found.first) is None:
            insort(stretches, found)
        return found


def _may_show(listed: int, upload: Upload) -> bool:
    """Check whether a listing at a time may show an upload."""
    return upload.at <= listed + CLOCKS_SECONDS
