"""Runs: members that wait for a slot, have one, or have ended.

The record of a run is one item, in the partition of its state: ``ready``, ``active``, or, once it has ended, one of its
own. So each transition deletes the record from one partition and puts it into another, in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from s3_trigger.dynamodb import NEW, Change
from s3_trigger.index_set import IndexSet
from s3_trigger.messages import digest
from s3_trigger.runtime import FAILED_OBJECTS
from s3_trigger.units import Members, count_of, from_text, split, to_text

if TYPE_CHECKING:
    from s3_trigger.runtime import Runtime

READY, ACTIVE = "ready", "active"
# The two kinds: one execution for all members, or an execution for each.
BATCH, EACH = "batch", "each"
# Few enough that the indexes in its record remain small, which each end of an execution writes.
EACH_MAX = 500
# Of the 100 changes of a transaction, two are for each run and one for the slots.
NOTICES_MAX = 90
_ADVANCED_TOGETHER = 45
# Longer than the dispatcher may run: no dispatcher is still working on a run that it claimed so long ago.
LEASE_SECONDS = 11 * 60
# Longer than a message can be in transit: a day in EventBridge, 14 days in each queue, and again after a redrive.
KEPT_FOR_SECONDS = 120 * 24 * 3600

# A waiting run, and one that has a slot.
WAITING, RUNNING = "READY", "RUNNING"
# How a run ends, beside the final statuses of executions: it was bisected; it has no object that exists; it was sent to
# the dead-letter queue; another run repeats it; all its executions have ended (of the kind `EACH`).
HALVED, EMPTY, SET_ASIDE, REPLAYED, ENDED = "HALVED", "EMPTY", "SET_ASIDE", "REPLAYED", "ENDED"
FAILURES = frozenset({"FAILED", "TIMED_OUT", "ABORTED"})

_CLAIMED_TOGETHER = 25
_LOST_RACES = 20
NO_INDEXES: Final = IndexSet(())
_SLOTS = "slots", "count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Some members, which one execution processes, or an execution each. It carries whatever its executions need.

    Attributes:
        name: the run's name; of the kind `BATCH` also that of its execution.
        kind: `BATCH` or `EACH`.
        bucket: the bucket of its objects.
        root: the prefix of all its keys, up to and including a slash.
        group: the group of its objects.
        members: its members.
        origin: the first run of its batch.
        after: the run that this one repeats; empty for the first of a batch.
        max_replays: the number of further executions that its batch may have when it fails.
        queued: the time from which it waits, in milliseconds.
        status: the status.
        version: a text that each change of the record replaces.
        attempts: the number of attempts to start it.
        lease: the time until which nobody else works on it, in seconds.
        claimed: the time at which it got its slot, in seconds.
        reason: why the last attempt failed; empty if none has.
        state_machine: the ARN of the state machine of its executions; empty until that is decided on. A run of the kind
            `EACH` gets it with its slots.
        input: the input of its execution; empty until it is decided on.
        pending: of the kind `EACH`, the indexes of the members whose executions were not started yet.
        outstanding: of the kind `EACH`, the indexes of the members whose executions have not ended.
        expires: the time at which the record of a run that has ended may be deleted.
    """

    name: str
    kind: str
    bucket: str
    root: str
    group: str
    members: Members
    origin: str
    after: str = ""
    max_replays: int = 0
    queued: int = 0
    status: str = WAITING
    version: str = ""
    attempts: int = 0
    lease: int = 0
    claimed: int = 0
    reason: str = ""
    state_machine: str = ""
    input: str = ""
    pending: IndexSet = NO_INDEXES
    outstanding: IndexSet = NO_INDEXES
    expires: int = 0

    @property
    def objects(self) -> int:
        """The number of its members."""
        return count_of(self.members)

    @property
    def weight(self) -> int:
        """The number of executions that have a slot."""
        if self.status != RUNNING:
            return 0
        return 1 if self.kind == BATCH else len(self.pending) + len(self.outstanding)

    def member(self, index: int) -> Members:
        """Return one of the members."""
        return split(split(self.members, index)[1], 1)[0]

    def again(self, members: Members) -> Run:
        """Return the run that repeats this one, or a part of it."""
        return Run(
            name=digest(self.name, to_text(members)),
            kind=self.kind,
            bucket=self.bucket,
            root=self.root,
            group=self.group,
            members=members,
            origin=self.origin,
            after=self.name,
            max_replays=self.max_replays,
        )

    def to_item(self) -> dict[str, Any]:
        """Return the fields of its record."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        fields |= {"members": to_text(self.members)}
        fields |= {"pending": str(self.pending), "outstanding": str(self.outstanding)}
        # Without `expires`, too, until the run has ended: 0 would be a time in the past.
        return {name: value for name, value in fields.items() if value not in ("", 0)}

    @classmethod
    def from_item(cls, item: dict[str, Any]) -> Run:
        """Return the run of a record."""
        fields = {name: item[name] for name in cls.__slots__ if name in item}
        fields["members"] = from_text(fields["members"])
        fields |= {name: IndexSet.parse(fields.get(name, "")) for name in ("pending", "outstanding")}
        return cls(**{"root": "", "group": "", **fields})


class Runs:
    """The runs in the ledger's table.

    Args:
        runtime: the function's runtime.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._table = runtime.table

    def create(self, run: Run) -> Change:
        """Return the change that queues a new run for a slot."""
        return self._put_ready(replace(run, queued=self._runtime.milliseconds()), NEW)

    def replace_ready(self, run: Run, left: Members, others: Sequence[Run]) -> bool:
        """Replace a run that waits by others in its place; return False when another function has changed it.

        Args:
            run: the run.
            left: the members that it keeps; none to delete it.
            others: the runs that take the others.
        """
        leaving = (
            self._put_ready(replace(run, members=left), "#version = :was", was=run.version)
            if left
            else self._table.delete(READY, _ready_key(run), "#version = :was", was=run.version)
        )
        created = (self._put_ready(replace(one, queued=run.queued), NEW) for one in others)
        return self._table.transact([leaving, *created]) is None

    def claim(self) -> Iterator[Run]:
        """Claim slots for the runs that wait, the oldest first, as long as there are both."""
        from s3_trigger.regrouping import as_deployed  # noqa: PLC0415 - it creates runs

        lost = 0
        while lost < _LOST_RACES:
            read = list(self._table.query(READY, limit=_CLAIMED_TOGETHER))
            # An earlier version's items have no members; `Upgrade` converts them.
            items = [item for item in read if "members" in item]
            if not items:
                return
            is_divided = False
            for item in items:
                free = self._free_slots()
                if free is not None and free <= 0:
                    return
                run = as_deployed(self._runtime, Run.from_item(item))
                if run is None:
                    is_divided = True
                    continue
                claimed = self._claim(run, free)
                if claimed is None:
                    if self.is_paused():
                        return
                    lost += 1  # to another dispatcher, which works on what this one leaves
                    break
                lost = 0
                is_divided = is_divided or claimed.objects < run.objects
                yield claimed
            else:
                if len(read) < _CLAIMED_TOGETHER and not is_divided:
                    return  # what is ready by now has an invocation of its own

    def active(self) -> Iterator[Run]:
        """Yield the runs that have slots."""
        return map(Run.from_item, self._table.query(ACTIVE))

    def active_ones(self, names: list[str]) -> dict[str, Run]:
        """Return those of some runs that have slots, by their names."""
        found = self._table.get_many((ACTIVE, name) for name in names)
        return {name: Run.from_item(item) for (_, name), item in found.items()}

    def ended(self, name: str) -> Run | None:
        """Return a run that has ended; None when there is none of that name."""
        item = self._table.get(f"run#{name}", "run")
        return Run.from_item(item) if item is not None else None

    def advance(self, run: Run, to: Run, *changes: Change, failed: int = 0) -> Run | None:
        """Change the record of an active run, and whatever belongs to it, in one transaction.

        Args:
            run: the record as it was read.
            to: the record afterwards; one whose status is not `RUNNING` has ended, and frees its slots.
            changes: further changes.
            failed: the number of objects that have failed for good.

        Returns:
            The record afterwards; None when another function has changed it.
        """
        to, moved = self._move(run, to)
        freed = self._free(run.weight - to.weight, failed)
        if self._table.transact([*moved, *freed, *changes]) is not None:
            return None
        self._runtime.count(FAILED_OBJECTS, failed)
        return to

    def advance_together(self, steps: Sequence[tuple[Run, Run]]) -> set[str]:
        """Change the records of active runs as `advance` does, in as few transactions as it takes.

        Args:
            steps: the record of each run as it was read, and afterwards.

        Returns:
            The names of the runs of which none was changed by another function.
        """
        advanced: set[str] = set()
        for start in range(0, len(steps), _ADVANCED_TOGETHER):
            some = steps[start : start + _ADVANCED_TOGETHER]
            changes = [change for run, to in some for change in self._move(run, to)[1]]
            changes += self._free(sum(run.weight - to.weight for run, to in some))
            if self._table.transact(changes) is None:
                advanced |= {run.name for run, _ in some}
        return advanced

    def extend_lease(self, run: Run) -> Run | None:
        """Start another attempt on a run; return None when another dispatcher was faster."""
        lease = self._runtime.seconds() + LEASE_SECONDS
        return self.advance(run, replace(run, lease=lease, attempts=run.attempts + 1))

    def put_ended(self, run: Run, condition: str = "") -> Change:
        """Return the change that records a run that has ended."""
        expires = self._runtime.seconds() + KEPT_FOR_SECONDS
        return self._table.put(f"run#{run.name}", "run", replace(run, expires=expires).to_item(), condition)

    def unfinished(self, most: int) -> int:
        """Return the number of executions that wait or run, as far as it matters whether they are so many."""
        item = self._table.get(*_SLOTS)
        count = item.get("count", 0) if item is not None else 0
        if count < most:
            ready = (Run.from_item(one) for one in self._table.query(READY, limit=most) if "members" in one)
            count += sum(1 if run.kind == BATCH else run.objects for run in ready)
        return int(count)

    def failed(self) -> int:
        """Return the number of objects that have failed for good so far."""
        item = self._table.get(*_SLOTS) or {}
        return int(item.get("failed", 0))

    def is_paused(self) -> bool:
        """Return whether somebody has paused the pipeline: nothing gets a slot until it is resumed."""
        return "paused" in (self._table.get(*_SLOTS) or {})

    def is_known(self, name: str) -> bool:
        """Check whether a run waits or has a slot. It is read in the order of its states, so none is missed."""
        if any(item.get("name") == name for item in self._table.query(READY)):
            return True
        return self._table.get(ACTIVE, name) is not None

    def replay(self, run: Run, members: Members) -> Run | None:
        """Repeat a run that has failed, or start one that was set aside, once however often it is requested.

        Returns:
            The run that will start; None when another request was faster.
        """
        if run.status == SET_ASIDE and not run.input:  # it was never started
            again = replace(run, status=WAITING, attempts=0, lease=0, reason="", expires=0, members=members)
            leaving = self._table.delete(f"run#{run.name}", "run", "#version = :was", was=run.version)
        else:
            again = run.again(members)
            leaving = self.put_ended_again(run, REPLAYED)
        return again if self._table.transact([leaving, self.create(again)]) is None else None

    def put_ended_again(self, run: Run, status: str) -> Change:
        """Return the change that gives a run that has ended another status."""
        to = replace(
            run,
            status=status,
            version=self._runtime.new_id(),
            expires=self._runtime.seconds() + KEPT_FOR_SECONDS,
        )
        return self._table.put(f"run#{run.name}", "run", to.to_item(), "#version = :was", was=run.version)

    def spend_replays(self, run: Run, count: int) -> Change:
        """Return the change that counts further executions of a batch, if it may have so many."""
        return self._table.update(
            f"run#{run.origin}",
            "replays",
            "SET #used = if_not_exists(#used, :none) + :more, #expires = :expires",
            "attribute_not_exists(#used) OR #used <= :most",
            none=0,
            more=count,
            most=run.max_replays - count,
            expires=self._runtime.seconds() + KEPT_FOR_SECONDS,
        )

    def may_replay(self, run: Run, count: int) -> bool:
        """Check whether a batch may have so many further executions."""
        if count > run.max_replays:
            return False
        item = self._table.get(f"run#{run.origin}", "replays")
        return (item["used"] if item is not None else 0) + count <= run.max_replays

    def _claim(self, run: Run, free: int | None) -> Run | None:
        """Claim slots for a run, or for as many of its executions as have slots."""
        now = self._runtime.seconds()
        wanted = 1 if run.kind == BATCH else run.objects
        taken = min(wanted, EACH_MAX if free is None else min(free, EACH_MAX))
        if run.kind == EACH and taken < wanted:
            members, others = split(run.members, taken)
            leaving = self._put_ready(replace(run, members=others), "#version = :was", was=run.version)
            run = replace(run, name=digest(run.name, to_text(members)), members=members)
        else:
            leaving = self._table.delete(READY, _ready_key(run), "#version = :was", was=run.version)
        claimed = replace(
            run,
            status=RUNNING,
            version=self._runtime.new_id(),
            attempts=1,
            claimed=now,
            lease=now + LEASE_SECONDS,
            pending=IndexSet(((0, taken - 1),)) if run.kind == EACH else NO_INDEXES,
            # From now on, one of its executions may be started; a batch decides on its input first.
            state_machine=self._runtime.config.state_machine_arn if run.kind == EACH else "",
        )
        changes = [
            leaving,
            self._table.put(ACTIVE, claimed.name, claimed.to_item(), NEW),
            self._take_slots(taken),
        ]
        return claimed if self._table.transact(changes) is None else None

    def _move(self, run: Run, to: Run) -> tuple[Run, list[Change]]:
        """Return the record of a run afterwards, and the changes that replace it."""
        to = replace(to, version=self._runtime.new_id())
        if to.status == RUNNING:
            return to, [self._table.put(ACTIVE, run.name, to.to_item(), "#version = :was", was=run.version)]
        to = replace(to, expires=self._runtime.seconds() + KEPT_FOR_SECONDS)
        return to, [
            self._table.delete(ACTIVE, run.name, "#version = :was", was=run.version),
            self.put_ended(to),
        ]

    def _free(self, count: int, failed: int = 0) -> list[Change]:
        """Return the change that frees slots, if there are any, and counts the objects that have failed for good."""
        if failed:
            expression = "SET #count = #count - :freed, #failed = if_not_exists(#failed, :none) + :more"
            return [self._table.update(*_SLOTS, expression, freed=count, none=0, more=failed)]
        return [self._table.update(*_SLOTS, "SET #count = #count - :freed", freed=count)] if count else []

    def _take_slots(self, taken: int) -> Change:
        limit = self._runtime.config.max_concurrent_jobs
        expression = "SET #count = if_not_exists(#count, :none) + :taken"
        condition = "attribute_not_exists(#paused)"
        if limit is None:
            return self._table.update(*_SLOTS, expression, condition, none=0, taken=taken)
        condition = f"{condition} AND (attribute_not_exists(#count) OR #count <= :most)"
        return self._table.update(*_SLOTS, expression, condition, none=0, taken=taken, most=limit - taken)

    def _free_slots(self) -> int | None:
        """Return the number of free slots; None where slots are unlimited."""
        limit = self._runtime.config.max_concurrent_jobs
        if limit is None:
            return None
        item = self._table.get(*_SLOTS)
        return limit - (item.get("count", 0) if item is not None else 0)

    def _put_ready(self, run: Run, condition: str, **values: object) -> Change:
        run = replace(run, version=self._runtime.new_id())
        return self._table.put(READY, _ready_key(run), run.to_item(), condition, **values)


def _ready_key(run: Run) -> str:
    return f"{run.queued:013}#{run.name}"
