"""The schedule that flushes the open batches of a trigger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from cdk_sagemaker_processing._internal.kms_grants import grant_table_key
from cdk_sagemaker_processing.trigger.queues import dead_letter_alarm
from cdk_sagemaker_processing.trigger.schedule_parts import (
    check_schedule,
    schedule_dead_letters,
    schedule_description,
    schedule_role,
)

if TYPE_CHECKING:
    from aws_cdk import aws_scheduler as scheduler

# `s3_trigger.batches.FLUSH`; a test compares the two.
FLUSH_KEY: Final = {"pk": "flush", "sk": "requested"}


class FlushSchedule(Construct):
    """A schedule at whose times the batches that are open become executions, within a minute.

    It writes its time to the ledger's table, where the dispatcher finds it, so that no time is lost while the
    dispatcher fails.

    Args:
        scope: the trigger.
        construct_id: unique in the trigger.
        schedule: the times.
        time_window: a flexible time window. Default: none.
        enabled: whether the schedule is on.
        table: the ledger's table.
        key: the table's key. Default: one that DynamoDB owns.
        removal_policy: applies when the queue is removed from the stack.

    Attributes:
        dead_letter_queue: receives what EventBridge Scheduler could not do.
        alarm: is active while there are dead letters.
        schedule: the schedule.

    Raises:
        InvalidValueError: an expression or a time zone that EventBridge Scheduler refuses.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        schedule: scheduler.ScheduleExpression,
        time_window: scheduler.TimeWindow | None,
        enabled: bool,
        table: dynamodb.ITableV2,
        key: kms.IKey | None,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        from aws_cdk import aws_scheduler as scheduler  # noqa: PLC0415 - imported on first use
        from aws_cdk import aws_scheduler_targets as targets  # noqa: PLC0415

        check_schedule(schedule)
        role = schedule_role(self)
        grant_table_key(key, role)
        self.dead_letter_queue = schedule_dead_letters(self, removal_policy)
        self.alarm = dead_letter_alarm(
            self, "DeadLetterAlarm", self.dead_letter_queue, f"Times of {self.node.path} that flushed no batches"
        )
        self.schedule = scheduler.Schedule(
            self,
            "Schedule",
            schedule=schedule,
            time_window=time_window,
            enabled=enabled,
            description=schedule_description(self, f"flushes the open batches of {scope.node.path}"),
            target=targets.Universal(
                service="dynamodb",
                action="putItem",
                dead_letter_queue=self.dead_letter_queue,
                role=role,
                policy_statements=[_put_item(table)],
                input=scheduler.ScheduleTargetInput.from_object(
                    {
                        "TableName": table.table_name,
                        "Item": {
                            **{name: {"S": value} for name, value in FLUSH_KEY.items()},
                            "at": {"S": scheduler.ContextAttribute.scheduled_time},
                        },
                    }
                ),
            ),
        )


def _put_item(table: dynamodb.ITableV2) -> iam.PolicyStatement:
    """Return the permission to write the one item.

    See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    """
    return iam.PolicyStatement(
        actions=["dynamodb:PutItem"],
        resources=[table.table_arn],
        conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [FLUSH_KEY["pk"]]}},
    )
