"""The uploads that were taken from listings: for each stretch of keys, the fingerprints of what was taken."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from s3_trigger.messages import NO_MARK, Upload
from s3_trigger.runs import KEPT_FOR_SECONDS

if TYPE_CHECKING:
    from s3_trigger.dynamodb import Change
    from s3_trigger.runtime import Runtime
    from s3_trigger.seals import Seals

FINGERPRINT_BYTES = 16
# The clocks of S3 and of the functions differ by less.
CLOCKS_SECONDS = 300


def fingerprint(key: str, mark: bytes) -> bytes:
    """Return bytes by which an upload of a bucket is recognized."""
    return hashlib.blake2b(mark + key.encode(), digest_size=FINGERPRINT_BYTES).digest()


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The part of a listing between two keys from which uploads were taken together.

    Attributes:
        last: the last key, as bytes.
        listed: the time at which it was listed, in seconds.
        fingerprints: those of what was taken.
    """

    last: bytes = b""
    listed: int = 0
    fingerprints: Collection[bytes] = ()


def stretch(runtime: Runtime, partition: str, uploads: Sequence[Upload], listed: int) -> Change:
    """Return the change that records uploads that were taken from a listing, in its order, and its time."""
    prints = b"".join(fingerprint(upload.key, upload.mark) for upload in uploads)
    expires = runtime.seconds() + KEPT_FOR_SECONDS
    fields = {"last": uploads[-1].key, "listed": listed, "fingerprints": prints, "expires": expires}
    return runtime.table.put(partition, uploads[0].key, fields)


def taken_from_listings(runtime: Runtime, seals: Seals, uploads: Iterable[Upload]) -> set[Upload]:
    """Return those of some uploads that were taken from a listing before.

    A listing shows nothing that is uploaded after it, so most events need no look: they are later than all listings.
    """
    known = list(uploads)
    taken: set[Upload] = set()
    for partition, listed in seals.listings.items():
        some = [one for one in known if not one.replay and one.mark != NO_MARK and _may_show(listed, one)]
        found = _Stretch()
        for upload in sorted(some, key=lambda one: one.key.encode()):
            if upload.key.encode() > found.last:
                found = _stretch_of(runtime, partition, upload.key)
            # The same content may be uploaded again afterwards, with the same ETag.
            if _may_show(found.listed, upload) and fingerprint(upload.key, upload.mark) in found.fingerprints:
                taken.add(upload)
    return taken


def _may_show(listed: int, upload: Upload) -> bool:
    """Check whether a listing at a time may show an upload."""
    return upload.at <= listed + CLOCKS_SECONDS


def _stretch_of(runtime: Runtime, partition: str, key: str) -> _Stretch:
    """Return the stretch that has a key, if one has."""
    item = runtime.table.last(partition, key)
    if item is None:
        return _Stretch()
    packed = item["fingerprints"]
    starts = range(0, len(packed), FINGERPRINT_BYTES)
    prints = {packed[start : start + FINGERPRINT_BYTES] for start in starts}
    return _Stretch(item["last"].encode(), item["listed"], prints)
