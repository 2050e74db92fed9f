"""The work of an execution in each state, by its history.

See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from smproc.graphs.runs import ExecutionRun, StateRun, Status
from smproc.operations.executions import describe_execution

if TYPE_CHECKING:
    from boto3 import Session

_STARTS_OF_TRIES = frozenset(
    {
        "ActivityScheduled",
        "LambdaFunctionScheduled",
        "MapRunStarted",
        "MapStateStarted",
        "ParallelStateStarted",
        "TaskScheduled",
    }
)
_FAILED_TRIES = frozenset(
    {
        "LambdaFunctionFailed",
        "LambdaFunctionTimedOut",
        "TaskFailed",
        "TaskStartFailed",
        "TaskSubmitFailed",
        "TaskTimedOut",
    }
)
_ITERATIONS = {
    "MapIterationStarted": "started",
    "MapIterationSucceeded": "succeeded",
    "MapIterationFailed": "failed",
    "MapIterationAborted": "aborted",
}
_MAP_RUN_COUNTS = ("pending", "running", "succeeded", "failed", "timedOut", "aborted")
_GOES_ON = ("RUNNING", "PENDING_REDRIVE")


def read_execution(session: Session, execution_arn: str) -> tuple[str, ExecutionRun]:
    """Return the definition with which an execution was started, and what the execution has done.

    A Distributed Map's child executions are executions of their own: their numbers are those of DescribeMapRun.

    Args:
        session: a boto3 session.
        execution_arn: the ARN of the execution, which may still run.

    Raises:
        NothingToRetryError: there is no such execution.
    """
    client = session.client("stepfunctions")
    execution = describe_execution(session, execution_arn)
    definition = client.describe_state_machine_for_execution(executionArn=execution_arn)["definition"]
    return definition, execution_run(session, execution, events_of(session, execution_arn))


def events_of(session: Session, execution_arn: str) -> Iterator[Mapping[str, Any]]:
    """Yield the events of an execution, in their order.

    Args:
        session: a boto3 session.
        execution_arn: the ARN of the execution.
    """
    pages = session.client("stepfunctions").get_paginator("get_execution_history")
    for page in pages.paginate(executionArn=execution_arn):
        yield from page["events"]


def failure_to_repeat(events: Iterable[Mapping[str, Any]]) -> str:
    """Return why the last try of a task failed that an execution is about to try again; empty if there is none.

    Args:
        events: the last events of an execution that runs, in any order.
    """
    some = list(events)
    continued = {event.get("previousEventId") for event in some}
    for event in some:
        if event["type"] in _FAILED_TRIES and event["id"] not in continued:
            details: Mapping[str, Any] = next(value for name, value in event.items() if name.endswith("EventDetails"))
            return ": ".join(filter(None, (details.get("error", ""), details.get("cause", "")))) or event["type"]
    return ""


def execution_run(session: Session, execution: Mapping[str, Any], events: Iterable[Mapping[str, Any]]) -> ExecutionRun:
    """Return what an execution has done.

    Args:
        session: a boto3 session.
        execution: the response of DescribeExecution.
        events: the execution's events, in their order.
    """
    client = session.client("stepfunctions")
    history = History(status=execution["status"], now=execution.get("stopDate") or datetime.now(tz=UTC))
    history.add(events)
    for entry in history.entries:
        if entry.map_run_arn:
            counts: Mapping[str, Any] = client.describe_map_run(mapRunArn=entry.map_run_arn)["itemCounts"]
            entry.iterations = {"started": counts["total"]} | {
                name.replace("timedOut", "timed out"): counts[name] for name in _MAP_RUN_COUNTS
            }
    return ExecutionRun(
        name=execution["name"],
        status=execution["status"],
        seconds=(history.now - execution["startDate"]).total_seconds(),
        redrives=execution.get("redriveCount", 0),
        error=execution.get("error", ""),
        states=history.runs(),
    )


@dataclass(slots=True, eq=False)
class _Entry:
    """One time that the execution entered a state, and the entry before it in its branch, or around it."""

    name: str
    started: datetime
    before: _Entry | None
    tries: int = 0
    ended: datetime | None = None
    exited: bool = False
    error: str = ""
    cause: str = ""
    timed_out: bool = False
    map_run_arn: str = ""
    iterations: dict[str, int] = field(default_factory=dict)


class History:
    """The entries of states that the events of an execution tell, in the order of the events.

    Args:
        status: the status of the execution.
        now: its end, or the time until which a running one is measured.
    """

    def __init__(self, *, status: str, now: datetime) -> None:
        self.now = now
        self.entries: list[_Entry] = []
        self._goes_on = status in _GOES_ON
        self._of_event: dict[int, _Entry | None] = {}
        self._failed_at: datetime | None = None
        self._pauses: list[tuple[datetime, datetime]] = []

    def add(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Add events, which continue those before them."""
        for event in events:
            self._of_event[event["id"]] = self._add(event, self._of_event.get(event.get("previousEventId", 0)))

    def _add(self, event: Mapping[str, Any], before: _Entry | None) -> _Entry | None:
        """Add an event; return the entry to which the event belongs."""
        kind, at = event["type"], event["timestamp"]
        details: Mapping[str, Any] = next((value for name, value in event.items() if name.endswith("EventDetails")), {})
        if kind.endswith("StateEntered"):
            self.entries.append(_Entry(name=details["name"], started=at, before=before))
            return self.entries[-1]
        if kind.endswith("StateExited"):
            entry = self._open(before, details["name"])
            if entry is not None:
                entry.ended, entry.exited = at, True
            return entry
        if kind == "ExecutionRedriven" and self._failed_at is not None:
            self._pauses.append((self._failed_at, at))
        elif kind in ("ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"):
            self._failed_at = at
        if kind in _ITERATIONS:
            entry = self._open(before, details["name"])
            if entry is not None:
                word = _ITERATIONS[kind]
                entry.iterations[word] = entry.iterations.get(word, 0) + 1
            return entry
        if kind.startswith(("Parallel", "MapState", "MapRun")):
            before = self._around(before, kind)
        if before is not None:
            self._note(before, kind, details, at)
        return before

    def _note(self, entry: _Entry, kind: str, details: Mapping[str, Any], at: datetime) -> None:
        if kind in _STARTS_OF_TRIES:
            entry.tries += 1
            entry.error = entry.cause = ""
            entry.ended, entry.timed_out = None, False
            entry.map_run_arn = details.get("mapRunArn", entry.map_run_arn)
            if kind == "MapStateStarted":
                entry.iterations = {}
        elif kind.endswith(("Failed", "TimedOut")) and not entry.exited:
            entry.error = entry.error or details.get("error", "") or ("States.Timeout" if "TimedOut" in kind else kind)
            entry.cause = entry.cause or details.get("cause", "")
            entry.timed_out = kind.endswith("TimedOut")
            entry.ended = entry.ended or at
            if kind == "ExecutionFailed":
                # An error that no event of the state tells fails the states around it, too.
                for around in _chain(entry.before):
                    if not around.exited and around.tries and not around.error:
                        around.error, around.ended = entry.error, at

    def _open(self, entry: _Entry | None, name: str) -> _Entry | None:
        """Return the entry of a state that is not yet left: the nearest one in the branch and around it."""
        nearest = next((one for one in _chain(entry) if one.name == name and not one.exited), None)
        return nearest or next((one for one in reversed(self.entries) if one.name == name and not one.exited), None)

    @staticmethod
    def _around(entry: _Entry | None, kind: str) -> _Entry | None:
        """Return the Parallel or Map state that an event is about; the event follows the last one inside it."""
        if kind in _STARTS_OF_TRIES and entry is not None and not entry.tries:
            return entry
        return next((one for one in _chain(entry) if not one.exited and (one.tries or one is entry)), entry)

    def runs(self) -> dict[str, StateRun]:
        """Return what the execution has done in each state that it has entered."""
        grouped: dict[str, list[_Entry]] = {}
        for entry in self.entries:
            grouped.setdefault(entry.name, []).append(entry)
        return {name: self._run(entries) for name, entries in grouped.items()}

    def _run(self, entries: list[_Entry]) -> StateRun:
        last = entries[-1]
        iterations: dict[str, int] = {}
        for entry in entries:
            for word, count in entry.iterations.items():
                iterations[word] = iterations.get(word, 0) + count
        return StateRun(
            status=self._status(last),
            entries=len(entries),
            tries=sum(max(entry.tries, 1) for entry in entries),
            seconds=sum(map(self._seconds, entries)),
            error=last.error,
            cause=last.cause,
            iterations=iterations,
        )

    def _status(self, entry: _Entry) -> Status:
        if entry.exited:
            return "CAUGHT" if entry.error else "SUCCEEDED"
        if entry.error and not self._goes_on:
            return "TIMED_OUT" if entry.timed_out else "FAILED"
        return "RUNNING" if self._goes_on else "ABORTED"

    def _seconds(self, entry: _Entry) -> float:
        ended = entry.ended or (self._failed_at if not self._goes_on else None) or self.now
        idle = sum(
            (min(ended, until) - max(entry.started, since)).total_seconds()
            for since, until in self._pauses
            if min(ended, until) > max(entry.started, since)
        )
        return max((ended - entry.started).total_seconds() - idle, 0.0)


def _chain(entry: _Entry | None) -> Iterator[_Entry]:
    while entry is not None:
        yield entry
        entry = entry.before
