"""The lists of a state machine's executions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from smproc.operations.executions import FAILED_STATUSES

if TYPE_CHECKING:
    from boto3 import Session

# https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
EXECUTIONS_PAGE = 1000
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


def pages_of_executions(
    session: Session, state_machine_arn: str, *, status: str | None = None, page_size: int = EXECUTIONS_PAGE
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
        stateMachineArn=state_machine_arn, PaginationConfig={"PageSize": min(page_size, EXECUTIONS_PAGE)}, **wanted
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
            stateMachineArn=state_machine_arn, statusFilter=status, PaginationConfig={"PageSize": EXECUTIONS_PAGE}
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
