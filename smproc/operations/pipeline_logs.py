"""The logs of all jobs of a pipeline as one."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from smproc.operations.execution_jobs import jobs_of_execution
from smproc.operations.execution_lists import describe
from smproc.operations.logs import JobLog
from smproc.operations.pipeline_executions import executions_of

if TYPE_CHECKING:
    from smproc.operations.execution_lists import Execution
    from smproc.operations.pipeline import Pipeline

# Lines of each host that are held in memory.
_PAGE_SIZE = 1000
_MIN_PAUSE, _MAX_PAUSE, _PAUSE_GROWTH = 1.0, 5.0, 1.5
# The clocks of services may differ, and the last lines of a job may arrive after its end.
_CLOCKS, _SETTLING = timedelta(seconds=60), timedelta(seconds=10)
# Executions are listed by their start: one that printed since a time may have started long before.
_LONGEST = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineLine:
    """A line that a job of a pipeline printed.

    Attributes:
        at: the time of the line, as its host noted it.
        execution: the name of the execution.
        step: the state that created the job.
        host: the host, e.g. ``algo-1``.
        text: the line.
        job: the job's name.
    """

    at: datetime
    execution: str
    step: str
    host: str
    text: str
    job: str


@dataclass(slots=True)
class _Live:
    """An execution whose jobs may print more: their steps and logs by their names, and child executions that ended."""

    execution: Execution
    since: datetime
    logs: dict[str, tuple[str, JobLog]] = field(default_factory=dict)
    children: set[str] = field(default_factory=set)


class PipelineLog:
    """The log of all jobs of a pipeline.

    Only executions that run are held in memory, with a page of the lines of each host.

    Args:
        pipeline: the pipeline.
        since: lines before this time are left out. Executions that started more than a day before it are only looked
            at if they still run.
    """

    def __init__(self, pipeline: Pipeline, *, since: datetime) -> None:
        self._pipeline = pipeline
        self._client = pipeline.session.client("logs")
        self._since = since
        self._horizon = since - _LONGEST
        self._live: dict[str, _Live] = {}
        self._done: dict[str, Execution] = {}

    def lines(self, *, follow: bool = False) -> Iterator[PipelineLine]:
        """Yield the lines by their times.

        Args:
            follow: whether to go on, with the jobs that start meanwhile, until the caller stops.
        """
        found = sorted(self._discovered(), key=lambda one: one.started)
        printing = [one for one in found if one.ended is None or one.ended >= self._since - _CLOCKS]
        # An execution is opened when the lines of those before it reach its start, so few are open at a time.
        yield from merged((one.started, self._lines_of(one)) for one in printing)
        self._done |= {one.arn: one for one in found if one not in printing}
        pause = _MIN_PAUSE
        while follow:
            time.sleep(pause)
            pause = min(pause * _PAUSE_GROWTH, _MAX_PAUSE)
            for line in heapq.merge(*map(self._lines_of, self._discovered()), key=lambda one: one.at):
                yield line
                pause = _MIN_PAUSE

    def _discovered(self) -> list[Execution]:
        """Return the executions that may have printed since the last call, as they are now."""
        now = datetime.now(UTC)
        since = self._horizon - _CLOCKS
        # The running ones first: one that ends between the two requests is in the second answer, with its end.
        running = executions_of(self._pipeline, status="RUNNING")
        recent = executions_of(self._pipeline, since=since)
        found = {one.arn: one for one in itertools.chain(running, recent) if not self._is_done(one)}
        for arn, live in self._live.items():
            if arn not in found:
                again = describe(self._pipeline.session, self._pipeline.state_machine_arn, live.execution.name)
                found[arn] = again or live.execution
        self._horizon = now
        self._done = {arn: one for arn, one in self._done.items() if one.listed_at >= since}
        return list(found.values())

    def _is_done(self, execution: Execution) -> bool:
        """Return whether an execution has been read to its end, and was not redriven since."""
        done = self._done.get(execution.arn)
        return done is not None and done.ended == execution.ended

    def _lines_of(self, execution: Execution) -> Iterator[PipelineLine]:
        """Yield what is new of an execution's jobs, those of all hosts by their times."""
        since = self._since
        if self._done.pop(execution.arn, None) is not None and execution.redriven is not None:
            since = max(since, execution.redriven)
        live = self._live.setdefault(execution.arn, _Live(execution, since))
        live.execution = execution
        for job in jobs_of_execution(self._pipeline.session, execution.arn, done=live.children):
            if job.name and job.name not in live.logs:
                log = JobLog(
                    self._pipeline.session, job.name, since=live.since, page_size=_PAGE_SIZE, client=self._client
                )
                live.logs[job.name] = job.step, log
        sources = (_named(log, step, execution.name) for step, log in live.logs.values())
        yield from heapq.merge(*sources, key=lambda one: one.at)
        if execution.ended is not None and datetime.now(UTC) - execution.ended > _SETTLING:
            self._done[execution.arn] = execution
            del self._live[execution.arn]


def merged(sources: Iterable[tuple[datetime, Iterator[PipelineLine]]]) -> Iterator[PipelineLine]:
    """Yield the lines of some sources by their times; a source is asked for its first line when that can be due.

    Args:
        sources: the times before which the sources have no lines, in their order, and the sources.
    """
    waiting = iter(sources)
    coming = next(waiting, None)
    order = itertools.count()
    heap: list[tuple[datetime, int, PipelineLine, Iterator[PipelineLine]]] = []
    while heap or coming is not None:
        if coming is not None and (not heap or coming[0] <= heap[0][0]):
            source = coming[1]
            coming = next(waiting, None)
        else:
            _, _, line, source = heapq.heappop(heap)
            yield line
        following = next(source, None)
        if following is not None:
            heapq.heappush(heap, (following.at, next(order), following, source))


def _named(log: JobLog, step: str, execution: str) -> Iterator[PipelineLine]:
    for line in log.new_lines():
        yield PipelineLine(at=line.at, execution=execution, step=step, host=line.host, text=line.text, job=line.job)
