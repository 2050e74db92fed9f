"""The processing jobs of a pipeline, by the histories of its executions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from smproc.operations.execution_jobs import jobs_of_execution
from smproc.operations.jobs import StepJob, hosts_of, with_end
from smproc.operations.pipeline_executions import executions_of
from smproc.operations.prices import usd_per_hour
from smproc.operations.times import time_of

if TYPE_CHECKING:
    from boto3 import Session

    from smproc.operations.execution_lists import Execution
    from smproc.operations.pipeline import Pipeline

_SECONDS_OF_AN_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """A processing job of a pipeline.

    Attributes:
        name: its name; empty if it could not be created.
        step: the state that created it.
        execution: the name of the execution.
        status: ``InProgress``, ``Completed``, ``Failed``, ``Stopping`` or ``Stopped``.
        reason: the reason of its failure; empty if it has not failed.
        started: the time at which its container started; None before, or if it never did.
        ended: the time at which it ended; None before.
        instance_type: the type of its instances; empty if it could not be created.
        instance_count: the number of its instances.
        usd: its cost by list prices, in US dollars; None if the price of its instances is not known.
        description: the response of DescribeProcessingJob.
    """

    name: str
    step: str
    execution: str
    status: str
    reason: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    instance_type: str = ""
    instance_count: int = 0
    usd: float | None = None
    description: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def seconds(self) -> float:
        """The time that is billed for each of its instances, until now if it runs; 0 if it never started."""
        return billed_seconds(self.description)


def billed_seconds(description: Mapping[str, Any]) -> float:
    """Return the seconds that are billed for each instance of a job, until now if it runs.

    Args:
        description: the response of DescribeProcessingJob.

    See: https://aws.amazon.com/sagemaker-ai/pricing/
    """
    started, ended = time_of(description.get("ProcessingStartTime")), time_of(description.get("ProcessingEndTime"))
    if started is None:
        return 0.0
    return max(0.0, ((ended or datetime.now(UTC)) - started).total_seconds())


def cost_of(description: Mapping[str, Any]) -> float | None:
    """Return what a job has cost by list prices, in US dollars; None if the price of its instances is not known.

    Args:
        description: the response of DescribeProcessingJob.
    """
    seconds = billed_seconds(description)
    price = usd_per_hour(instance_type_of(description))
    if not seconds or price is None:
        return None if seconds else 0.0
    return seconds / _SECONDS_OF_AN_HOUR * hosts_of(description) * price


def instance_type_of(description: Mapping[str, Any]) -> str:
    """Return the type of a job's instances; empty if the description does not tell."""
    return str(description.get("ProcessingResources", {}).get("ClusterConfig", {}).get("InstanceType", ""))


def jobs_of(
    pipeline: Pipeline,
    *,
    since: datetime | None = None,
    limit: int | None = None,
    executions: Iterable[Execution] | None = None,
) -> Iterator[JobRecord]:
    """Yield the jobs of a pipeline, those of its newest executions first.

    Each execution takes a request for its history, and so does each child execution of a Distributed Map, so a program
    takes as many of the jobs as it needs.

    Args:
        pipeline: the pipeline.
        since: executions that started before are left out. Default: none.
        limit: the maximum number of jobs. Default: all.
        executions: the executions whose jobs are wanted. Default: those since that time.
    """
    count = 0
    for execution in executions if executions is not None else executions_of(pipeline, since=since):
        for job in jobs_of_execution(pipeline.session, execution.arn):
            if limit is not None and count >= limit:
                return
            yield _record(pipeline.session, execution, job)
            count += 1


def _record(session: Session, execution: Execution, job: StepJob) -> JobRecord:
    job = with_end(session, job)
    return JobRecord(
        name=job.name,
        step=job.step,
        execution=execution.name,
        status=job.status,
        reason=job.reason,
        started=time_of(job.description.get("ProcessingStartTime")),
        ended=time_of(job.description.get("ProcessingEndTime")),
        instance_type=instance_type_of(job.description),
        instance_count=hosts_of(job.description) if job.description else 0,
        usd=cost_of(job.description),
        description=job.description,
    )
