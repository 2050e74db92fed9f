"""The ledger: uploads become members of batches, and runs of batches wait for slots, run and end.

Every change is one transaction, so a function that is killed leaves the table as it was before or as it is after. The
items, by partition key and sort key:

=====================  =======================  =====================================================================
``upload#<name>``      ``upload``               an upload has been taken, into this batch at this index
``open``               ``<group>``              the batch that takes the group's next uploads, and their number
``batch#<batch>``      ``objects#<index>``      up to 96 members of a batch, the first of them at that index
``batch#<batch>``      ``run#<run>``            a run of some members of a batch, and its status
``batch#<batch>``      ``replays``              the number of runs of the batch that bisection has added
``ready``              ``<time>#<run>``         a run that waits for a slot
``slot``               ``<slot>``               a run that has a slot: it is starting, or it runs
=====================  =======================  =====================================================================

docs/trigger.md explains which invariants hold, and why.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from s3_trigger.dynamodb import Change, Table
from s3_trigger.index_set import IndexSet
from s3_trigger.messages import Upload, digest

# Longer than a message can be in transit: a day in EventBridge, 14 days in each queue, and again after a redrive.
KEPT_FOR_SECONDS = 120 * 24 * 3600
# A transaction takes 100 items, of which three or four are not uploads:
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_MAX_UPLOADS = 96
_LOST_RACES = 20

# Statuses and attributes are stored: after an upgrade in place, this version reads what an earlier one has written, so
# none is renamed. A set-aside run is a dead letter; a halved one was bisected; an empty one has no object that exists.
READY, RUNNING, SET_ASIDE, HALVED, EMPTY = "READY", "RUNNING", "SET_ASIDE", "HALVED", "EMPTY"
_INDEXES, _INDEX, _MISSING = "positions", "position", "gone"
FAILURES = frozenset({"FAILED", "TIMED_OUT", "ABORTED"})
_NEW = "attribute_not_exists(pk)"
_NO_MEMBERS: IndexSet = IndexSet(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Some members of a batch, which one execution processes.

    Attributes:
        batch: the name of the batch, which is that of its first upload.
        group: the group of its uploads.
        indexes: the indexes of its members.
        after: the run that this one repeats; empty for the first of a batch.
        status: ``READY``, ``RUNNING``, ``SET_ASIDE``, ``HALVED``, ``EMPTY``, or the final status of its execution.
    """

    batch: str
    group: str
    indexes: IndexSet
    after: str = ""
    status: str = READY

    @property
    def name(self) -> str:
        """The name of the run and of its execution, derived from its members alone: 64 hexadecimal digits."""
        return digest(self.batch, str(self.indexes), self.after)

    def again(self, indexes: IndexSet | None = None, *, status: str = READY) -> Run:
        """Return the run that repeats this one, or a part of it."""
        return replace(self, indexes=indexes or self.indexes, after=self.name, status=status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A run that has a slot.

    Attributes:
        slot_index: the index of the slot; the name of the run where slots are unlimited.
        run: the run.
        claimed: the time of the claim, in seconds since 1970.
        manifest: the key of the manifest; empty where the job reads the object's own key; None until one of the two is
            decided on.
        objects: the number of objects that the job reads.
        missing: the indexes of the members that it does not read because their objects were deleted.
    """

    slot_index: str
    run: Run
    claimed: int
    manifest: str | None = None
    objects: int = 0
    missing: IndexSet = _NO_MEMBERS


@dataclass(frozen=True, slots=True)
class Collected:
    """The result of `Ledger.collect`.

    Attributes:
        taken: the number of uploads that were new.
        ready: the number of batches that became full.
    """

    taken: int
    ready: int


class Ledger:
    """The table of uploads, batches, runs and slots.

    Args:
        table: the table.
        batch_size: the number of uploads that fill a batch.
        slots: the number of runs that may have a slot at a time; None for any number.
        clock: a function that returns the seconds since 1970.
    """

    def __init__(
        self,
        table: Table,
        *,
        batch_size: int,
        slots: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._table = table
        self._batch_size = batch_size
        self._slots = slots
        self._clock = clock

    def collect(self, group: str, uploads: Sequence[Upload]) -> Collected:
        """Add uploads of one group to its batches, each once however often it is delivered."""
        waiting, taken, ready = list(uploads), 0, 0
        opened = self._opened(group)
        while waiting:
            if opened is not None and opened["objects"] >= self._batch_size:
                ready += self._seal(group, opened)
                opened = None
                continue
            part = waiting[: min(_MAX_UPLOADS, self._batch_size - (opened["objects"] if opened else 0))]
            changes, extended = self._taking(group, opened, part)
            refused = self._table.transact([*changes, *self._marks(part, extended)])
            if refused is None:
                waiting, taken = waiting[len(part) :], taken + len(part)
                full = opened is None and len(part) == self._batch_size
                ready, opened = ready + full, None if full else extended
                continue
            taken_before = {part[number - len(changes)] for number in refused if number >= len(changes)}
            waiting = [upload for upload in waiting if upload not in taken_before]
            if min(refused) < len(changes):  # another function has added to the open batch, or closed it
                opened = self._opened(group)
        if opened is not None and opened["objects"] >= self._batch_size:
            ready += self._seal(group, opened)
        return Collected(taken=taken, ready=ready)

    def seal_older_than(self, seconds: float) -> int:
        """Close the batches that have been open for some seconds, and return their number."""
        latest = self._clock() - seconds
        return sum(self._seal(item["sk"], item) for item in self._table.query("open") if item["opened"] <= latest)

    def claim(self) -> Iterator[Slot]:
        """Claim slots for the runs that are ready, the oldest first, as long as there are both."""
        lost = 0
        while lost < _LOST_RACES:
            slot_index = self._free_slot_index()
            first = next(self._table.query("ready", limit=1), None) if slot_index is not None else None
            if slot_index is None or first is None:
                return
            run = _run(first)
            slot = Slot(slot_index=slot_index or run.name, run=run, claimed=int(self._clock()))
            refused = self._table.transact(
                [
                    self._table.put("slot", slot.slot_index, {**_fields(run), "claimed": slot.claimed}, _NEW),
                    self._table.delete("ready", first["sk"], "attribute_exists(pk)"),
                    self._status(run, RUNNING),
                ]
            )
            if refused is None:
                lost = 0
                yield slot
            else:
                lost += 1  # to another dispatcher, which processes what this one leaves

    def slots(self) -> list[Slot]:
        """Return the runs that have a slot."""
        return [_slot(item) for item in self._table.query("slot")]

    def slot_of(self, run: str) -> Slot | None:
        """Return the slot of a run; None when it has none, or has none any more."""
        if self._slots is None:
            item = self._table.get("slot", run)
            return _slot(item) if item is not None else None
        return next((slot for slot in self.slots() if slot.run.name == run), None)

    def take_over(self, slot: Slot) -> Slot | None:
        """Claim a run that another dispatcher has abandoned; return None when a third one was faster."""
        now = int(self._clock())
        change = self._table.update(
            "slot",
            slot.slot_index,
            "SET #claimed = :now",
            "#run = :run AND #claimed = :was",
            now=now,
            was=slot.claimed,
            run=slot.run.name,
        )
        return replace(slot, claimed=now) if self._table.transact([change]) is None else None

    def decide(self, slot: Slot, manifest: str, objects: int, missing: IndexSet) -> Slot | None:
        """Decide for good which manifest a run has, and record the members whose objects are missing as a dead run.

        Returns None when another dispatcher has decided it.
        """
        changes = [
            self._table.update(
                "slot",
                slot.slot_index,
                f"SET #manifest = :manifest, #objects = :objects, #{_MISSING} = :missing",
                "#run = :run AND attribute_not_exists(#manifest)",
                manifest=manifest,
                objects=objects,
                missing=str(missing),
                run=slot.run.name,
            )
        ]
        if missing:
            changes.append(self._record(slot.run.again(missing, status=SET_ASIDE), _NEW))
        if self._table.transact(changes) is not None:
            return None
        return replace(slot, manifest=manifest, objects=objects, missing=missing)

    def release(self, slot: Slot, status: str, dead: Run | None = None) -> bool:
        """Free the slot of a run that has ended, and record a dead run; return False when another function has."""
        changes = self._freeing(slot, status)
        if dead is not None:
            changes.append(self._record(dead))
        return self._table.transact(changes) is None

    def release_bisected(self, slot: Slot, status: str, max_replays: int) -> bool:
        """Free the slot of a run that failed, and make a run of each half of its objects.

        Returns False when another function has done so, or the batch has had as many replays as it may have.
        """
        most = max_replays - 2
        if most < 0:
            return False
        halves = [slot.run.again(half) for half in slot.run.indexes.without(slot.missing).bisect()]
        spending = self._table.update(
            f"batch#{slot.run.batch}",
            "replays",
            "SET #used = if_not_exists(#used, :none) + :more, #expires = :expires",
            "attribute_not_exists(#used) OR #used <= :most",
            none=0,
            more=len(halves),
            most=most,
            expires=self._expires(),
        )
        new = [change for half in halves for change in self._ready(half)]
        return self._table.transact([*self._freeing(slot, status), spending, *new]) is None

    def replays(self, batch: str) -> int:
        """Return the number of runs of a batch that bisection has added."""
        item = self._table.get(f"batch#{batch}", "replays")
        return int(item["used"]) if item is not None else 0

    def replay(self, batch: str, run_name: str) -> Run | None:
        """Make a run that failed or became a dead letter ready again, once however often it is requested.

        Returns the run that will start; None when the run is running, has succeeded or has been replayed.

        Raises:
            LookupError: the table has no such run.
        """
        run = self._known(batch, run_name)
        if run.status in FAILURES:
            again = run.again()
            if self._table.transact(self._ready(again)) is None:
                return again
            run = self._known(batch, again.name)
        if run.status != SET_ASIDE:
            return None
        change = self._table.update(
            f"batch#{batch}",
            f"run#{run.name}",
            "SET #status = :ready",
            "#status = :dead",
            ready=READY,
            dead=SET_ASIDE,
        )
        run = replace(run, status=READY)
        return run if self._table.transact([change, self._waiting(run)]) is None else None

    def members(self, batch: str, indexes: IndexSet) -> Iterator[list[tuple[int, Upload]]]:
        """Yield the uploads at some indexes of a batch, in their order, some at a time.

        Raises:
            LookupError: the table does not have them all.
        """
        first, last = indexes.ranges[0][0], indexes.ranges[-1][1]
        between = f"objects#{max(0, first - _MAX_UPLOADS + 1):06}", f"objects#{last:06}"
        wanted, found = iter(indexes), 0
        next_index = next(wanted, None)
        for item in self._table.query(f"batch#{batch}", between=between):
            base, part = int(item["sk"].removeprefix("objects#")), []
            for index, (key, sequencer, replay) in enumerate(json.loads(item["members"]), base):
                if index == next_index:
                    part.append((index, Upload(item["bucket"], key, sequencer, replay)))
                    next_index = next(wanted, None)
            found += len(part)
            if part:
                yield part
        if found != len(indexes):
            raise LookupError(f"the batch {batch} must have the {len(indexes)} members {indexes}, got {found} of them")

    def _opened(self, group: str) -> dict[str, Any] | None:
        """Return the group's open batch; a batch of one is full before it could be open."""
        return self._table.get("open", group) if self._batch_size > 1 else None

    def _taking(
        self, group: str, opened: dict[str, Any] | None, part: Sequence[Upload]
    ) -> tuple[list[Change], dict[str, Any]]:
        """Return the changes that add some uploads to a batch, without their marks, and the open batch afterwards."""
        before = opened or {"batch": part[0].name, "objects": 0, "opened": int(self._clock())}
        start, batch = before["objects"], before["batch"]
        extended = {**before, "objects": start + len(part)}
        members = {
            "bucket": part[0].bucket,
            "members": json.dumps([[upload.key, upload.sequencer, upload.replay] for upload in part]),
            "expires": self._expires(),
        }
        changes = [self._table.put(f"batch#{batch}", f"objects#{start:06}", members, _NEW)]
        if opened is not None:
            changes.append(
                self._table.update(
                    "open",
                    group,
                    "SET #objects = :objects",
                    "#batch = :batch AND #objects = :were",
                    batch=batch,
                    were=start,
                    objects=extended["objects"],
                )
            )
        elif len(part) == self._batch_size:
            changes += self._ready(Run(batch=batch, group=group, indexes=_first(len(part))))
        else:
            changes.append(self._table.put("open", group, extended, _NEW))
        return changes, extended

    def _marks(self, part: Sequence[Upload], extended: dict[str, Any]) -> list[Change]:
        start, expires = extended["objects"] - len(part), self._expires()
        return [
            self._table.put(
                f"upload#{upload.name}",
                "upload",
                {"batch": extended["batch"], _INDEX: index, "expires": expires},
                _NEW,
            )
            for index, upload in enumerate(part, start)
        ]

    def _seal(self, group: str, opened: dict[str, Any]) -> bool:
        """Close an open batch as it was read; return False when another function has added to it, or closed it."""
        run = Run(batch=opened["batch"], group=group, indexes=_first(opened["objects"]))
        closing = self._table.delete(
            "open", group, "#batch = :batch AND #objects = :objects", batch=run.batch, objects=opened["objects"]
        )
        return self._table.transact([closing, *self._ready(run)]) is None

    def _free_slot_index(self) -> str | None:
        """Return a free slot: empty where slots are unlimited, None where all are taken."""
        if self._slots is None:
            return ""
        taken = {slot.slot_index for slot in self.slots()}
        return next((index for index in map("{:04}".format, range(self._slots)) if index not in taken), None)

    def _known(self, batch: str, run: str) -> Run:
        item = self._table.get(f"batch#{batch}", f"run#{run}")
        if item is None:
            raise LookupError(f"the table has no run {run} of the batch {batch}")
        return _run(item)

    def _freeing(self, slot: Slot, status: str) -> list[Change]:
        return [
            self._table.delete("slot", slot.slot_index, "#run = :run", run=slot.run.name),
            self._status(slot.run, status),
        ]

    def _status(self, run: Run, status: str) -> Change:
        return self._table.update(f"batch#{run.batch}", f"run#{run.name}", "SET #status = :status", status=status)

    def _ready(self, run: Run) -> list[Change]:
        """Return the changes that record a new run and queue it for a slot."""
        return [self._record(run, _NEW), self._waiting(run)]

    def _record(self, run: Run, condition: str = "") -> Change:
        fields = {**_fields(run), "status": run.status, "expires": self._expires()}
        return self._table.put(f"batch#{run.batch}", f"run#{run.name}", fields, condition)

    def _waiting(self, run: Run) -> Change:
        return self._table.put("ready", f"{int(self._clock() * 1000):013}#{run.name}", _fields(run))

    def _expires(self) -> int:
        return int(self._clock()) + KEPT_FOR_SECONDS


def _first(count: int) -> IndexSet:
    return IndexSet(((0, count - 1),))


def _fields(run: Run) -> dict[str, Any]:
    return {
        "run": run.name,
        "batch": run.batch,
        "group": run.group,
        _INDEXES: str(run.indexes),
        "after": run.after,
    }


def _run(item: dict[str, Any]) -> Run:
    return Run(
        batch=item["batch"],
        group=item["group"],
        indexes=IndexSet.parse(item[_INDEXES]),
        after=item["after"],
        status=item.get("status", READY),
    )


def _slot(item: dict[str, Any]) -> Slot:
    return Slot(
        slot_index=item["sk"],
        run=_run(item),
        claimed=item["claimed"],
        manifest=item.get("manifest"),
        objects=item.get("objects", 0),
        missing=IndexSet.parse(item.get(_MISSING, "")),
    )
