"""The records of scans: listings of the bucket that take what no event has brought.

A backfill takes what is in the bucket, when somebody starts it. A reconciliation takes what no event reported, at
intervals. Each kind has one record, which the next scan of that kind replaces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from s3_trigger.dynamodb import NEW, Change
from s3_trigger.rule_history import KEY as HISTORY
from s3_trigger.rule_history import RuleHistory

if TYPE_CHECKING:
    from s3_trigger.runtime import Runtime

SCAN = "scan"
BACKFILL, RECONCILIATION = "backfill", "reconciliation"
RUNNING, STOPPED, FAILED, DONE = "RUNNING", "STOPPED", "FAILED", "DONE"


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """The parameters of scans, which the rule of every minute sends: a function's environment has no room for them.

    Attributes:
        rules: the names of the rules that send uploads, whose patterns filter the listing.
        pattern: a text that another deployed pattern replaces.
        disabled: whether the rules are disabled, because uploads start nothing.
        reconcile: the seconds between the starts of two reconciliations; 0 for none.
    """

    rules: tuple[str, ...] = ()
    pattern: str = ""
    disabled: bool = False
    reconcile: int = 0

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> ScanPlan:
        """Return the parameters in the event of the rule of every minute. That of an earlier version has no pattern."""
        rules, pattern = tuple(event.get("rules", ())), event.get("pattern", "")
        return cls(rules, pattern, event.get("disabled", False), event.get("reconcile", 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A scan.

    Attributes:
        kind: `BACKFILL` or `RECONCILIATION`.
        id: a text that no other scan has.
        status: `RUNNING`, `STOPPED` (by somebody), `FAILED` (too many objects have failed), or `DONE`.
        reason: why it has failed.
        version: a text that each change of the record replaces.
        started: the time at which it was started, in seconds.
        updated: the time at which it has advanced last, in seconds.
        lease: the time until which nobody else works on it, in seconds.
        since: objects that were modified before are left, in seconds.
        until: objects that were modified at that time or later are left, in seconds.
        within: the prefix that keys must have.
        again: whether objects are taken that the ledger knows or has forgotten, 0 or 1.
        dry: whether objects are counted, and not taken, 0 or 1.
        concurrency: the number of executions that may wait and run before it goes on.
        tolerated: the number of objects that may fail before it stops; -1 for any.
        failed_before: the number of objects of the trigger that had failed when it was started.
        forgotten_since: the time at which the ledger was created, in seconds.
        forgotten_until: the time before which the ledger has forgotten uploads, in seconds.
        filter: what identifies the bucket and the filter that it lists by; empty until it has begun.
        marker: the last key that it has looked at.
        part: the part of the ledger's uploads that it compares with.
        parts: the number of parts.
        pages: the number of requests for a page.
        listed: the number of objects that it has looked at.
        matched: the number of those that the rules send, within the times and the prefix.
        known: the number of matching objects that were taken before.
        forgotten: the number of matching objects of which the ledger does not know whether they were taken before.
        folders: the number of objects whose key ends in a slash.
        expected: the number of objects that a dry run has listed before; 0 if there was none.
        taken: the number of objects that it has taken, or would take.
        taken_bytes: their size.
        jobs: the number of batches that a dry run has filled.
        groups: the objects of the batches that a dry run has not filled, compressed.
    """

    kind: str
    id: str
    status: str = RUNNING
    reason: str = ""
    version: str = ""
    started: int = 0
    updated: int = 0
    lease: int = 0
    since: int = 0
    until: int = 0
    within: str = ""
    again: int = 0
    dry: int = 0
    concurrency: int = 1
    tolerated: int = -1
    failed_before: int = 0
    forgotten_since: int = 0
    forgotten_until: int = 0
    filter: str = ""
    marker: str = ""
    part: int = 0
    parts: int = 1
    pages: int = 0
    listed: int = 0
    matched: int = 0
    known: int = 0
    forgotten: int = 0
    folders: int = 0
    expected: int = 0
    taken: int = 0
    taken_bytes: int = 0
    jobs: int = 0
    groups: bytes = b""

    @property
    def partition(self) -> str:
        """The partition of the stretches from which it has taken uploads."""
        return f"listing#{self.id}#{self.part}"

    @classmethod
    def from_item(cls, item: dict[str, Any]) -> Scan:
        """Return the scan of a record."""
        return cls(**{one.name: item[one.name] for one in fields(cls) if one.name in item})

    def to_item(self) -> dict[str, Any]:
        """Return the fields of its record."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


class Scans:
    """The records of scans in the ledger's table.

    Args:
        runtime: the function's runtime.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._table = runtime.table

    def all(self) -> tuple[dict[str, Scan], RuleHistory]:
        """Return the last scan of each kind, and what the rules were about, in one request."""
        keys = [(SCAN, BACKFILL), (SCAN, RECONCILIATION)]
        found = self._table.get_many([*keys, HISTORY])
        scans = {key[1]: Scan.from_item(found[key]) for key in keys if key in found}
        return scans, RuleHistory.from_item(found.get(HISTORY))

    def get(self, kind: str) -> Scan | None:
        """Return the scan of a kind; None if there was none."""
        item = self._table.get(SCAN, kind)
        return Scan.from_item(item) if item is not None else None

    def put(self, before: Scan | None, scan: Scan) -> Scan | None:
        """Change a record; return None when somebody else has changed it."""
        scan, change = self.change(before, scan)
        return scan if self._table.apply(change) else None

    def change(self, before: Scan | None, scan: Scan) -> tuple[Scan, Change]:
        """Return a record afterwards, and the change that puts it if nobody else has changed it."""
        scan = replace(scan, version=self._runtime.new_id())
        if before is None:
            return scan, self._table.put(SCAN, scan.kind, scan.to_item(), NEW)
        return scan, self._table.put(SCAN, scan.kind, scan.to_item(), "#version = :was", was=before.version)
