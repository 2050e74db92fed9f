"""The alarms of a monitored pipeline, each with a threshold that is checked, and with the command to run next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk_sagemaker_processing._internal.nag import NO_ALARM_ACTION, suppress
from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError, is_unresolved
from cdk_sagemaker_processing.monitoring.metrics import PipelineMetrics
from cdk_sagemaker_processing.trigger.queues import shortened_description

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_WEEK: Final = 7 * _DAY
_SHORT_PERIOD: Final = 5 * _MINUTE
# Of fewer objects, one failure is a large share; the alarm on failed executions reports each.
_OBJECTS_MIN: Final = 10
_MARGIN_SECONDS: Final = _HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The thresholds of the alarms.

    Attributes:
        failure_share: the share of objects that may fail in an hour; None for no alarm.
        oldest_waiting: how long an upload may wait.
        data_due: the time within which there must be an upload; None for no alarm.
        job_near_limit: the share of its time limit that a job may use; None for no alarm.
    """

    failure_share: float | None
    oldest_waiting: Duration | None
    data_due: Duration | None
    job_near_limit: float | None

    def check(self, *, batch_window_in_seconds: float, starts_on_upload: bool) -> None:
        """Check the thresholds.

        Args:
            batch_window_in_seconds: how long an upload may wait for others; 0 without batches.
            starts_on_upload: whether uploads start executions.

        Raises:
            InvalidValueError: a share or a time out of its range.
            ConflictingValuesError: a time that is shorter than batches wait, or data that is due without uploads.
        """
        _check_share("failure_share", self.failure_share, "0.1 reports that a tenth of the objects fails")
        _check_share("job_near_limit", self.job_near_limit, "0.9 reports a job that has used nine tenths of its time")
        if (waiting := _seconds("oldest_waiting", self.oldest_waiting)) is not None:
            if waiting < _MINUTE:
                raise InvalidValueError(
                    "oldest_waiting", f"{waiting:g} seconds", "be at least a minute", "it is measured once a minute"
                )
            if waiting <= batch_window_in_seconds:
                raise ConflictingValuesError(
                    f"oldest_waiting must be longer than batch_window, got {waiting:g} seconds, and batches wait "
                    f"{batch_window_in_seconds:g} seconds for further objects; pass a longer one, or a shorter window"
                )
        if (due := _seconds("data_due", self.data_due)) is not None:
            _check_due(due)
            if not starts_on_upload:
                raise ConflictingValuesError(
                    "data_due goes only with uploads that start executions, got start_on_upload=False; leave one of "
                    "them out"
                )

    def waiting_seconds(self, batch_window_in_seconds: float) -> float:
        """Return how long an upload may wait: by default an hour more than batches wait."""
        if self.oldest_waiting is None:
            return batch_window_in_seconds + _MARGIN_SECONDS
        return self.oldest_waiting.to_seconds()


def failure_share_alarm(scope: Construct, metrics: PipelineMetrics, share: float) -> cloudwatch.Alarm:
    """Create the alarm on the share of objects that fail."""
    hour = Duration.hours(1)
    watched = cloudwatch.MathExpression(
        expression=f"IF(succeeded + failed >= {_OBJECTS_MIN}, 100 * failed / (succeeded + failed), 0)",
        using_metrics={
            "failed": metrics.metric_objects_failed(period=hour),
            "succeeded": metrics.metric_objects_succeeded(period=hour),
        },
        label="Failed objects (%)",
        period=hour,
    )
    name = metrics.trigger.pipeline_name
    return _alarm(
        scope,
        "FailureShareAlarm",
        watched,
        100 * share,
        f"More than {100 * share:g} % of the objects of an hour, of at least {_OBJECTS_MIN}, failed: "
        f"`smproc dead-letters list --pipeline {name}` has their reasons",
        cloudwatch.TreatMissingData.NOT_BREACHING,
    )


def oldest_waiting_alarm(scope: Construct, metrics: PipelineMetrics, seconds: float) -> cloudwatch.Alarm:
    """Create the alarm on the age of the oldest upload without an execution.

    The age is measured each minute, 0 if nothing waits. So missing data means that it is not measured, about which the
    alarm knows nothing: it is in the state INSUFFICIENT_DATA.
    """
    name = metrics.trigger.pipeline_name
    return _alarm(
        scope,
        "OldestWaitingAlarm",
        metrics.metric_age_of_oldest_waiting_upload(period=Duration.minutes(1)),
        seconds,
        f"An upload has waited for an execution for more than {_words(seconds)}: `smproc status --pipeline {name}` "
        "shows what waits and what runs, `smproc trace s3://BUCKET/KEY` why one object waits. max_concurrent_jobs, "
        "the quotas of instances or a failing dispatcher may hold it up",
        cloudwatch.TreatMissingData.MISSING,
    )


def job_near_limit_alarm(scope: Construct, metrics: PipelineMetrics, share: float) -> cloudwatch.Alarm:
    """Create the alarm on jobs near their time limits; no data means that no job is near."""
    name = metrics.trigger.pipeline_name
    return _alarm(
        scope,
        "JobNearLimitAlarm",
        metrics.metric_job_time_used(period=Duration.minutes(1)),
        100 * share,
        f"A job has used more than {100 * share:g} % of its time limit, at which SageMaker stops it: "
        f"`smproc status --pipeline {name}` shows the jobs that run. Raise max_runtime_in_seconds, or use smaller "
        "batches or a larger instance",
        cloudwatch.TreatMissingData.NOT_BREACHING,
    )


def data_due_alarm(scope: Construct, metrics: PipelineMetrics, seconds: float) -> cloudwatch.Alarm:
    """Create the alarm on uploads that are missing. EventBridge counts nothing where there is nothing to count.

    Zeros are filled in, because an alarm would otherwise look for older datapoints than those of its periods.

    See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    """
    period = Duration.seconds(_period(seconds))
    watched = cloudwatch.MathExpression(
        expression="FILL(uploads, 0)",
        using_metrics={"uploads": metrics.metric_uploads(period=period)},
        label="Uploads",
        period=period,
    )
    name = metrics.trigger.pipeline_name
    return _alarm(
        scope,
        "DataDueAlarm",
        watched,
        1,
        f"No upload matched the rules for {_words(seconds)}: look into what uploads, and whether the keys match. "
        f"`smproc status --pipeline {name}` shows whether the rules are enabled",
        cloudwatch.TreatMissingData.BREACHING,
        comparison=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
        periods=round(seconds / _period(seconds)),
    )


def _alarm(
    scope: Construct,
    construct_id: str,
    metric: cloudwatch.IMetric,
    threshold: float,
    description: str,
    missing: cloudwatch.TreatMissingData,
    *,
    comparison: cloudwatch.ComparisonOperator = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
    periods: int = 1,
) -> cloudwatch.Alarm:
    alarm = cloudwatch.Alarm(
        scope,
        construct_id,
        alarm_description=shortened_description(description),
        metric=metric,
        threshold=threshold,
        comparison_operator=comparison,
        evaluation_periods=periods,
        treat_missing_data=missing,
    )
    suppress(alarm, NO_ALARM_ACTION)
    return alarm


def _check_share(parameter: str, share: object, example: str) -> None:
    if share is None:
        return
    if is_unresolved(share):
        raise InvalidValueError(parameter, share, "be known at synth", "the alarm's description states it")
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
        raise InvalidValueError(parameter, share, "be a share between 0 and 1", example)


def _seconds(parameter: str, duration: object) -> float | None:
    """Return the seconds of a duration; None if there is none."""
    if duration is None:
        return None
    if not isinstance(duration, Duration):
        raise InvalidValueError(parameter, duration, "be an aws_cdk.Duration", "for example Duration.hours(6)")
    if duration.is_unresolved():
        raise InvalidValueError(parameter, duration, "be known at synth", "for example Duration.hours(6)")
    return duration.to_seconds()


def _check_due(seconds: float) -> None:
    """Check a time that an alarm can look back.

    See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html: a day with shorter
    periods than an hour, otherwise seven days.
    """
    if not _SHORT_PERIOD <= seconds <= _WEEK:
        raise InvalidValueError(
            "data_due",
            f"{seconds:g} seconds",
            "be from five minutes to seven days, the longest time that an alarm can look back",
            "for example Duration.hours(26) for uploads that come once a day",
        )
    if seconds % _period(seconds):
        raise InvalidValueError(
            "data_due",
            f"{seconds:g} seconds",
            "be a whole number of hours, up to a day also of five minutes, which are the alarm's periods",
            "for example Duration.hours(26) for uploads that come once a day",
        )


def _period(seconds: float) -> int:
    return _HOUR if seconds > _DAY or seconds % _HOUR == 0 else _SHORT_PERIOD


def _words(seconds: float) -> str:
    """Return a time in the largest unit in which it is a whole number."""
    for length, unit in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if seconds % length == 0:
            count = round(seconds / length)
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds:g} seconds"
