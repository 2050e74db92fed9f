"""The inbox: uploads that the intake has received and the dispatcher has not sealed yet, some in an item."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from s3_trigger.messages import Upload
from s3_trigger.packing import pack_parts

if TYPE_CHECKING:
    from s3_trigger.runtime import Runtime

INBOX = "inbox"
# A seal changes two items for each head, and all of a part's heads in one transaction.
HEADS_MAX = 30
_ROWS_MAX = 5000


def add_to_inbox(runtime: Runtime, uploads: Sequence[Upload]) -> None:
    """Write uploads to the inbox. Whoever repeats it after an error adds copies, which sealing drops."""
    now = runtime.milliseconds()
    for part in _parts(sorted(uploads, key=lambda upload: (upload.bucket, upload.head))):
        rows = [(upload.key, upload.sequencer, upload.replay) for upload in part]
        for some, packed in pack_parts(rows):
            item = {"bucket": part[0].bucket, "count": len(some), "uploads": packed}
            runtime.table.apply(runtime.table.put(INBOX, f"{now}#{runtime.new_id()}", item))


def _parts(uploads: Sequence[Upload]) -> Iterator[list[Upload]]:
    """Yield uploads of one bucket each, with few enough heads for a seal."""
    part: list[Upload] = []
    heads: set[str] = set()
    for upload in uploads:
        is_new_head = upload.head not in heads
        if part and (
            upload.bucket != part[0].bucket or len(part) == _ROWS_MAX or (is_new_head and len(heads) == HEADS_MAX)
        ):
            yield part
            part, heads = [], set()
        part.append(upload)
        heads.add(upload.head)
    if part:
        yield part
