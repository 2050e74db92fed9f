"""Retained queues, and alarms on dead letters, errors and failed executions."""

from __future__ import annotations

from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_sagemaker_processing._internal.construct_tree import inherit, path_of
from cdk_sagemaker_processing._internal.nag import NO_ALARM_ACTION, suppress
from cdk_sagemaker_processing._internal.shared_values import days
from cdk_sagemaker_processing.model import is_unresolved
from cdk_sagemaker_processing.model.service_limits import maximum
from cdk_sagemaker_processing.safeguards import Safeguards

ALARM_PERIOD = Duration.minutes(1)
# Longer than the metrics of Step Functions take to arrive.
_EXECUTIONS_PERIOD = Duration.minutes(5)


def retained_queue(scope: Construct, construct_id: str, removal_policy: RemovalPolicy, **options: Any) -> sqs.Queue:
    """Create a queue with the longest retention of SQS, 14 days, and with the key of the scope's `Safeguards`."""
    key = Safeguards.of(scope).encryption_key
    queue = sqs.Queue(
        scope,
        construct_id,
        encryption=sqs.QueueEncryption.KMS if key else sqs.QueueEncryption.SQS_MANAGED,
        encryption_master_key=key,
        enforce_ssl=True,
        retention_period=days(14),
        removal_policy=removal_policy,
        **options,
    )
    inherit(queue, scope, construct_id)
    return queue


def alarm_above_zero(
    scope: Construct, construct_id: str, metric: cloudwatch.Metric, description: str
) -> cloudwatch.Alarm:
    """Create an alarm that is active while a metric is above zero.

    See: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/dead-letter-queues-alarms-cloudwatch.html
    """
    alarm = cloudwatch.Alarm(
        scope,
        construct_id,
        alarm_description=shortened_description(description),
        metric=metric,
        threshold=0,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluation_periods=1,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
    suppress(alarm, NO_ALARM_ACTION)
    return alarm


def shortened_description(description: str) -> str:
    """Return a description as CloudWatch accepts it: the path of a construct in it may have any length."""
    limit = maximum("AlarmDescriptionCharacters")
    return description if is_unresolved(description) or len(description) <= limit else f"{description[: limit - 3]}..."


def dead_letter_alarm(scope: Construct, construct_id: str, queue: sqs.Queue, description: str) -> cloudwatch.Alarm:
    """Create an alarm that is active while a dead-letter queue contains messages."""
    metric = queue.metric_approximate_number_of_messages_visible(period=ALARM_PERIOD, statistic="Maximum")
    text = f"{description}: look into the queue {path_of(queue)}, then `smproc redrive`"
    return alarm_above_zero(scope, construct_id, metric, text)


def failure_alarms(scope: Construct, state_machine: sfn.IStateMachine) -> list[cloudwatch.Alarm]:
    """Create the alarms that are active while executions of a state machine fail, time out or are stopped.

    Step Functions counts them itself, whereas its events, from which failures are published, may be lost. An alarm for
    each: a sum of several metrics has no value while one of them has none.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
    """
    advice = "see the state machine, the event of the failure and the log of the job, then `smproc retry`"
    return [
        alarm_above_zero(scope, construct_id, metric, f"Executions that {verb}: {advice}")
        for construct_id, verb, metric in (
            ("FailedAlarm", "failed", state_machine.metric_failed(period=_EXECUTIONS_PERIOD, statistic="Sum")),
            ("TimedOutAlarm", "timed out", state_machine.metric_timed_out(period=_EXECUTIONS_PERIOD, statistic="Sum")),
            ("AbortedAlarm", "were stopped", state_machine.metric_aborted(period=_EXECUTIONS_PERIOD, statistic="Sum")),
        )
    ]
