"""The events of log streams in a database: appended as they arrive, read by position, never all in memory."""

from __future__ import annotations

import contextlib
import heapq
import sqlite3
import threading
import uuid
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, overload

from smproc.local.errors import LocalAwsError

Event = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS streams (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, region TEXT NOT NULL, log_group TEXT NOT NULL,
    name TEXT NOT NULL, created INTEGER NOT NULL, events INTEGER NOT NULL, characters INTEGER NOT NULL,
    first INTEGER, last INTEGER, ingested INTEGER, UNIQUE (account, region, log_group, name)
);
CREATE TABLE IF NOT EXISTS events (
    stream INTEGER NOT NULL, position INTEGER NOT NULL, timestamp INTEGER NOT NULL, ingested INTEGER NOT NULL,
    id TEXT NOT NULL, message TEXT NOT NULL, PRIMARY KEY (stream, position)
) WITHOUT ROWID;
"""
_COLUMNS = "timestamp, message, ingested, id"
# What a stream keeps of the events that were read last; of how many streams; and how much more is read ahead in turn.
_BLOCK_MAX_EVENTS = 1024
_BLOCK_MAX_CHARACTERS = 256 * 1024
_BLOCKS = 32
_timestamp = itemgetter("timestamp")


@dataclass(slots=True)
class StreamFacts:
    """The description of a stored stream.

    Attributes:
        account: the account id.
        region: the region.
        group: the name of the log group.
        name: the name of the stream.
        created: the time of its creation, in milliseconds.
        events: the number of its events.
        characters: the number of characters of their messages.
        first: the time of the first event, in milliseconds.
        last: the time of the last event, in milliseconds.
        ingested: the time at which events arrived last, in milliseconds.
    """

    account: str
    region: str
    group: str
    name: str
    created: int
    events: int = 0
    characters: int = 0
    first: int | None = None
    last: int | None = None
    ingested: int | None = None


class LogEventStore:
    """A database of log streams and their events.

    Args:
        path: the file; created if it does not exist.
        sequence: the class of a stream's events. Default: `LogEvents`.

    Raises:
        LocalAwsError: the file is not such a database.
    """

    def __init__(self, path: Path, sequence: type[LogEvents] | None = None) -> None:
        self._sequence = sequence or LogEvents
        self.lock = threading.RLock()
        self._recent: OrderedDict[LogEvents, None] = OrderedDict()
        self.database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            # Survives a kill of the server. A commit does not wait for the disk, so a crash of the machine may lose it.
            self.database.execute("PRAGMA journal_mode = WAL")
            self.database.execute("PRAGMA synchronous = NORMAL")
            self.database.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            self.database.close()
            raise LocalAwsError(f"The logs cannot be read ({error}); remove {path} to start without them") from error

    def streams(self) -> list[LogEvents]:
        """Return every stored stream, the oldest first."""
        with self.lock:
            rows = self.database.execute("SELECT * FROM streams ORDER BY id").fetchall()
        return [self._sequence(self, row[0], StreamFacts(*row[1:])) for row in rows]

    def add(self, facts: StreamFacts) -> LogEvents:
        """Add a stream without events; a stored one of the same name is replaced.

        Args:
            facts: its names and the time of its creation.
        """
        with self.lock:
            self.remove(facts.account, facts.region, facts.group, facts.name)
            added = self.database.execute(
                "INSERT INTO streams (account, region, log_group, name, created, events, characters) "
                "VALUES (?, ?, ?, ?, ?, 0, 0)",
                (facts.account, facts.region, facts.group, facts.name, facts.created),
            )
        return self._sequence(self, int(added.lastrowid or 0), facts)

    def remove(self, account: str, region: str, group: str, stream: str | None = None) -> None:
        """Remove a stream, or all streams of a group, with their events.

        Args:
            account: the account id.
            region: the region.
            group: the name of the log group.
            stream: the name of the stream. Default: all.
        """
        condition, values = "account = ? AND region = ? AND log_group = ?", [account, region, group]
        if stream is not None:
            condition, values = f"{condition} AND name = ?", [*values, stream]
        with self.transaction():
            self.database.execute(
                f"DELETE FROM events WHERE stream IN (SELECT id FROM streams WHERE {condition})",  # noqa: S608 - fixed
                values,
            )
            self.database.execute(f"DELETE FROM streams WHERE {condition}", values)  # noqa: S608 - the same

    def clear(self) -> None:
        """Remove everything."""
        with self.transaction():
            self.database.execute("DELETE FROM events")
            self.database.execute("DELETE FROM streams")

    def find(self, account: str, region: str, event_id: str) -> tuple[str, str, Event] | None:
        """Return the group, the stream and the event with an id; None if there is none.

        Args:
            account: the account id.
            region: the region.
            event_id: the id.
        """
        with self.lock:
            row = self.database.execute(
                "SELECT log_group, name, timestamp, message, events.ingested, events.id FROM events "
                "JOIN streams ON streams.id = events.stream WHERE events.id = ? AND account = ? AND region = ?",
                (event_id, account, region),
            ).fetchone()
        return None if row is None else (row[0], row[1], _event(row[2:]))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all or nothing."""
        with self.lock:
            self.database.execute("SAVEPOINT writing")
            try:
                yield
            except BaseException:
                self.database.execute("ROLLBACK TO writing")
                raise
            finally:
                self.database.execute("RELEASE writing")

    def note_block(self, events: LogEvents) -> None:
        """Note that a stream keeps a block in memory; the one that was read longest ago gives its own up."""
        with self.lock:
            self._recent[events] = None
            self._recent.move_to_end(events)
            if len(self._recent) > _BLOCKS:
                self._recent.popitem(last=False)[0].drop_block()


class LogEvents(Sequence[Event]):
    """The events of a stream in the order of their time, those of one time in the order of their arrival.

    Args:
        store: the store.
        stream: the number of the stream there.
        facts: what is known about it.
    """

    def __init__(self, store: LogEventStore, stream: int, facts: StreamFacts) -> None:
        self._store = store
        self._stream = stream
        self.facts = facts
        self._block: tuple[int, list[Event]] = (0, [])

    def __len__(self) -> int:
        return self.facts.events

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            return (
                self._read(start, stop)[::step] if step > 0 else list(map(self.__getitem__, range(start, stop, step)))
            )
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(index)
        start, block = self._block
        if not start <= position < start + len(block):
            # A walk reads ahead, twice as far each time; a search reads single events.
            ahead = min(max(2 * len(block), 1), _BLOCK_MAX_EVENTS) if position == start + len(block) else 1
            start, block = position, self._read(position, position + ahead, _BLOCK_MAX_CHARACTERS)
            self._block = (start, block)
            self._store.note_block(self)
        return block[position - start]

    def __iter__(self) -> Iterator[Event]:
        return (self[position] for position in range(len(self)))

    def __deepcopy__(self, _memo: object) -> list[Event]:
        """Return what a copy of the stream's description needs: nothing, the events are stored."""
        return []

    def drop_block(self) -> None:
        """Keep no events in memory."""
        self._block = (0, [])

    def append(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Add events in the order of their time, after earlier ones of the same time.

        Args:
            events: the events; those without an id get one.
        """
        ordered = [
            event if "eventId" in event else {**event, "eventId": str(uuid.uuid4())}
            for event in sorted(events, key=_timestamp)
        ]
        if not ordered:
            return
        facts = self.facts
        with self._store.transaction():
            position = len(self)
            merged = ordered
            if facts.last is not None and ordered[0]["timestamp"] < facts.last:
                position = bisect_right(self, ordered[0]["timestamp"], key=_timestamp)
                merged = list(heapq.merge(self[position:], ordered, key=_timestamp))
                self.drop_block()
                self._store.database.execute(
                    "DELETE FROM events WHERE stream = ? AND position >= ?", (self._stream, position)
                )
            self._store.database.executemany(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)",
                (
                    (self._stream, at, event["timestamp"], event["ingestionTime"], event["eventId"], event["message"])
                    for at, event in enumerate(merged, position)
                ),
            )
            first, last = ordered[0]["timestamp"], ordered[-1]["timestamp"]
            changed = StreamFacts(
                *(facts.account, facts.region, facts.group, facts.name, facts.created),
                events=facts.events + len(ordered),
                characters=facts.characters + sum(len(event["message"]) for event in ordered),
                first=first if facts.first is None else min(facts.first, first),
                last=last if facts.last is None else max(facts.last, last),
                ingested=events[-1]["ingestionTime"],
            )
            updated = self._store.database.execute(
                "UPDATE streams SET events = ?, characters = ?, first = ?, last = ?, ingested = ? WHERE id = ?",
                (changed.events, changed.characters, changed.first, changed.last, changed.ingested, self._stream),
            )
            if not updated.rowcount:
                raise LookupError("the stream was removed meanwhile")
            self.facts = changed

    def _read(self, start: int, stop: int, characters_max: int | None = None) -> list[Event]:
        found: list[Event] = []
        characters = 0
        with self._store.lock:
            rows = self._store.database.execute(
                f"SELECT {_COLUMNS} FROM events WHERE stream = ? AND position >= ? AND position < ? "  # noqa: S608 - fixed
                "ORDER BY position",
                (self._stream, start, stop),
            )
            with contextlib.closing(rows):
                for row in rows:
                    found.append(_event(row))
                    characters += len(row[1])
                    if characters_max is not None and characters >= characters_max:
                        break
        return found


def _event(row: Sequence[Any]) -> Event:
    timestamp, message, ingested, event_id = row
    return {"timestamp": timestamp, "message": message, "ingestionTime": ingested, "eventId": event_id}
