"""Queues of what could not be worked on, and the alarms that say so."""

from __future__ import annotations

from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk_sagemaker_processing._internal.nag import NO_ALARM_ACTION, suppress
from cdk_sagemaker_processing.safeguards import Safeguards

ALARM_PERIOD = Duration.minutes(1)


def retained_queue(scope: Construct, construct_id: str, removal_policy: RemovalPolicy, **options: Any) -> sqs.Queue:
    """A queue that keeps what it gets as long as SQS can, 14 days, encrypted as the scope's `Safeguards` ask for it."""
    key = Safeguards.of(scope).encryption_key
    return sqs.Queue(
        scope,
        construct_id,
        encryption=sqs.QueueEncryption.KMS if key else sqs.QueueEncryption.SQS_MANAGED,
        encryption_master_key=key,
        enforce_ssl=True,
        retention_period=Duration.days(14),
        removal_policy=removal_policy,
        **options,
    )


def alarm_above_zero(
    scope: Construct, construct_id: str, metric: cloudwatch.Metric, description: str
) -> cloudwatch.Alarm:
    """An alarm for as long as a number is not zero.

    See: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/dead-letter-queues-alarms-cloudwatch.html
    """
    made = cloudwatch.Alarm(
        scope,
        construct_id,
        alarm_description=description,
        metric=metric,
        threshold=0,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluation_periods=1,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
    suppress(made, NO_ALARM_ACTION)
    return made


def alarm_of(scope: Construct, construct_id: str, queue: sqs.Queue, description: str) -> cloudwatch.Alarm:
    """An alarm for as long as something is in a queue of dead letters."""
    metric = queue.metric_approximate_number_of_messages_visible(period=ALARM_PERIOD, statistic="Maximum")
    text = f"{description}: look into the queue {queue.node.path}, then `smproc redrive`"
    return alarm_above_zero(scope, construct_id, metric, text)
