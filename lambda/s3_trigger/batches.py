"""Batches: rows of sealed units join the open batches of their groups, which become runs once they are full or due."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from s3_trigger.dynamodb import NEW, Change
from s3_trigger.messages import digest
from s3_trigger.runs import BATCH, EACH, EACH_MAX, Run
from s3_trigger.sealing import SEALED
from s3_trigger.units import Members, Unit, count_of, from_text, split, to_text

if TYPE_CHECKING:
    from s3_trigger.runtime import Runtime

OPEN = "open"
# The item that a schedule of `S3Trigger.flush_on_schedule` writes, with its time in ``at``.
FLUSH = ("flush", "requested")
# A transaction has 100 changes: the cursor's, one for each open batch, and one for each run.
_CHANGES_MAX = 90
_GROUPS_MAX = 40
# Small ranges of a batch are joined when there are so many, so that its record remains small.
_RANGES_MAX = 64
_JOINED_ROWS_MAX = 5000


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """The open batch of a group.

    Attributes:
        group: the group.
        bucket: the bucket of its objects.
        root: the prefix of all its keys, up to and including a slash.
        opened: the time at which it was opened, in seconds.
        members: its members.
        version: a text that each change of the record replaces; empty for a batch without a record.
    """

    group: str
    bucket: str
    root: str
    opened: int
    members: Members = ()
    version: str = ""

    @property
    def key(self) -> str:
        """The sort key of its record. A group may have more bytes than a sort key."""
        return group_key(self.group)

    @property
    def objects(self) -> int:
        """The number of its members."""
        return count_of(self.members)

    @classmethod
    def from_item(cls, item: dict[str, Any]) -> OpenBatch:
        """Return the batch of a record."""
        return cls(
            group=item["group"],
            bucket=item["bucket"],
            root=item.get("root", ""),
            opened=item["opened"],
            members=from_text(item["members"]),
            version=item["version"],
        )

    def to_item(self) -> dict[str, Any]:
        """Return the fields of its record."""
        fields = {"group": self.group, "bucket": self.bucket, "root": self.root, "opened": self.opened}
        return {**fields, "members": to_text(self.members), "objects": self.objects, "version": self.version}


class Batches:
    """The work on open batches.

    Args:
        runtime: the function's runtime.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._table = runtime.table
        self._config = runtime.config

    def distribute_left_over(self) -> None:
        """Distribute the units that another dispatcher has sealed and not distributed."""
        for item in self._table.query(SEALED):
            self.distribute(item["sk"])

    def distribute(self, unit_name: str, cursor: int | None = None) -> None:
        """Add the rows of a unit to the batches of their groups, in as few transactions as it takes.

        Args:
            unit_name: the name of the unit.
            cursor: the first row that is not in a batch yet, as far as the caller knows. Default: it is read.
        """
        unit = self._runtime.units.get(unit_name)
        make_changes = self._singles if self._config.batch_size == 1 else self._chunk
        while True:
            if cursor is None:
                item = self._table.get(SEALED, unit_name)
                if item is None:
                    return
                cursor = int(item["cursor"])
            changes, after = make_changes(unit, cursor)
            is_last = after == len(unit.rows)
            changes.append(
                self._table.delete(SEALED, unit_name, "#cursor = :was", was=cursor)
                if is_last
                else self._table.put(SEALED, unit_name, {"cursor": after}, "#cursor = :was", was=cursor)
            )
            is_made = self._table.transact(changes) is None
            if is_made and is_last:
                return
            # When another dispatcher was faster, its cursor shows what is left.
            cursor = after if is_made else None

    def close_due(self) -> None:
        """Turn the batches that have been open for the window, or that a schedule flushes, into runs."""
        latest = self._runtime.seconds() - self._config.batch_window
        flushed: float | None = None
        for item in self._table.query(OPEN):
            if "members" not in item:  # of an earlier version; `Upgrade` converts it
                continue
            batch = OpenBatch.from_item(item)
            is_due = batch.opened <= latest or batch.objects >= self._config.batch_size
            if not is_due and flushed is None:
                flushed = self._flushed()
            if is_due or batch.opened <= (flushed or 0):
                self._close(batch)

    def _close(self, batch: OpenBatch) -> None:
        """Turn a batch into runs, in several transactions if it was filled while the batch size was much larger."""
        size = EACH_MAX if self._config.batch_size == 1 else self._config.batch_size
        open_batch: OpenBatch | None = batch
        while open_batch is not None:
            changes: list[Change] = []
            left = open_batch.members
            while left and len(changes) < _CHANGES_MAX:
                part, left = split(left, size)
                changes.append(self._create(open_batch, part))
            changes += self._record(open_batch, replace(open_batch, members=left))
            if self._table.transact(changes) is not None or not left:
                return  # another dispatcher has changed it, or nothing is left
            item = self._table.get(OPEN, open_batch.key)
            open_batch = OpenBatch.from_item(item) if item is not None else None

    def _flushed(self) -> float:
        """Return the time up to which a schedule flushes the batches that were opened; 0 for none."""
        item = self._table.get(*FLUSH)
        return 0 if item is None else datetime.fromisoformat(item["at"]).timestamp()

    def _singles(self, unit: Unit, cursor: int) -> tuple[list[Change], int]:
        """Return the changes that make runs of a unit's next rows, an execution for each, and the new cursor."""
        changes: list[Change] = []
        while cursor < len(unit.rows) and len(changes) < _CHANGES_MAX:
            last = min(cursor + EACH_MAX, len(unit.rows)) - 1
            members = ((unit.name, cursor, last),)
            name = digest(EACH, to_text(members))
            run = Run(name=name, kind=EACH, bucket=unit.bucket, root="", group="", members=members, origin=name)
            changes.append(self._runtime.runs.create(run))
            cursor = last + 1
        return changes, cursor

    def _chunk(self, unit: Unit, cursor: int) -> tuple[list[Change], int]:
        """Return the changes that add a unit's next rows to open batches, and the new cursor."""
        segments = list(_segments(unit, cursor))[:_GROUPS_MAX]
        found = self._table.get_many((OPEN, group_key(group)) for group, _, _ in segments)
        changes: list[Change] = []
        for group, first, last in segments:
            if len(changes) >= _CHANGES_MAX:
                break
            item = found.get((OPEN, group_key(group)))
            before = OpenBatch.from_item(item) if item is not None else None
            batch = before or self._new_batch(group, unit)
            if batch.bucket != unit.bucket:  # the trigger was deployed with another bucket
                changes.append(self._create(batch, batch.members))
                batch = self._new_batch(group, unit)
            cursor = first
            while len(changes) < _CHANGES_MAX:
                while batch.objects >= self._config.batch_size and len(changes) < _CHANGES_MAX:
                    full, others = split(batch.members, self._config.batch_size)
                    changes.append(self._create(batch, full))
                    batch = replace(batch, members=others, opened=unit.received)
                if cursor > last or batch.objects >= self._config.batch_size:
                    break
                taken = min(last - cursor + 1, self._config.batch_size - batch.objects)
                batch = self._extend(batch, unit, cursor, cursor + taken - 1)
                cursor += taken
            changes += self._record(before, batch)
            if cursor <= last:
                break
        return changes, cursor

    def _new_batch(self, group: str, unit: Unit) -> OpenBatch:
        return OpenBatch(group, unit.bucket, self._runtime.grouping.root, unit.received)

    def _extend(self, batch: OpenBatch, unit: Unit, first: int, last: int) -> OpenBatch:
        """Return a batch with more rows of a unit."""
        keys = [unit.upload(row).key for row in range(first, last + 1)]
        root = self._runtime.grouping.root
        if not all(key.startswith(root) for key in keys):
            root = ""
        if batch.members:
            root = _common_folder(batch.root, root)
        if batch.members and batch.members[-1][0] == unit.name and batch.members[-1][2] == first - 1:
            members = (*batch.members[:-1], (unit.name, batch.members[-1][1], last))
        else:
            members = (*batch.members, (unit.name, first, last))
        return replace(batch, root=root, members=members)

    def _record(self, before: OpenBatch | None, batch: OpenBatch) -> list[Change]:
        """Return the changes that replace the record of an open batch, if nobody else has changed it."""
        condition, values = ("#version = :was", {"was": before.version}) if before is not None else (NEW, {})
        if not batch.members:
            return [self._table.delete(OPEN, batch.key, condition, **values)] if before is not None else []
        batch = replace(self._join(batch), version=self._runtime.new_id())
        return [self._table.put(OPEN, batch.key, batch.to_item(), condition, **values)]

    def _join(self, batch: OpenBatch) -> OpenBatch:
        """Return a batch whose last ranges are one, if there are many small ones."""
        recent = batch.members[-_RANGES_MAX:]
        if len(recent) < _RANGES_MAX or count_of(recent) > _JOINED_ROWS_MAX:
            return batch
        units = self._runtime.units
        joined = units.store(batch.bucket, ((batch.group, upload) for upload in units.uploads(recent)))
        return replace(batch, members=(*batch.members[:-_RANGES_MAX], *joined))

    def _create(self, batch: OpenBatch, members: Members) -> Change:
        kind = EACH if self._config.batch_size == 1 else BATCH
        name = digest(kind, to_text(members))
        return self._runtime.runs.create(
            Run(
                name=name,
                kind=kind,
                bucket=batch.bucket,
                root=batch.root,
                group=batch.group,
                members=members,
                origin=name,
                max_replays=self._config.max_replays,
            )
        )


def group_key(group: str) -> str:
    """Return the sort key of a group's open batch."""
    return digest(group)[:32]


def _segments(unit: Unit, cursor: int) -> Iterator[tuple[str, int, int]]:
    """Yield each group of a unit's rows from the cursor on, with its first and its last row."""
    first = cursor
    for row in range(cursor, len(unit.rows)):
        if row + 1 == len(unit.rows) or unit.rows[row + 1][0] != unit.rows[first][0]:
            yield unit.rows[first][0], first, row
            first = row + 1


def _common_folder(first: str, second: str) -> str:
    common = os.path.commonprefix([first, second])  # noqa: RUF071 - a prefix is text, not a path
    return common[: common.rfind("/") + 1]
