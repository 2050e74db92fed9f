"""The cost of a pipeline's jobs, by list prices and the times that are billed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from smproc.operations.pipeline_jobs import JobRecord
from smproc.operations.prices import usd_per_hour

# Each sentence begins with what is not in the sum.
LEFT_OUT = (
    "storage volumes of jobs, S3, Step Functions, Lambda, SQS, DynamoDB, CloudWatch and data transfer; discounts and "
    "Savings Plans"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """The cost of the jobs of a step on one day.

    Attributes:
        day: the day on which they started, in UTC.
        step: the state that created them.
        instance_type: the type of their instances.
        jobs: the number of jobs.
        instance_seconds: the billed seconds of all their instances.
        usd: their cost in US dollars; None if the price of their instances is not known.
    """

    day: date
    step: str
    instance_type: str
    jobs: int
    instance_seconds: float
    usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The cost of the jobs of a pipeline.

    Attributes:
        lines: the cost for each day, step and type of instance, the newest first.
        jobs: the number of jobs that had instances.
        running: the number of those that still run; their cost until now is counted.
        usd: the sum in US dollars of the jobs whose prices are known.
        unknown: the types of instances whose prices are not known.
    """

    lines: tuple[CostLine, ...]
    jobs: int
    running: int
    usd: float
    unknown: tuple[str, ...]


def cost_of_jobs(jobs: Iterable[JobRecord]) -> Cost:
    """Return what some jobs cost: the type and number of their instances, and their billed seconds.

    Args:
        jobs: the jobs.

    See: https://aws.amazon.com/sagemaker-ai/pricing/
    """
    seconds: dict[tuple[date, str, str], float] = {}
    counts: dict[tuple[date, str, str], int] = {}
    running = 0
    for job in jobs:
        if job.started is None:
            continue
        key = (job.started.astimezone(UTC).date(), job.step, job.instance_type)
        seconds[key] = seconds.get(key, 0.0) + job.seconds * job.instance_count
        counts[key] = counts.get(key, 0) + 1
        running += job.ended is None
    lines = []
    for day, step, kind in sorted(seconds, key=lambda one: (-one[0].toordinal(), one[1], one[2])):
        amount, price = seconds[day, step, kind], usd_per_hour(kind)
        lines.append(
            CostLine(
                day=day,
                step=step,
                instance_type=kind,
                jobs=counts[day, step, kind],
                instance_seconds=amount,
                usd=None if price is None else amount / 3600 * price,
            )
        )
    return Cost(
        lines=tuple(lines),
        jobs=sum(counts.values()),
        running=running,
        usd=sum(line.usd for line in lines if line.usd is not None),
        unknown=tuple(sorted({line.instance_type for line in lines if line.usd is None})),
    )


def sums(cost: Cost, by: str) -> dict[str, float]:
    """Return the known cost in US dollars, by an attribute of `CostLine`, such as ``day`` or ``step``.

    Args:
        cost: the cost.
        by: the name of the attribute.
    """
    found: dict[str, float] = {}
    for line in cost.lines:
        value = getattr(line, by)
        name = value.isoformat() if isinstance(value, date | datetime) else str(value)
        found[name] = found.get(name, 0.0) + (line.usd or 0.0)
    return found
