"""The uploads that were taken from listings: for each stretch of keys, the fingerprints of what was taken."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
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


def stretch(runtime: Runtime, partition: str, uploads: Sequence[Upload]) -> Change:
    """Return the change that records uploads that were taken from a listing, in its order."""
    prints = b"".join(fingerprint(upload.key, upload.mark) for upload in uploads)
    expires = runtime.seconds() + KEPT_FOR_SECONDS
    fields = {"last": uploads[-1].key, "fingerprints": prints, "expires": expires}
    return runtime.table.put(partition, uploads[0].key, fields)


def taken_from_listings(runtime: Runtime, seals: Seals, uploads: Iterable[Upload]) -> set[Upload]:
    """Return those of some uploads that were taken from a listing before.

    A listing shows nothing that is uploaded after it, so most events need no look: they are later than all listings.
    """
    known = list(uploads)
    taken: set[Upload] = set()
    for partition, listed in seals.listings.items():
        some = [one for one in known if not one.replay and one.mark != NO_MARK and one.at <= listed + CLOCKS_SECONDS]
        last, prints = b"", set[bytes]()
        for upload in sorted(some, key=lambda one: one.key.encode()):
            if upload.key.encode() > last:
                last, prints = _stretch_of(runtime, partition, upload.key)
            if fingerprint(upload.key, upload.mark) in prints:
                taken.add(upload)
    return taken


def _stretch_of(runtime: Runtime, partition: str, key: str) -> tuple[bytes, set[bytes]]:
    """Return the last key of the stretch that has a key, if one has, and its fingerprints."""
    item = runtime.table.last(partition, key)
    if item is None:
        return b"", set()
    packed = item["fingerprints"]
    starts = range(0, len(packed), FINGERPRINT_BYTES)
    return item["last"].encode(), {packed[start : start + FINGERPRINT_BYTES] for start in starts}
