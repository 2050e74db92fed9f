"""The state of pipelines at a glance: what runs, waits and failed, and what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from smproc.operations.failures import open_failures
from smproc.operations.histories import failure_to_repeat
from smproc.operations.ledger import SUMMARY, Ledger, LedgerRun, Summary, items_of_tables
from smproc.operations.uploads import UploadReader, UploadRecord
from smproc.terminal_text import counted

if TYPE_CHECKING:
    from boto3 import Session

    from smproc.operations.execution_lists import Execution
    from smproc.operations.pipeline import Pipeline

# The dispatcher works once a minute, and may take up to ten.
STALLED_AFTER: Final = timedelta(minutes=12)
WINDOW: Final = timedelta(hours=24)
Health = Literal["ok", "attention", "paused", "stalled", "unknown"]
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
_QUERIES_MAX = 500
_PERIOD_SECONDS = 3600
# Each takes a request.
_REPEATING_MAX = 10
# Several branches may have added events since one of them failed.
_LAST_EVENTS = 50
# https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
_FAILURE_METRICS: Final = ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted")


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineStatus:
    """The state of a pipeline.

    Attributes:
        pipeline: the pipeline.
        running: the number of its executions that run.
        waiting: the number of its uploads that wait for an execution.
        oldest: the time at which the oldest of them was received; None if none waits.
        failed: the number of its executions that failed, timed out or were stopped in the last 24 hours, and that no
            retry, redrive or later upload of the same objects has resolved.
        dead_letters: the number of messages that could not be processed.
        undelivered: the number of events that EventBridge could not deliver.
        paused: the time at which it was paused; None if it is not.
        as_of: the time of these numbers; None if the dispatcher has never noted any.
        failed_steps: the number of steps of the dispatcher's last work that failed.
        repeating: the number of executions that wait to try a task again, of the ten that have run longest; only where
            a pipeline is shown in detail.
        repeated: why the task of one of them failed.
    """

    pipeline: Pipeline
    running: int = 0
    waiting: int = 0
    oldest: datetime | None = None
    failed: int = 0
    dead_letters: int = 0
    undelivered: int = 0
    paused: datetime | None = None
    as_of: datetime | None = None
    failed_steps: int = 0
    repeating: int = 0
    repeated: str = ""

    @property
    def problems(self) -> list[str]:
        """The problems, a sentence each."""
        return list(self._problems())

    def _problems(self) -> Iterator[str]:
        if not self.pipeline.dispatcher:
            yield "an earlier version deployed it; deploy its stack again to see more"
        elif self.as_of is None:
            yield "its dispatcher has not worked yet, which takes a minute after a deployment"
        elif self.is_stalled:
            yield f"its dispatcher has not worked since {self.as_of:%Y-%m-%d %H:%M:%S} UTC, so nothing starts"
        if self.failed_steps:
            yield "the dispatcher failed to do a part of its work, and tries again every minute"
        if self.repeating:
            tries = "tries" if self.repeating == 1 else "try"
            yield f"{counted(self.repeating, 'execution')} {tries} again what failed: {self.repeated}"
        if self.failed:
            needs = "needs" if self.failed == 1 else "need"
            yield f"{counted(self.failed, 'execution')} failed in the last 24 hours and still {needs} attention"
        if self.dead_letters:
            yield counted(self.dead_letters, "dead letter")
        if self.undelivered:
            yield f"EventBridge could not deliver {counted(self.undelivered, 'event')}"

    @property
    def is_stalled(self) -> bool:
        """True if the dispatcher has not worked for longer than its work may take."""
        return self.as_of is not None and datetime.now(UTC) - self.as_of > STALLED_AFTER

    @property
    def health(self) -> Health:
        """``ok``, ``attention``, ``paused``, ``stalled``, or ``unknown`` before the first minute."""
        if self.is_stalled:
            return "stalled"
        if self.failed_steps or self.failed or self.repeating or self.dead_letters or self.undelivered:
            return "attention"
        if self.paused is not None:
            return "paused"
        return "ok" if self.as_of is not None else "unknown"

    @property
    def needs_attention(self) -> bool:
        """True if something is wrong."""
        return self.health in ("attention", "stalled")


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineDetails:
    """A pipeline in detail.

    Attributes:
        status: its state now.
        runs: the runs that have slots, or wait for one, the first to start first.
        failures: the newest uploads that failed in the last 24 hours, and that nothing has resolved.
    """

    status: PipelineStatus
    runs: tuple[LedgerRun, ...] = ()
    failures: tuple[UploadRecord, ...] = ()


def status_of(session: Session, pipelines: Sequence[Pipeline]) -> list[PipelineStatus]:
    """Return the state of some pipelines, which takes a request for 100 of them and one for the metrics of 160.

    The numbers are those of the dispatcher's last minute. Where CloudWatch has counted failures, the uploads and
    executions of the last 24 hours are read, to tell which of the failures need attention.

    Args:
        session: a boto3 session.
        pipelines: the pipelines.
    """
    tables = {one.table: one for one in pipelines if one.table}
    items = items_of_tables(session, [(table, SUMMARY) for table in tables])
    failures = _failures(session, {one.state_machine_arn for one in pipelines})
    found = []
    for one in pipelines:
        failed = failures[one.state_machine_arn]
        if failed and one.dispatcher:
            failed = open_failures(UploadReader(one), datetime.now(UTC) - WINDOW).executions
        status = PipelineStatus(pipeline=one, failed=failed)
        found.append(_with_summary(status, items.get((one.table, SUMMARY), {})))
    return found


def details_of(pipeline: Pipeline, *, failures_max: int = 5) -> PipelineDetails:
    """Return a pipeline in detail, as its ledger and queues are now.

    Args:
        pipeline: the pipeline.
        failures_max: the maximum number of failures.
    """
    session = pipeline.session
    pipeline.needs_dispatcher()
    ledger = Ledger(session, pipeline.table)
    noted = _with_summary(PipelineStatus(pipeline=pipeline), ledger.item(*SUMMARY))
    waiting = ledger.waiting()
    ready, active = ledger.ready(), ledger.active()
    reader, since = UploadReader(pipeline), datetime.now(UTC) - WINDOW
    failures = open_failures(reader, since)
    executions = reader.executions(since.timestamp()).values()
    running = [one for one in executions if one.status == "RUNNING"]
    repeated = [said for one in _longest(running) if (said := _failure_to_repeat(session, one))]
    paused = ledger.paused()
    dead_letters = messages_in(session, pipeline.dead_letter_queue_url)
    # A dead letter that is in no queue any more was discarded on purpose.
    shown = [one for one in failures.uploads if one.execution is not None or dead_letters]
    status = replace(
        noted,
        running=len(running),
        waiting=sum(count for count, _ in waiting),
        oldest=_time(min((since for _, since in waiting), default=0)),
        failed=failures.executions,
        dead_letters=dead_letters,
        undelivered=messages_in(session, pipeline.undelivered_queue_url),
        paused=_time(paused),
        repeating=len(repeated),
        repeated=repeated[0] if repeated else "",
    )
    return PipelineDetails(status=status, runs=(*active, *ready), failures=tuple(shown[:failures_max]))


def _longest(running: Iterable[Execution]) -> list[Execution]:
    """Return the executions that have run longest, which are those that get stuck."""
    return sorted(running, key=lambda one: one.started)[:_REPEATING_MAX]


def _failure_to_repeat(session: Session, execution: Execution) -> str:
    """Return why a task of an execution failed that it is about to try again; empty if it is not."""
    page = session.client("stepfunctions").get_execution_history(
        executionArn=execution.arn, reverseOrder=True, maxResults=_LAST_EVENTS
    )
    return failure_to_repeat(page["events"])


def messages_in(session: Session, queue_url: str) -> int:
    """Return the number of messages in a queue, as SQS approximates it."""
    attributes = session.client("sqs").get_queue_attributes(
        QueueUrl=queue_url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    return sum(int(value) for value in attributes.values())


def _with_summary(status: PipelineStatus, item: Mapping[str, Any]) -> PipelineStatus:
    """Return a status with what the dispatcher has noted; the same if it has noted nothing yet."""
    if not item:
        return status
    summary = Summary.of_item(item)
    return replace(
        status,
        running=summary.running,
        waiting=summary.waiting,
        oldest=_time(summary.oldest),
        dead_letters=summary.dead_letters,
        undelivered=summary.undelivered,
        paused=_time(summary.paused),
        as_of=_time(summary.at),
        failed_steps=summary.failed_steps,
    )


def _failures(session: Session, state_machines: set[str]) -> Counter[str]:
    """Return the number of executions of each state machine that failed in the last 24 hours."""
    arns = sorted(state_machines)
    queries: list[Any] = [
        {
            "Id": f"m{index}_{position}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/States",
                    "MetricName": metric,
                    "Dimensions": [{"Name": "StateMachineArn", "Value": arn}],
                },
                "Period": _PERIOD_SECONDS,
                "Stat": "Sum",
            },
        }
        for index, arn in enumerate(arns)
        for position, metric in enumerate(_FAILURE_METRICS)
    ]
    counts: Counter[str] = Counter()
    now = datetime.now(UTC)
    paginator = session.client("cloudwatch").get_paginator("get_metric_data")
    for start in range(0, len(queries), _QUERIES_MAX):
        pages = paginator.paginate(
            MetricDataQueries=queries[start : start + _QUERIES_MAX], StartTime=now - WINDOW, EndTime=now
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                index = int(result["Id"][1:].partition("_")[0])
                counts[arns[index]] += int(sum(result["Values"]))
    return counts


def _time(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, tz=UTC) if seconds else None
