"""The ledger of a pipeline's trigger, read only: what waits, what runs, and what each upload became.

The functions of the trigger write it; ``docs/trigger.md`` describes its items, and
``tests/unit/trigger/test_shared_constants.py`` compares what is read here with what they write.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from boto3.dynamodb.types import Binary, TypeDeserializer

if TYPE_CHECKING:
    from boto3 import Session

INBOX, UNIT, SEALED, OPEN, READY, ACTIVE, ASIDE = "inbox", "unit", "sealed", "open", "ready", "active", "aside"
SUMMARY = ("summary", "minute")
PAUSE = ("slots", "count")
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
_KEYS_MAX = 100
_deserializer = TypeDeserializer()

Kind = Literal["batch", "each"]
Range = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Row:
    """An upload, as the ledger has it.

    Attributes:
        bucket: the bucket.
        key: the object's key.
        sequencer: S3's sequencer, or what stands for it.
        replay: what distinguishes a repetition from the upload; empty for the upload itself.
        received: the time at which it was received, in seconds since 1970.
        unit: the unit that it is a row of; empty while it is in the inbox.
        number: the number of its row.
    """

    bucket: str
    key: str
    sequencer: str
    replay: str
    received: float
    unit: str = ""
    number: int = 0

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """The values that its copies share with it."""
        return self.bucket, self.key, self.sequencer, self.replay

    @property
    def execution_name(self) -> str:
        """The name of the execution that processes it, where each object has one."""
        parts = [self.bucket, self.key, self.sequencer, *([self.replay] if self.replay else [])]
        return _digest(*parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRun:
    """Some uploads that one execution processes, or an execution each.

    Attributes:
        name: its name; that of the execution, if it is a batch.
        kind: ``batch`` or ``each``.
        members: the rows of units that it has.
        status: ``READY``, ``RUNNING``, or how it ended.
        queued: the time from which it waits, in seconds since 1970; 0 if that is not known.
        claimed: the time at which it could start, in seconds since 1970; 0 before.
        attempts: the number of attempts to start it.
        reason: why the last attempt to start it failed; empty if it did not.
        started: whether its execution was asked for.
        pending: the indexes of the members whose executions were not started, as text.
        origin: the first run of its batch.
    """

    name: str
    kind: Kind
    members: tuple[Range, ...]
    status: str = ""
    queued: float = 0.0
    claimed: float = 0.0
    attempts: int = 0
    reason: str = ""
    started: bool = False
    pending: str = ""
    origin: str = ""

    @property
    def objects(self) -> int:
        """The number of its uploads."""
        return count_of(self.members)

    def again(self) -> str:
        """Return the name of the run that repeats it, unless its members were renewed meanwhile."""
        return _digest(self.name, _text(self.members))

    def halves(self) -> list[tuple[str, tuple[Range, ...]]]:
        """Return the names and the members of the runs that repeat the halves of it."""
        middle = (self.objects + 1) // 2
        return [(_digest(self.name, _text(half)), half) for half in _split(self.members, middle) if half]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBatch:
    """A batch that still takes uploads.

    Attributes:
        group: the group of its objects; empty without groups.
        opened: the time of its first upload, in seconds since 1970.
        members: the rows of units that it has.
    """

    group: str
    opened: float
    members: tuple[Range, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The numbers that the dispatcher notes every minute.

    Attributes:
        at: the time, in seconds since 1970.
        waiting: the number of uploads that are in no started execution.
        oldest: the time at which the oldest of them was received, in seconds since 1970; 0 if none waits.
        running: the number of executions that run.
        dead_letters: the number of messages that could not be processed.
        undelivered: the number of events that EventBridge could not deliver.
        paused: the time at which the pipeline was paused, in seconds since 1970; 0 if it is not.
        failed_steps: the number of steps of that minute's work that failed.
    """

    at: float
    waiting: int = 0
    oldest: float = 0.0
    running: int = 0
    dead_letters: int = 0
    undelivered: int = 0
    paused: float = 0.0
    failed_steps: int = 0

    @classmethod
    def of_item(cls, item: Mapping[str, Any]) -> Summary:
        """Return the summary in an item; what another version has added is left out."""
        return cls(**{name: item[name] for name in cls.__slots__ if name in item})


@dataclass(frozen=True)
class Ledger:
    """The ledger of a pipeline.

    Attributes:
        session: a boto3 session.
        table: the name of the DynamoDB table.
    """

    session: Session = field(repr=False, compare=False)
    table: str

    def units(
        self, since: float, until: float | None = None, *, newest_first: bool = False, copies: bool = False
    ) -> Iterator[list[Row]]:
        """Yield the uploads that were sealed together, in the order of the times at which that happened.

        Args:
            since: the first time, in seconds since 1970.
            until: the last time, in seconds since 1970. Default: now.
            newest_first: whether to begin with the newest.
            copies: whether to yield copies, too, which batches of many small parts consist of. They are later than the
                uploads, and their time is 0.
        """
        last = f"{int(until * 1000):013}$" if until is not None else "~"
        between = f"{max(0, int(since * 1000)):013}", last
        for item in self._query(UNIT, between=between, descending=newest_first):
            sealed = int(item["sk"].partition("#")[0]) / 1000
            # Copies of uploads that are in other units have no time of their own.
            if item["received"] or copies:
                received = min(sealed, float(item["received"]))
                rows = json.loads(zlib.decompress(item["uploads"]))
                yield [
                    Row(item["bucket"], key, sequencer, replay, received, item["sk"], number)
                    for number, (_, key, sequencer, replay) in enumerate(rows)
                ]

    def unit(self, name: str) -> list[Row]:
        """Return the rows of a unit; none if the table has no such unit."""
        item = self._items([(UNIT, name)]).get((UNIT, name))
        rows = json.loads(zlib.decompress(item["uploads"])) if item is not None else []
        return [
            Row(item["bucket"], key, sequencer, replay, float(item["received"]), name, number)
            for number, (_, key, sequencer, replay) in enumerate(rows)
            if item is not None
        ]

    def inbox(self) -> Iterator[Row]:
        """Yield the uploads that were taken and are not sealed yet."""
        for item in self._query(INBOX):
            received = int(item["sk"].partition("#")[0]) / 1000
            for key, sequencer, replay in json.loads(zlib.decompress(item["uploads"])):
                yield Row(item["bucket"], key, sequencer, replay, received)

    def cursors(self) -> dict[str, int]:
        """Return the first row of each unit that is in no batch yet."""
        return {item["sk"]: item["cursor"] for item in self._query(SEALED)}

    def open_batches(self) -> list[OpenBatch]:
        """Return the batches that still take uploads."""
        return [
            OpenBatch(group=item["group"], opened=float(item["opened"]), members=_members(item["members"]))
            for item in self._query(OPEN)
            if "members" in item
        ]

    def ready(self) -> list[LedgerRun]:
        """Return the runs that wait for a slot, the oldest first."""
        return [_run(item) for item in self._query(READY) if "members" in item]

    def active(self) -> list[LedgerRun]:
        """Return the runs that have slots."""
        return [_run(item) for item in self._query(ACTIVE)]

    def ended(self, names: Iterable[str]) -> dict[str, LedgerRun]:
        """Return those of some runs that have ended, and that the ledger remembers, by their names."""
        items = self._items((f"run#{name}", "run") for name in names)
        return {item["name"]: _run(item) for item in items.values()}

    def aside(self, since: float) -> list[LedgerRun]:
        """Return the runs, or parts of them, that became dead letters without an execution since a time."""
        return [
            LedgerRun(
                name=item["run"],
                kind="batch",
                members=_members(item["members"]),
                status="SET_ASIDE",
                reason=item["reason"],
            )
            for item in self._query(ASIDE, between=(f"{max(0, int(since * 1000)):013}", "~"))
        ]

    def waiting(self) -> list[tuple[int, float]]:
        """Return how many uploads wait in each place, and since when, in seconds since 1970."""
        found = [(1, row.received) for row in self.inbox()]
        for unit, cursor in self.cursors().items():
            found += [(1, row.received) for row in self.unit(unit)[cursor:]]
        found += [(count_of(batch.members), batch.opened) for batch in self.open_batches()]
        return found + [(run.objects, run.queued) for run in self.ready()]

    def paused(self) -> float:
        """Return the time at which the pipeline was paused, in seconds since 1970; 0 if it is not paused."""
        return float(self.item(*PAUSE).get("paused", 0))

    def item(self, partition: str, sort: str) -> dict[str, Any]:
        """Return an item; an empty one if the table has none."""
        return self._items([(partition, sort)]).get((partition, sort), {})

    def _query(
        self, partition: str, *, between: tuple[str, str] | None = None, descending: bool = False
    ) -> Iterator[dict[str, Any]]:
        values = {":pk": {"S": partition}}
        if between:
            values |= {":first": {"S": between[0]}, ":last": {"S": between[1]}}
        pages = (
            self.session.client("dynamodb")
            .get_paginator("query")
            .paginate(
                TableName=self.table,
                ConsistentRead=True,
                KeyConditionExpression="pk = :pk" + (" AND sk BETWEEN :first AND :last" if between else ""),
                ExpressionAttributeValues=values,
                ScanIndexForward=not descending,
            )
        )
        for page in pages:
            yield from map(_plain_item, page["Items"])

    def _items(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
        found = items_of_tables(self.session, [(self.table, key) for key in keys])
        return {key: item for (_, key), item in found.items()}


def items_of_tables(
    session: Session, keys: Iterable[tuple[str, tuple[str, str]]]
) -> dict[tuple[str, tuple[str, str]], dict[str, Any]]:
    """Return the items that exist of some keys of some tables, 100 in a request.

    Args:
        session: a boto3 session.
        keys: the tables and their keys.
    """
    client = session.client("dynamodb")
    wanted = list(dict.fromkeys(keys))
    found: dict[tuple[str, tuple[str, str]], dict[str, Any]] = {}
    for start in range(0, len(wanted), _KEYS_MAX):
        request: dict[str, Any] = {}
        for table, (partition, sort) in wanted[start : start + _KEYS_MAX]:
            keys_of_table = request.setdefault(table, {"Keys": [], "ConsistentRead": True})["Keys"]
            keys_of_table.append({"pk": {"S": partition}, "sk": {"S": sort}})
        while request:
            answer = client.batch_get_item(RequestItems=request)
            for table, items in answer["Responses"].items():
                for item in map(_plain_item, items):
                    found[table, (item["pk"], item["sk"])] = item
            request = dict(answer.get("UnprocessedKeys", {}))
    return found


def count_of(members: Iterable[Range]) -> int:
    """Return the number of uploads in some rows of units."""
    return sum(last - first + 1 for _, first, last in members)


def has_row(members: Iterable[Range], row: Row) -> bool:
    """Return whether an upload is in some rows of units."""
    return any(unit == row.unit and first <= row.number <= last for unit, first, last in members)


def _run(item: Mapping[str, Any]) -> LedgerRun:
    return LedgerRun(
        name=item["name"],
        kind=item["kind"],
        members=_members(item["members"]),
        status=item.get("status", "READY"),
        queued=item.get("queued", 0) / 1000,
        claimed=float(item.get("claimed", 0)),
        attempts=item.get("attempts", 0),
        reason=item.get("reason", ""),
        started=bool(item.get("input")),
        pending=item.get("pending", ""),
        origin=item.get("origin", ""),
    )


def _members(text: str) -> tuple[Range, ...]:
    return tuple((unit, first, last) for unit, first, last in json.loads(text))


def _text(members: tuple[Range, ...]) -> str:
    return json.dumps(members, separators=(",", ":"))


def _split(members: tuple[Range, ...], count: int) -> tuple[tuple[Range, ...], tuple[Range, ...]]:
    """Return the first uploads of some members, and the others."""
    head: list[Range] = []
    tail: list[Range] = []
    for unit, first, last in members:
        taken = min(count, last - first + 1)
        count -= taken
        if taken:
            head.append((unit, first, first + taken - 1))
        if first + taken <= last:
            tail.append((unit, first + taken, last))
    return tuple(head), tuple(tail)


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _plain_item(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(_deserializer.deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:  # noqa: ANN401 - a value of DynamoDB
    if isinstance(value, Binary):
        return value.value  # type: ignore[attr-defined]
    return value if isinstance(value, str | bytes | bool) else int(value)
