"""The parts that every schedule of EventBridge Scheduler has: a role, a dead-letter queue and a description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk_sagemaker_processing._internal.nag import INLINE_POLICY, suppress, suppress_by_id
from cdk_sagemaker_processing.trigger.queues import retained_queue

if TYPE_CHECKING:
    from aws_cdk import aws_scheduler as scheduler

# https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
_DESCRIPTION_MAX: Final = 512


def check_schedule(schedule: scheduler.ScheduleExpression) -> None:
    """Check that EventBridge Scheduler accepts an expression and its time zone.

    Raises:
        InvalidValueError: it does not.
    """
    from cdk_sagemaker_processing.model.schedule_expressions import (  # noqa: PLC0415 - few have schedules
        check_schedule_expression,
    )

    zone = schedule.time_zone
    name = zone.timezone_name if zone is not None else None
    check_schedule_expression("schedule", schedule.expression_string, name)


def schedule_description(schedule: Construct, does: str) -> str:
    """Return the description of a schedule; it starts with the name by which ``smproc schedule`` finds it."""
    return f"{schedule.node.path}: {does}"[:_DESCRIPTION_MAX]


def schedule_role(scope: Construct) -> iam.Role:
    """Return a role for a schedule, to which its target adds the permissions.

    See: https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    """
    account = {"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}}
    role = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com", conditions=account))
    suppress(role, INLINE_POLICY)
    return role


def schedule_dead_letters(scope: Construct, removal_policy: RemovalPolicy) -> sqs.Queue:
    """Return a queue for the requests that EventBridge Scheduler could not make.

    See: https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
    """
    queue = retained_queue(scope, "DeadLetterQueue", removal_policy)
    suppress_by_id(
        queue,
        {"AwsSolutions-SQS3": "this is the dead-letter queue of a schedule, which no queue's redrive policy names"},
    )
    return queue
