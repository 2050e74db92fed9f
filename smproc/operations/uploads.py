"""The uploads of a pipeline: where each of them is, and in which execution."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from botocore.exceptions import ClientError

from cdk_sagemaker_processing.model.s3_uri import S3Uri
from smproc.operations.executions import FAILED_STATUSES
from smproc.operations.ledger import Ledger, LedgerRun, OpenBatch, Row, has_row

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
_HALVED, _EMPTY, _SET_ASIDE = "HALVED", "EMPTY", "SET_ASIDE"
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
_PAGE_SIZE = 1000
# Executions are listed by the time of their start; the clocks of the services may differ.
_CLOCKS_SECONDS = 60
# The halves of a batch of 100,000 objects are single objects after so many bisections.
_LEVELS_MAX = 18
_EXECUTIONS_READ_TOGETHER = 1000
_LONGEST = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """An execution, as ListExecutions shows it.

    Attributes:
        name: its name.
        arn: its ARN.
        status: ``RUNNING``, ``SUCCEEDED``, ``FAILED``, ``TIMED_OUT``, ``ABORTED`` or ``PENDING_REDRIVE``.
        started: the time of its start.
        ended: the time of its end; None while it runs.
        redriven: the time of its last redrive; None if it was not redriven.
    """

    name: str
    arn: str
    status: str
    started: datetime
    ended: datetime | None = None
    redriven: datetime | None = None

    @property
    def listed_at(self) -> datetime:
        """The latest of its times.

        "Results are sorted by time, with the most recent execution first", AWS says, and not by which of the times.

        See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
        """
        return max(time for time in (self.started, self.ended, self.redriven) if time is not None)

    @property
    def seconds(self) -> float:
        """The time that it took, or has run until now."""
        return ((self.ended or datetime.now(UTC)) - self.started).total_seconds()


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
            [waiting], self.ledger.units(since.timestamp(), newest_first=True)
        )
        for rows in groups:
            recent = [row for row in rows if row.received >= since.timestamp() - _CLOCKS_SECONDS]
            found += [record for record in self.records(recent) if keep(record)]
            if len(found) >= limit:
                break
        return sorted(found, key=lambda record: record.received, reverse=True)[:limit]

    def of_key(self, key: str, since: datetime) -> list[UploadRecord]:
        """Return the uploads of a key, the oldest first.

        Args:
            key: the object's key.
            since: uploads that were received before are left out.
        """
        rows = [
            row for some in self.ledger.units(since.timestamp() - _CLOCKS_SECONDS) for row in some if row.key == key
        ]
        rows = rows or [row for row in self.ledger.inbox() if row.key == key]
        self._list_page()
        oldest = min((one.started.timestamp() for one in self._executions.values()), default=0.0)
        for row in rows:
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
                records[row] = self._of_batch(row, runs) or self._live_record(row)
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
                if run.status == _HALVED and any(run.has(row) for row in rows)
                for name, members in run.halves()
                if name not in self._ended and any(has_row(members, row) for row in rows)
            }
            found = self.ledger.ended(halves)
            if not found:
                break
            self._ended |= found
        return sorted(self._ended.values(), key=lambda run: (run.claimed, run.queued))

    def _of_batch(self, row: Row, runs: Sequence[LedgerRun]) -> UploadRecord | None:
        """Return the record of an upload whose batch is running or has ended."""
        active = [run for run in self._live_state()[3] if run.kind == "batch" and run.has(row)]
        waiting = [run for run in self._live_state()[2] if run.has(row)]
        ended = [run for run in runs if run.has(row) and run.status != _HALVED]
        if active:
            return _of_run(row, active[-1], self._executions.get(active[-1].name), "STARTING")
        if waiting or not ended:
            return None  # it waits, perhaps after a bisection
        run = ended[-1]
        execution = self._executions.get(run.name)
        return _of_run(row, run, execution, "DEAD_LETTER" if run.status in (_SET_ASIDE, _EMPTY) else "UNKNOWN")

    def _live_record(self, row: Row) -> UploadRecord:
        """Return the record of an upload that no execution has."""
        if not row.unit:
            return _record(row, state="RECEIVED")
        cursors, batches, ready, active = self._live_state()
        if row.number >= cursors.get(row.unit, row.number + 1):
            return _record(row, state="RECEIVED")
        for batch in batches:
            if has_row(batch.members, row):
                return _record(row, state="BATCHED", objects=sum(last - first + 1 for _, first, last in batch.members))
        for state, runs in (("WAITING", ready), ("STARTING", active)):
            for run in runs:
                if run.has(row):
                    return _record(
                        row,
                        state="WAITING" if state == "WAITING" else "STARTING",
                        objects=run.objects if run.kind == "batch" else 1,
                        reason=run.reason,
                        run=run.name,
                    )
        return _record(row, state="UNKNOWN")

    def _live_state(
        self,
    ) -> tuple[Mapping[str, int], Sequence[OpenBatch], Sequence[LedgerRun], Sequence[LedgerRun]]:
        if self._live is None:
            # In the order in which an upload moves on, so that none is missed.
            ledger = self.ledger
            self._live = ledger.cursors(), ledger.open_batches(), ledger.ready(), ledger.active()
        return self._live


def pages_of_executions(
    session: Session, state_machine_arn: str, *, status: str | None = None, page_size: int = _PAGE_SIZE
) -> Iterator[list[Execution]]:
    """Yield the executions of a state machine, the newest first, up to 1,000 at a time.

    Args:
        session: a boto3 session.
        state_machine_arn: the state machine.
        status: those with this status alone. Default: all.
        page_size: the maximum number at a time, 1 to 1,000.
    """
    pages = session.client("stepfunctions").get_paginator("list_executions")
    wanted: Any = {} if status is None else {"statusFilter": status}
    for page in pages.paginate(
        stateMachineArn=state_machine_arn, PaginationConfig={"PageSize": min(page_size, _PAGE_SIZE)}, **wanted
    ):
        yield [_execution_of(listed) for listed in page["executions"]]


def failed_executions(session: Session, state_machine_arn: str, *, since: datetime) -> Iterator[Execution]:
    """Yield the executions of a state machine that failed, timed out or were stopped.

    Args:
        session: a boto3 session.
        state_machine_arn: the state machine.
        since: executions that ended before are left out, and so are those that started more than a day before.
    """
    paginator = session.client("stepfunctions").get_paginator("list_executions")
    for status in FAILED_STATUSES:
        pages = paginator.paginate(
            stateMachineArn=state_machine_arn, statusFilter=status, PaginationConfig={"PageSize": _PAGE_SIZE}
        )
        for execution in (_execution_of(listed) for page in pages for listed in page["executions"]):
            if execution.started < since - _LONGEST:
                break  # the newest is the first
            if execution.ended is not None and execution.ended >= since:
                yield execution


def describe(session: Session, state_machine_arn: str, name: str) -> Execution | None:
    """Return an execution of a state machine by its name; None if there is none."""
    arn = f"{state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
    try:
        return _execution_of(session.client("stepfunctions").describe_execution(executionArn=arn))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
            raise
        return None


def _execution_of(listed: Mapping[str, Any]) -> Execution:
    return Execution(
        name=listed["name"],
        arn=listed["executionArn"],
        status=listed["status"],
        started=listed["startDate"],
        ended=listed.get("stopDate"),
        redriven=listed.get("redriveDate"),
    )


def _of_run(row: Row, run: LedgerRun, execution: Execution | None, otherwise: State) -> UploadRecord:
    if execution is None:
        return _record(row, state=otherwise, objects=run.objects, reason=run.reason, run=run.name)
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
