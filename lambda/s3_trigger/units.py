"""Units: uploads that were sealed together. A unit never changes, and everything that follows refers to its rows.

Members of a batch or a run are ranges of rows: ``(unit, first row, last row)``.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from s3_trigger.dynamodb import Change, Table
from s3_trigger.messages import Upload
from s3_trigger.packing import pack_parts, unpack, unpack_marks

UNIT = "unit"
Range = tuple[str, int, int]
Members = tuple[Range, ...]
# About 300 bytes each.
_CACHED_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Unit:
    """Uploads of one bucket, sorted by group and key.

    Attributes:
        name: its name, which starts with the time of its creation in milliseconds.
        bucket: the bucket.
        rows: group, key, sequencer and replay of each upload.
        received: the time at which the first of the uploads was received, in seconds; 0 in a unit whose uploads are
            copied from others.
        marks: the mark of each upload.
    """

    name: str
    bucket: str
    rows: Sequence[Sequence[str]]
    received: int = 0
    marks: Sequence[bytes] = ()

    def upload(self, row: int) -> Upload:
        """Return the upload of a row."""
        _, key, sequencer, replay = self.rows[row]
        return Upload(self.bucket, key, sequencer, replay, self.marks[row])

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Unit:
        """Return the unit of an item."""
        rows = unpack(item["uploads"])
        return cls(item["sk"], item["bucket"], rows, item["received"], unpack_marks(item, len(rows)))


class Units:
    """The units in the ledger's table.

    Args:
        table: the table.
        new_name: a function that returns a name for a unit.
    """

    def __init__(self, table: Table, new_name: Callable[[], str]) -> None:
        self._table = table
        self._new_name = new_name
        self._cached: OrderedDict[str, Unit] = OrderedDict()

    def get(self, name: str) -> Unit:
        """Return a unit.

        Raises:
            LookupError: the table has no such unit.
        """
        if (unit := self._cached.get(name)) is not None:
            self._cached.move_to_end(name)
            return unit
        item = self._table.get(UNIT, name)
        if item is None:
            raise LookupError(f"the table has no unit {name}")
        return self._keep(Unit.from_item(item))

    def create(
        self, bucket: str, rows: Iterable[tuple[str, Upload]], *, received: int = 0
    ) -> tuple[Members, list[Change]]:
        """Return the ranges of new units with some uploads and their groups, and the changes that create them.

        Args:
            bucket: the bucket of the uploads.
            rows: the uploads, each with its group.
            received: the time at which the first of the uploads was received, in seconds, as far as it matters.
        """
        members, changes = [], []
        listed = list(rows)
        texts = [(group, upload.key, upload.sequencer, upload.replay) for group, upload in listed]
        marks = [upload.mark for _, upload in listed]
        first = 0
        for part, packed in pack_parts(texts, marks) if listed else ():
            some = marks[first : first + len(part)]
            unit = self._keep(Unit(self._new_name(), bucket, cast("Sequence[Sequence[str]]", part), received, some))
            members.append((unit.name, 0, len(part) - 1))
            changes.append(self._table.put(UNIT, unit.name, {"bucket": bucket, "received": received, **packed}))
            first += len(part)
        return tuple(members), changes

    def store(self, bucket: str, rows: Iterable[tuple[str, Upload]]) -> Members:
        """Write new units with some uploads and their groups; nothing refers to them until a transaction does."""
        members, changes = self.create(bucket, rows)
        for change in changes:
            self._table.apply(change)
        return members

    def uploads(self, members: Members) -> Iterator[Upload]:
        """Yield the uploads of some members, in their order.

        Raises:
            LookupError: the table does not have them all.
        """
        for name, first, last in members:
            unit = self.get(name)
            yield from (unit.upload(row) for row in range(first, last + 1))

    def sorted_uploads(self, members: Members) -> list[Upload]:
        """Return the uploads of some members in the order in which S3 lists their keys."""
        return sorted(self.uploads(members), key=lambda upload: upload.key.encode())

    def _keep(self, unit: Unit) -> Unit:
        self._cached[unit.name] = unit
        while len(self._cached) > 1 and sum(len(cached.rows) for cached in self._cached.values()) > _CACHED_ROWS:
            self._cached.popitem(last=False)
        return unit


def count_of(members: Members) -> int:
    """Return the number of uploads of some members."""
    return sum(last - first + 1 for _, first, last in members)


def split(members: Members, count: int) -> tuple[Members, Members]:
    """Return the first uploads of some members, and the others."""
    head: list[Range] = []
    tail: list[Range] = []
    for name, first, last in members:
        taken = min(count, last - first + 1)
        count -= taken
        if taken:
            head.append((name, first, first + taken - 1))
        if first + taken <= last:
            tail.append((name, first + taken, last))
    return tuple(head), tuple(tail)


def to_text(members: Members) -> str:
    """Return the text in which members are stored."""
    return json.dumps(members, separators=(",", ":"))


def from_text(text: str) -> Members:
    """Return the members that `to_text` has written."""
    return tuple((name, first, last) for name, first, last in json.loads(text))
