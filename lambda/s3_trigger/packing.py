"""Uploads in the binary attribute of an item: compressed, and divided where they exceed the size of an item."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

# An item has at most 400 KB, names of attributes included:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
PACKED_MAX_BYTES = 300_000


def pack(value: object) -> bytes:
    """Return a JSON value in compressed form."""
    return zlib.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def unpack(packed: bytes) -> Any:  # noqa: ANN401 - a JSON value
    """Return the value that `pack` has compressed."""
    return json.loads(zlib.decompress(packed))


def pack_parts(rows: Sequence[Sequence[object]]) -> Iterator[tuple[Sequence[Sequence[object]], bytes]]:
    """Yield rows in as few parts as an item allows, each with its compressed form."""
    packed = pack(rows)
    if len(packed) <= PACKED_MAX_BYTES or len(rows) == 1:
        yield rows, packed
        return
    middle = len(rows) // 2
    yield from pack_parts(rows[:middle])
    yield from pack_parts(rows[middle:])
