"""The estimated cost of jobs: list prices, the instances of a state machine, and how long its executions took."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smproc.operations.prices import PRICES, usd_per_hour

if TYPE_CHECKING:
    from boto3 import Session

# Of an execution of which nothing is known: two minutes of start, and some work.
_MINUTES_DEFAULT = 5.0
_EXECUTIONS = 20
_TRANSITIONS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The estimated instance hours and cost of some executions.

    Attributes:
        executions: the number of executions.
        instances: the type and number of the instances of each job of an execution.
        minutes: the minutes that an execution takes.
        measured: the number of executions whose median that is; 0 if it is assumed or given.
        hours: the hours of all instances.
        usd: the cost in US dollars; None if the price of an instance type is not known.
    """

    executions: int
    instances: tuple[tuple[str, int], ...]
    minutes: float
    measured: int
    hours: float
    usd: float | None


def estimate(
    session: Session, state_machine_arn: str, executions: int, *, pages: int = 0, minutes: float | None = None
) -> Estimate:
    """Estimate what some executions of a state machine cost.

    Args:
        session: a boto3 session.
        state_machine_arn: the state machine.
        executions: the number of executions.
        pages: the number of requests for a page of a listing.
        minutes: the minutes that an execution takes. Default: the median of the last 20 that succeeded; 5 if none has.
    """
    states = session.client("stepfunctions")
    definition = json.loads(states.describe_state_machine(stateMachineArn=state_machine_arn)["definition"])
    instances = tuple(_clusters(definition))
    measured = 0
    if minutes is None:
        listed = states.list_executions(
            stateMachineArn=state_machine_arn, statusFilter="SUCCEEDED", maxResults=_EXECUTIONS
        )["executions"]
        taken = [(one["stopDate"] - one["startDate"]).total_seconds() / 60 for one in listed]
        minutes, measured = (statistics.median(taken), len(taken)) if taken else (_MINUTES_DEFAULT, 0)
    # The jobs of an execution run one after the other, so each takes a part of the time.
    each = executions * minutes / 60 / max(1, len(instances))
    prices = [usd_per_hour(kind) for kind, _ in instances]
    usd: float | None = None
    known = [price for price in prices if price is not None]
    if instances and len(known) == len(prices):
        usd = sum(each * count * price for (_, count), price in zip(instances, known, strict=True))
        usd += pages * PRICES["list_requests"]["usd_per_thousand"] / 1000
        usd += executions * _TRANSITIONS * PRICES["state_transitions"]["usd_per_thousand"] / 1000
    return Estimate(
        executions=executions,
        instances=instances,
        minutes=minutes,
        measured=measured,
        hours=sum(each * count for _, count in instances),
        usd=usd,
    )


def _clusters(definition: object) -> Iterator[tuple[str, int]]:
    """Yield the instance type and number of each processing job in a definition, as far as they are fixed."""
    if isinstance(definition, list):
        for one in definition:
            yield from _clusters(one)
    if not isinstance(definition, dict):
        return
    cluster = definition.get("ClusterConfig")
    if isinstance(cluster, dict):
        kind, count = cluster.get("InstanceType"), cluster.get("InstanceCount")
        yield str(kind or "an instance type that the input decides on"), count if isinstance(count, int) else 1
    for value in definition.values():
        yield from _clusters(value)
