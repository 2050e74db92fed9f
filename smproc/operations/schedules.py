"""The schedules of a deployed stack: list them, and do now what one does at its times."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from smproc.operations.errors import PipelineNotFoundError
from smproc.operations.stack_resources import resources_of

if TYPE_CHECKING:
    from boto3 import Session

_SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
_START_EXECUTION = re.compile(r"arn:[\w-]+:states:[\w-]+:\d+:stateMachine:[\w-]+")
_PUT_ITEM = re.compile(r"arn:[\w-]+:scheduler:::aws-sdk:dynamodb:putItem")

# The members of a schedule that a request to change it does not have.
_READ_ONLY = frozenset({"Arn", "CreationDate", "LastModificationDate", "ResponseMetadata"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A schedule of EventBridge Scheduler, made by `ProcessingSchedule` or for a flush of batches.

    Attributes:
        name: the path of its construct.
        expression: its expression, e.g. ``cron(0 2 * * ? *)``.
        time_zone: the time zone of the expression.
        enabled: whether it is on.
        target_arn: what it calls.
        input: the input of the call.
        schedule_id: its group and name in EventBridge Scheduler, with a slash between them.
    """

    name: str
    expression: str
    time_zone: str
    enabled: bool
    target_arn: str
    input: str
    schedule_id: str = ""

    @property
    def flushes(self) -> bool:
        """True if it flushes batches, False if it starts runs."""
        return _PUT_ITEM.fullmatch(self.target_arn) is not None

    def fire(self, session: Session) -> str:
        """Do now what the schedule does at its times, with the present as the time; return a sentence about it.

        The permissions are those of the session, not those of the schedule's role.
        """
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        filled = self.input.replace(_SCHEDULED_TIME, now)
        if self.flushes:
            session.client("dynamodb").put_item(**json.loads(filled))
            return "the batches that are open start within a minute"
        started = session.client("stepfunctions").start_execution(stateMachineArn=self.target_arn, input=filled)
        return f"started {started['executionArn']}, which starts the run over the window up to {now}"


def schedules_of(session: Session, stack_name: str) -> list[Schedule]:
    """Return the schedules of a stack that this library made.

    Args:
        session: a boto3 session.
        stack_name: the name of the CloudFormation stack.

    Raises:
        PipelineNotFoundError: the stack does not exist.
    """
    scheduler = session.client("scheduler")
    found = []
    for physical_id in resources_of(session, stack_name, "AWS::Scheduler::Schedule").values():
        group, _, name = physical_id.rpartition("/")
        group = group.rpartition("/")[2] or "default"
        schedule = scheduler.get_schedule(GroupName=group, Name=name)
        target = schedule["Target"]
        path, separator, _ = schedule.get("Description", "").partition(": ")
        if separator and (_START_EXECUTION.fullmatch(target["Arn"]) or _PUT_ITEM.fullmatch(target["Arn"])):
            found.append(
                Schedule(
                    name=path,
                    expression=schedule["ScheduleExpression"],
                    time_zone=schedule.get("ScheduleExpressionTimezone", "UTC"),
                    enabled=schedule["State"] == "ENABLED",
                    target_arn=target["Arn"],
                    input=target.get("Input", ""),
                    schedule_id=f"{group}/{name}",
                )
            )
    return found


def switch_schedule(session: Session, schedule_id: str, *, enabled: bool) -> bool:
    """Enable or disable a schedule; return False if there is no such schedule any more.

    The request has to repeat everything that the schedule consists of, so it needs the permission to pass its role.

    Args:
        session: a boto3 session.
        schedule_id: its group and name, with a slash between them.
        enabled: whether it is on afterwards.

    See: https://docs.aws.amazon.com/scheduler/latest/APIReference/API_UpdateSchedule.html
    """
    scheduler = session.client("scheduler")
    group, _, name = schedule_id.partition("/")
    try:
        schedule = scheduler.get_schedule(GroupName=group, Name=name)
    except scheduler.exceptions.ResourceNotFoundException:
        return False
    kept = {key: value for key, value in schedule.items() if key not in _READ_ONLY}
    scheduler.update_schedule(**{**kept, "State": "ENABLED" if enabled else "DISABLED"})
    return True


def schedule_named(session: Session, stack_name: str, name: str | None) -> Schedule:
    """Return a schedule of a stack.

    Args:
        session: a boto3 session.
        stack_name: the name of the CloudFormation stack.
        name: the path of its construct, or the end of it. Default: the only one.

    Raises:
        PipelineNotFoundError: the stack has no such schedule, or several.
    """
    schedules = schedules_of(session, stack_name)
    matching = [one for one in schedules if name is None or f"/{one.name}".endswith(f"/{name}")]
    if len(matching) == 1:
        return matching[0]
    if not schedules:
        raise PipelineNotFoundError(f"the stack {stack_name!r} has no schedule of a pipeline")
    problem = "several schedules" if name is None or matching else f"no schedule {name!r}"
    choices = ", ".join(sorted(one.name for one in matching or schedules))
    raise PipelineNotFoundError(f"the stack {stack_name!r} has {problem}; name one of these: {choices}")
