"""The processing jobs of an execution, and of the child executions of its Distributed Maps.

See: https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from smproc.operations.histories import events_of
from smproc.operations.jobs import StepJob, jobs_in

if TYPE_CHECKING:
    from boto3 import Session

# The children of a Distributed Map may be express workflows, which have no list and no history, and wait for no job.
_NO_LIST = frozenset({"StateMachineTypeNotSupported", "ResourceNotFound"})


def jobs_of_execution(
    session: Session,
    execution_arn: str,
    events: Iterable[Mapping[str, Any]] | None = None,
    *,
    status: str | None = None,
    done: set[str] | None = None,
) -> Iterator[StepJob]:
    """Yield the jobs of an execution, the newest first, and then those of the child executions of its Distributed Maps.

    Each child execution takes a request for its history when its jobs are due, so a program takes as many of the jobs
    as it needs.

    Args:
        session: a boto3 session.
        execution_arn: the ARN of the execution.
        events: the events of its history, if they are known. Default: they are read.
        status: child executions with this status alone. Default: all.
        done: the ARNs of child executions that are left out; those that have ended by now are added. Default: none.
    """
    done = done if done is not None else set()
    known = list(events if events is not None else events_of(session, execution_arn))
    yield from reversed(jobs_in(known))
    runs = [event["mapRunStartedEventDetails"]["mapRunArn"] for event in known if event["type"] == "MapRunStarted"]
    for run in reversed(runs):
        for child, has_ended in _children(session, run, status):
            if child not in done:
                yield from jobs_of_execution(session, child, status=status, done=done)
                done |= {child} if has_ended else set()


def jobs_in_order(
    session: Session, execution_arn: str, events: Iterable[Mapping[str, Any]], *, children_max: int, failed: bool
) -> list[StepJob]:
    """Return the jobs of an execution, the oldest first, and some of those of its child executions.

    Args:
        session: a boto3 session.
        execution_arn: the ARN of the execution.
        events: the events of its history.
        children_max: the maximum number of jobs of child executions.
        failed: whether the execution failed: then the jobs of child executions that failed are wanted alone.
    """
    known = list(events)
    own = jobs_in(known)
    found = jobs_of_execution(session, execution_arn, known, status="FAILED" if failed else None)
    others = itertools.islice(found, len(own), len(own) + children_max)
    return [*own, *reversed(list(others))]


def _children(session: Session, map_run_arn: str, status: str | None) -> Iterator[tuple[str, bool]]:
    """Yield the ARNs of the child executions of a map run, the newest first, and whether each has ended."""
    pages = session.client("stepfunctions").get_paginator("list_executions")
    wanted: Any = {} if status is None else {"statusFilter": status}
    try:
        for page in pages.paginate(mapRunArn=map_run_arn, **wanted):
            yield from ((one["executionArn"], "stopDate" in one) for one in page["executions"])
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NO_LIST:
            raise
