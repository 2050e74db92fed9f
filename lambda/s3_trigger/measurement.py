"""The metrics of a monitored pipeline that AWS does not have: what waits, and jobs near their time limit.

They are measured in invocations of their own, so that they are there when the dispatcher's work fails. An error costs
the metrics of a minute and is in the log; it is none of the dispatcher's errors.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit

from s3_trigger.batches import OPEN, OpenBatch
from s3_trigger.inbox import INBOX
from s3_trigger.notifications import submitted_job
from s3_trigger.runs import READY, Run
from s3_trigger.sealing import SEALED
from s3_trigger.units import Members

if TYPE_CHECKING:
    from types_boto3_sagemaker.type_defs import DescribeProcessingJobResponseTypeDef

    from s3_trigger.runtime import Runtime

# In each state; what waits beyond is not counted. The oldest is among them, as the table sorts by time.
_ITEMS_MAX = 1000
# Each takes a request.
_UNITS_MAX = 50
# Of the oldest executions.
_EXECUTIONS_MAX = 10
_JOBS_MAX = 20
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingStoppingCondition.html
_DEFAULT_LIMIT_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Waiting:
    """Uploads that wait together.

    Attributes:
        uploads: their number.
        since: the time from which they wait, in milliseconds.
    """

    uploads: int
    since: int


def measure(runtime: Runtime, request: Mapping[str, Any]) -> None:
    """Write the metrics of a minute.

    Args:
        runtime: the function's runtime.
        request: ``{"seconds": ...}``, the time before which no job is near its limit; empty to measure no jobs.
    """
    _attempt(runtime, lambda: measure_waiting(runtime))
    if "seconds" in request:
        _attempt(runtime, lambda: measure_jobs(runtime, float(request["seconds"])))
    runtime.flush_metrics()


def measure_waiting(runtime: Runtime) -> None:
    """Measure how many uploads have no execution yet, and how long the oldest of them has waited."""
    waiting = [*_received(runtime), *_sealed(runtime), *_in_batches(runtime), *_ready(runtime)]
    oldest = min((each.since for each in waiting), default=runtime.milliseconds())
    runtime.gauge("WaitingUploads", MetricUnit.Count, sum(each.uploads for each in waiting))
    runtime.gauge("OldestWaitingUpload", MetricUnit.Seconds, max(0, runtime.milliseconds() - oldest) // 1000)


def measure_jobs(runtime: Runtime, seconds: float) -> None:
    """Measure which part of its time the job has used that is nearest to its limit; nothing if no job is near.

    Args:
        runtime: the function's runtime.
        seconds: the time before which no job is near its limit.
    """
    jobs = itertools.islice(_jobs_of_long_executions(runtime, seconds), _JOBS_MAX)
    described = (runtime.sagemaker.describe_processing_job(ProcessingJobName=job) for job in jobs)
    parts = [part for job in described if (part := _used_part(runtime, job)) is not None]
    if parts:
        runtime.gauge("JobTimeUsed", MetricUnit.Percent, round(max(parts) * 100, 1))


def _received(runtime: Runtime) -> Iterator[Waiting]:
    for item in runtime.table.query(INBOX, limit=_ITEMS_MAX):
        yield Waiting(item["count"], _milliseconds(item["sk"]))


def _sealed(runtime: Runtime) -> Iterator[Waiting]:
    for item in runtime.table.query(SEALED, limit=_UNITS_MAX):
        yield Waiting(len(runtime.units.get(item["sk"]).rows) - item["cursor"], _milliseconds(item["sk"]))


def _in_batches(runtime: Runtime) -> Iterator[Waiting]:
    for item in runtime.table.query(OPEN, limit=_ITEMS_MAX):
        if "members" in item:
            batch = OpenBatch.from_item(item)
            yield Waiting(batch.objects, _sealed_at(batch.members) or batch.opened * 1000)


def _ready(runtime: Runtime) -> Iterator[Waiting]:
    for item in runtime.table.query(READY, limit=_ITEMS_MAX):
        if "members" in item:  # not so in what an earlier version has written
            run = Run.from_item(item)
            # The objects of a repetition have had an execution, and wait only since then.
            yield Waiting(run.objects, run.queued if run.after else _sealed_at(run.members) or run.queued)


def _sealed_at(members: Members) -> int:
    """Return the time at which the first of some members was sealed, in milliseconds; 0 if there are none."""
    return min((_milliseconds(unit) for unit, _, _ in members), default=0)


def _milliseconds(name: str) -> int:
    return int(name.partition("#")[0])


def _jobs_of_long_executions(runtime: Runtime, seconds: float) -> Iterator[str]:
    """Yield the jobs that the oldest of the executions have started, if they have run for some time."""
    started_before = runtime.clock() - seconds
    pages = runtime.step_functions.get_paginator("list_executions").paginate(
        stateMachineArn=runtime.config.state_machine_arn, statusFilter="RUNNING", PaginationConfig={"PageSize": 1000}
    )
    running = [
        (execution["startDate"].timestamp(), execution["executionArn"])
        for page in pages
        for execution in page["executions"]
    ]
    for _, arn in sorted(each for each in running if each[0] < started_before)[:_EXECUTIONS_MAX]:
        history = runtime.step_functions.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=100)
        yield from dict.fromkeys(filter(None, map(submitted_job, history["events"])))


def _used_part(runtime: Runtime, job: DescribeProcessingJobResponseTypeDef) -> float | None:
    """Return the part of its time that a job has used; None if it does not run."""
    if job["ProcessingJobStatus"] != "InProgress" or "ProcessingStartTime" not in job:
        return None
    limit = job.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", _DEFAULT_LIMIT_SECONDS)
    now = datetime.fromtimestamp(runtime.clock(), UTC)
    return (now - job["ProcessingStartTime"]).total_seconds() / limit


def _attempt(runtime: Runtime, step: Callable[[], None]) -> None:
    try:
        step()
    except Exception:
        runtime.logger.exception("a metric could not be measured")
