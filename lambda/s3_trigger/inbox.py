"""The inbox: uploads that the intake has received and the dispatcher has not sealed yet, some in an item."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from s3_trigger.messages import Upload
from s3_trigger.packing import pack_parts, unpack, unpack_marks

if TYPE_CHECKING:
    from s3_trigger.runtime import Runtime

INBOX = "inbox"
# A seal changes two items for each head, and all of a part's heads in one transaction.
HEADS_MAX = 30
_ROWS_MAX = 5000


def add_to_inbox(runtime: Runtime, uploads: Sequence[Upload]) -> None:
    """Write uploads of a part to the inbox. Whoever repeats it after an error adds copies, which sealing drops."""
    now = runtime.milliseconds()
    rows = [(upload.key, upload.sequencer, upload.replay) for upload in uploads]
    # An explicit repetition is not what a listing shows.
    since = min((upload.at for upload in uploads if not upload.replay), default=now // 1000)
    for some, packed in pack_parts(rows, [upload.mark for upload in uploads]):
        item = {"bucket": uploads[0].bucket, "count": len(some), "since": since, **packed}
        runtime.table.apply(runtime.table.put(INBOX, f"{now}#{runtime.new_id()}", item))


def uploads_of(item: Mapping[str, Any]) -> list[Upload]:
    """Return the uploads of an item of the inbox; the time of each is that of the earliest."""
    rows, since = unpack(item["uploads"]), item.get("since", 0)
    return [
        Upload(item["bucket"], key, sequencer, replay, mark, since)
        for (key, sequencer, replay), mark in zip(rows, unpack_marks(item, len(rows)), strict=True)
    ]


def parts_of(uploads: Iterable[Upload]) -> Iterator[list[Upload]]:
    """Yield uploads of one bucket each, with few enough heads for a seal."""
    uploads = sorted(uploads, key=lambda upload: (upload.bucket, upload.head))
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
