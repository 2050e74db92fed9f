"""The deliveries of a trigger: EventBridge to its queue, and its queue to the function that takes uploads in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_s3 as s3

from cdk_sagemaker_processing._internal.resource_facts import text_of
from cdk_sagemaker_processing._internal.shared_values import seconds
from cdk_sagemaker_processing.safeguards import Safeguards
from cdk_sagemaker_processing.trigger.encrypted_target import EncryptedQueue
from cdk_sagemaker_processing.trigger.upload_rules import add_upload_rules

if TYPE_CHECKING:
    from cdk_sagemaker_processing.trigger.s3_trigger import S3Trigger

# The largest delivery, which needs a window: a thousand uploads cost as many calls as one.
_DELIVERY_SIZE: Final = 1000
# More invocations would only contend for the table, and be throttled where an account has few to give.
_CONCURRENCY: Final = 5


def add_rules(trigger: S3Trigger, bucket: s3.IBucket, *, enabled: bool) -> list[events.Rule]:
    """Add the rules that send uploads and the ends of executions to a trigger's queue, and return those of uploads.

    Args:
        trigger: the trigger, which has its queues.
        bucket: the bucket that objects arrive in.
        enabled: whether uploads are sent, because they start something.
    """
    # EventBridge's own defaults, stated explicitly so that the template shows them:
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
    max_age_seconds, max_attempts = 24 * 3600, 185
    retries = events.CfnRule.RetryPolicyProperty(
        maximum_event_age_in_seconds=max_age_seconds, maximum_retry_attempts=max_attempts
    )
    target: events.IRuleTarget
    if trigger.queue.encryption_master_key is None:
        target = targets.SqsQueue(
            trigger.queue,
            dead_letter_queue=trigger.undelivered_queue,
            max_event_age=seconds(max_age_seconds),
            retry_attempts=max_attempts,
        )
    else:
        target = EncryptedQueue(trigger.queue, trigger.undelivered_queue, retries)
    queues = (trigger.queue, trigger.undelivered_queue)
    upload_rules = add_upload_rules(trigger, bucket, trigger.pattern, target, queues, retries, enabled=enabled)
    # https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    events.Rule(
        trigger,
        "EndedRule",
        description="Ends of executions: failures are published, slots are freed",
        event_pattern=events.EventPattern(
            source=["aws.states"],
            detail_type=["Step Functions Execution Status Change"],
            detail={
                "stateMachineArn": [text_of(trigger.state_machine, "state_machine_arn")],
                "status": ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"],
            },
        ),
        targets=[target],
    )
    return upload_rules


def event_source(trigger: S3Trigger, window_seconds: int) -> event_sources.SqsEventSource:
    """Return the event source that delivers the messages of a trigger's queue to its function.

    Args:
        trigger: the trigger.
        window_seconds: the longest time that Lambda waits for more messages.

    See: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """
    reserved = Safeguards.of(trigger).reserved_concurrent_executions
    return event_sources.SqsEventSource(
        trigger.queue,
        report_batch_item_failures=True,
        batch_size=_DELIVERY_SIZE,
        max_batching_window=seconds(window_seconds),
        # A throttled invocation would count as a failed attempt of its messages.
        max_concurrency=_CONCURRENCY if reserved is None else min(reserved, _CONCURRENCY),
    )
