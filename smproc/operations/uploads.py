"""The uploads of a pipeline: where each of them is, and in which execution."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from cdk_sagemaker_processing.model.s3_uri import S3Uri
from smproc.operations.execution_lists import EXECUTIONS_PAGE, Execution, describe, pages_of_executions
from smproc.operations.ledger import Ledger, LedgerRun, OpenBatch, Range, Row, count_of, has_row

if TYPE_CHECKING:
    from boto3 import Session

    from smproc.operations.pipeline import Pipeline

State = Literal[
    "RECEIVED",
    "BATCHED",
    "WAITING",
    "STARTING",
    "RUNNING",
    "SUCCEEDED",
    "FAILED",
    "TIMED_OUT",
    "ABORTED",
    "DEAD_LETTER",
    "UNKNOWN",
]
# What each state means, for the help of the commands and for people who look at one upload.
STATES: Final[Mapping[State, str]] = {
    "RECEIVED": "taken from the queue, and not yet in a batch or a run",
    "BATCHED": "in a batch that still takes uploads",
    "WAITING": "waits for a slot: max_concurrent_jobs executions run, or the pipeline is paused",
    "STARTING": "its execution is being started",
    "RUNNING": "its execution runs",
    "SUCCEEDED": "its execution succeeded",
    "FAILED": "its execution failed",
    "TIMED_OUT": "its execution timed out",
    "ABORTED": "somebody stopped its execution",
    "DEAD_LETTER": "in the dead-letter queue, and not in an execution",
    "UNKNOWN": "neither an execution nor the ledger tells any more",
}
FAILED_STATES: Final = frozenset({"FAILED", "TIMED_OUT", "ABORTED", "DEAD_LETTER"})
_HALVED, _EMPTY, _SET_ASIDE, _REPLAYED = "HALVED", "EMPTY", "SET_ASIDE", "REPLAYED"
# Executions are listed by the time of their start; the clocks of the services may differ.
_CLOCKS_SECONDS = 60
# The halves of a batch of 100,000 objects are single objects after so many bisections.
_LEVELS_MAX = 18
_EXECUTIONS_READ_TOGETHER = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRecord:
    """An upload and what became of it.

    Attributes:
        bucket: the bucket's name.
        key: the object's key.
        received: the time at which the pipeline took it.
        state: a key of `STATES`.
        is_retry: whether it is a repetition that somebody asked for.
        objects: the number of objects in its execution, or in its batch so far; 1 for single objects.
        execution: its last execution; None before, or without.
        reason: why it does not start, as far as the ledger tells.
        run: the name of the run that it is in; empty before.
    """

    bucket: str
    key: str
    received: datetime
    state: State
    is_retry: bool = False
    objects: int = 1
    execution: Execution | None = None
    reason: str = ""
    run: str = ""

    @property
    def uri(self) -> str:
        """The object's S3 URI."""
        return str(S3Uri(self.bucket, self.key))


class UploadReader:
    """The uploads of a pipeline, from its ledger and the list of its executions.

    Args:
        pipeline: the pipeline.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        pipeline.needs_dispatcher()
        self._session: Session = pipeline.session
        self._state_machine_arn = pipeline.state_machine_arn
        self.ledger = Ledger(pipeline.session, pipeline.table)
        self._live: tuple[Mapping[str, int], Sequence[OpenBatch], Sequence[LedgerRun], Sequence[LedgerRun]] | None = (
            None
        )
        self._executions: dict[str, Execution] = {}
        self._listed_since = float("inf")
        self._pages = pages_of_executions(self._session, self._state_machine_arn)
        self._ended: dict[str, LedgerRun] = {}
        self._aside: tuple[float, Sequence[LedgerRun]] = (float("inf"), ())
        self._copies: dict[tuple[str, ...], list[Row]] = {}

    def newest(self, since: datetime, *, limit: int, keep: Callable[[UploadRecord], bool]) -> list[UploadRecord]:
        """Return the newest uploads.

        Args:
            since: uploads that were received before are left out.
            limit: the maximum number of uploads.
            keep: returns whether an upload is wanted.
        """
        found: list[UploadRecord] = []
        waiting = sorted(self.ledger.inbox(), key=lambda row: -row.received)
        groups: Iterable[list[Row]] = itertools.chain(
            [waiting], self.ledger.units(since.timestamp(), newest_first=True, copies=True)
        )
        for rows in groups:
            if self._are_copies(rows):
                continue
            recent = [row for row in rows if row.received >= since.timestamp() - _CLOCKS_SECONDS]
            found += [record for record in self.records(recent) if keep(record)]
            if len(found) >= limit:
                break
        return sorted(found, key=lambda record: record.received, reverse=True)[:limit]

    def rows(self, since: datetime) -> list[Row]:
        """Return the uploads as the ledger has them, the oldest first.

        Args:
            since: uploads that were sealed before are left out.
        """
        waiting = list(self.ledger.inbox())  # first, so that none is missed that is sealed meanwhile
        units = self.ledger.units(since.timestamp(), copies=True)
        sealed = [row for rows in units if not self._are_copies(rows) for row in rows]
        known = {row.identity for row in sealed}
        return sealed + [row for row in waiting if row.identity not in known]

    def of_key(self, key: str, since: datetime) -> list[UploadRecord]:
        """Return the uploads of a key, the oldest first.

        Args:
            key: the object's key.
            since: uploads that were received before are left out.
        """
        units = self.ledger.units(since.timestamp() - _CLOCKS_SECONDS, copies=True)
        wanted = ([row for row in rows if row.key == key] for rows in units)
        rows = [row for rows in wanted if not self._are_copies(rows) for row in rows]
        rows = rows or [row for row in self.ledger.inbox() if row.key == key]
        self._list_page()
        oldest = min((one.started.timestamp() for one in self._executions.values()), default=0.0)
        are_many = len(self._executions) >= EXECUTIONS_PAGE
        for row in rows if are_many else ():
            # Of a single object, one request tells as much as thousands of executions that started since.
            if row.unit and row.execution_name not in self._executions and oldest > row.received - _CLOCKS_SECONDS:
                execution = describe(self._session, self._state_machine_arn, row.execution_name)
                if execution is not None:
                    self._executions[execution.name] = execution
        return self.records(rows)

    def records(self, rows: Sequence[Row]) -> list[UploadRecord]:
        """Return what became of some uploads."""
        if not rows:
            return []
        since = min(row.received for row in rows) - _CLOCKS_SECONDS
        unresolved: list[Row] = []
        records: dict[Row, UploadRecord] = {}
        for row in rows:
            execution = self._execution(row.execution_name, since) if row.unit else None
            if execution is not None:
                records[row] = _record(row, execution=execution, run=execution.name)
            else:
                unresolved.append(row)
        if unresolved:
            runs = self._runs_of_batches(since, unresolved)
            for row in unresolved:
                records[row] = self._of_batch(row, runs) or self._live_record(row) or self._without_execution(row)
        return [records[row] for row in rows]

    def executions(self, since: float) -> dict[str, Execution]:
        """Return the executions of the pipeline that started after a time, by their names, the newest first."""
        self._list(since)
        return self._executions

    def _execution(self, name: str, since: float) -> Execution | None:
        if name not in self._executions:
            self._list(since)
        return self._executions.get(name)

    def _list(self, since: float) -> None:
        """Read the list of executions, from the newest, until one started before a time."""
        while self._listed_since > since and self._list_page():
            pass

    def _list_page(self) -> bool:
        """Read a page of the list of executions; return False if it was the last one."""
        page = next(self._pages, None)
        if page is None:
            self._listed_since = 0.0
            return False
        self._executions |= {execution.name: execution for execution in page}
        self._listed_since = min((one.listed_at.timestamp() for one in page), default=0.0)
        return True

    def _runs_of_batches(self, since: float, rows: Sequence[Row]) -> list[LedgerRun]:
        """Return the runs that have had executions, or that repeat parts of those, the oldest first."""
        names = [name for name in self.executions(since) if name not in self._ended]
        for start in range(0, len(names), _EXECUTIONS_READ_TOGETHER):
            self._ended |= self.ledger.ended(names[start : start + _EXECUTIONS_READ_TOGETHER])
        # A half that was never started has no execution that names it.
        for _ in range(_LEVELS_MAX):
            halves = {
                name
                for run in self._ended.values()
                if run.status == _HALVED and any(self._has(run.members, row) for row in rows)
                for name, members in run.halves()
                if name not in self._ended and any(self._has(members, row) for row in rows)
            }
            found = self.ledger.ended(halves)
            if not found:
                break
            self._ended |= found
        return sorted(self._ended.values(), key=lambda run: (run.claimed, run.queued))

    def _of_batch(self, row: Row, runs: Sequence[LedgerRun]) -> UploadRecord | None:
        """Return the record of an upload whose batch is running or has ended."""
        ended = [run for run in runs if self._has(run.members, row) and run.status != _HALVED]
        if not ended or ended[-1].status == _REPLAYED:
            active = [run for run in self._live_state()[3] if run.kind == "batch" and self._has(run.members, row)]
            waiting = [run for run in self._live_state()[2] if self._has(run.members, row)]
        else:
            active, waiting = [], []  # nothing repeats it
        if active:
            return _of_run(row, active[-1], self._executions.get(active[-1].name), "STARTING")
        if waiting or not ended:
            return None  # it waits, perhaps after a bisection
        run = ended[-1]
        execution = self._executions.get(run.name)
        return _of_run(row, run, execution, "DEAD_LETTER" if run.status in (_SET_ASIDE, _EMPTY) else "UNKNOWN")

    def _live_record(self, row: Row) -> UploadRecord | None:
        """Return the record of an upload that waits for its execution; None if nothing has it any more."""
        if not row.unit:
            return _record(row, state="RECEIVED")
        cursors, batches, ready, active = self._live_state()
        if row.number >= cursors.get(row.unit, row.number + 1):
            return _record(row, state="RECEIVED")
        for batch in batches:
            if self._has(batch.members, row):
                return _record(row, state="BATCHED", objects=count_of(batch.members))
        for run in ready:
            if self._has(run.members, row):
                return _of_run(row, run, None, "WAITING")
        for run in active:
            if self._has(run.members, row):
                # The other uploads of the run may have executions while this one never gets one.
                dead = self._set_aside(row) if run.kind == "each" else None
                return dead or _of_run(row, run, None, "STARTING")
        return None

    def _without_execution(self, row: Row) -> UploadRecord:
        """Return the record of an upload that nothing has any more."""
        return self._set_aside(row) or _record(row, state="UNKNOWN")

    def _set_aside(self, row: Row) -> UploadRecord | None:
        """Return the record of an upload that became a dead letter without an execution; None of any other."""
        since, runs = self._aside
        if row.received - _CLOCKS_SECONDS < since:
            since = row.received - _CLOCKS_SECONDS
            runs = self.ledger.aside(since)
            self._aside = since, runs
        found = [run for run in runs if self._has(run.members, row)]
        return _of_run(row, found[-1], None, "DEAD_LETTER") if found else None

    def _are_copies(self, rows: Sequence[Row]) -> bool:
        """Return whether the rows of a unit are copies of others, and remember them then."""
        copies = [row for row in rows if not row.received]
        for row in copies:
            self._copies.setdefault(row.identity, []).append(row)
        return bool(copies)

    def _has(self, members: Sequence[Range], row: Row) -> bool:
        """Return whether an upload, or a copy of it, is in some rows of units."""
        return has_row(members, row) or any(has_row(members, one) for one in self._copies.get(row.identity, ()))

    def _live_state(
        self,
    ) -> tuple[Mapping[str, int], Sequence[OpenBatch], Sequence[LedgerRun], Sequence[LedgerRun]]:
        if self._live is None:
            # In the order in which an upload moves on, so that none is missed.
            ledger = self.ledger
            self._live = ledger.cursors(), ledger.open_batches(), ledger.ready(), ledger.active()
        return self._live


def _of_run(row: Row, run: LedgerRun, execution: Execution | None, otherwise: State) -> UploadRecord:
    if execution is None:
        objects = run.objects if run.kind == "batch" else 1
        return _record(row, state=otherwise, objects=objects, reason=run.reason, run=run.name)
    return _record(row, execution=execution, objects=run.objects, reason=run.reason, run=run.name)


def _record(
    row: Row,
    *,
    state: State = "UNKNOWN",
    execution: Execution | None = None,
    objects: int = 1,
    reason: str = "",
    run: str = "",
) -> UploadRecord:
    return UploadRecord(
        bucket=row.bucket,
        key=row.key,
        received=datetime.fromtimestamp(row.received, tz=UTC),
        state=_state_of(execution) if execution is not None else state,
        is_retry=bool(row.replay),
        objects=objects,
        execution=execution,
        reason=reason,
        run=run,
    )


def _state_of(execution: Execution) -> State:
    for state in STATES:
        if state == execution.status:
            return state
    return "RUNNING"
