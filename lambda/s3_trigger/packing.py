"""Uploads in the binary attribute of an item: compressed, and divided where they exceed the size of an item."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from s3_trigger.messages import MARK_BYTES, NO_MARK

# An item has at most 400 KB, names of attributes included:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
PACKED_MAX_BYTES = 300_000


def pack(value: object) -> bytes:
    """Return a JSON value in compressed form."""
    return zlib.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def unpack(packed: bytes) -> Any:  # noqa: ANN401 - a JSON value
    """Return the value that `pack` has compressed."""
    return json.loads(zlib.decompress(packed))


def pack_parts(
    rows: Sequence[Sequence[object]], marks: Sequence[bytes]
) -> Iterator[tuple[Sequence[Sequence[object]], dict[str, bytes]]]:
    """Yield rows in as few parts as an item allows, each with the attributes that contain them.

    Marks have an attribute of their own, as random bytes cannot be compressed, and as earlier versions have none.
    """
    fields = {"uploads": pack(rows), "marks": b"".join(marks)}
    if sum(map(len, fields.values())) <= PACKED_MAX_BYTES or len(rows) == 1:
        yield rows, fields
        return
    middle = len(rows) // 2
    yield from pack_parts(rows[:middle], marks[:middle])
    yield from pack_parts(rows[middle:], marks[middle:])


def unpack_marks(item: Mapping[str, Any], count: int) -> list[bytes]:
    """Return the marks in the attributes of an item; those of an earlier version are not known."""
    marks = item.get("marks") or NO_MARK * count
    return [marks[start : start + MARK_BYTES] for start in range(0, MARK_BYTES * count, MARK_BYTES)]
