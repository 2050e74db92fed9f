"""The metrics of a pipeline: those of AWS's services, and those that only a monitored pipeline writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

if TYPE_CHECKING:
    from cdk_sagemaker_processing.trigger import S3Trigger

# The namespace and the names of the functions' own metrics, as lambda/s3_trigger writes them.
METRICS_NAMESPACE: Final = "SageMakerProcessing"
WAITING_UPLOADS: Final = "WaitingUploads"
OLDEST_WAITING_UPLOAD: Final = "OldestWaitingUpload"
JOB_TIME_USED: Final = "JobTimeUsed"
OBJECTS_SUCCEEDED: Final = "ObjectsSucceeded"
OBJECTS_FAILED: Final = "ObjectsFailed"
OWN_METRICS: Final = (WAITING_UPLOADS, OLDEST_WAITING_UPLOAD, JOB_TIME_USED, OBJECTS_SUCCEEDED, OBJECTS_FAILED)


class MathOptions(TypedDict, total=False):
    """The options of a metric that is computed from others, those of ``aws_cloudwatch.MathExpression``."""

    period: Duration | None
    label: str | None
    color: str | None


class MetricOptions(MathOptions, total=False):
    """The options of a metric, those of ``aws_cloudwatch.Metric``."""

    statistic: str | None
    unit: cloudwatch.Unit | None
    account: str | None
    region: str | None


class PipelineMetrics:
    """The metrics of a pipeline, for alarms and dashboards of your own.

    A metric costs nothing until something watches it. Those that AWS does not have are written by the trigger's
    functions, once the pipeline is monitored: see `PipelineMonitoring`.

    Attributes:
        trigger: the trigger of the pipeline.
    """

    trigger: S3Trigger

    def metric_uploads(self, **options: Unpack[MathOptions]) -> cloudwatch.IMetric:
        """Return the number of uploads whose events matched the trigger's rules, as EventBridge counts them.

        It has no value while there are none. Backfills and reconciliations are not counted. If the pattern takes
        several rules, this is their sum.

        See: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
        """
        rules = [
            cloudwatch.Metric(
                namespace="AWS/Events",
                metric_name="Invocations",
                dimensions_map={"RuleName": rule.rule_name},
                statistic="Sum",
                **({"label": "Uploads", **_given(options)} if len(self.trigger.rules) == 1 else {}),
            )
            for rule in self.trigger.rules
        ]
        if len(rules) == 1:
            return rules[0]
        names = {self._id(f"rule{index}"): rule for index, rule in enumerate(rules)}
        return _computed(f"SUM([{', '.join(names)}])", names, "Uploads", options)

    def metric_executions_started(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return the number of executions that started, whatever started them.

        See: https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
        """
        return self.trigger.state_machine.metric_started(**_given(options))

    def metric_executions_succeeded(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return the number of executions that succeeded."""
        return self.trigger.state_machine.metric_succeeded(**_given(options))

    def metric_executions_failed(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return the number of executions that failed; those that timed out or were stopped are not among them."""
        return self.trigger.state_machine.metric_failed(**_given(options))

    def metric_execution_time(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return the time that executions took, in milliseconds, by default the average."""
        return self.trigger.state_machine.metric_time(**_given(options))

    def metric_failure_share(self, **options: Unpack[MathOptions]) -> cloudwatch.MathExpression:
        """Return the share of the executions of a period that failed, in percent of those that ended.

        Each execution of a failed batch that is bisected counts. `metric_object_failure_share` counts objects.
        """
        period = options.get("period")
        failed, ended = self._id("executions_failed"), self._id("executions_ended")
        metrics = {
            failed: self.metric_executions_failed(period=period, statistic="Sum"),
            # Every end has a time, whereas the counts have no value where there was nothing to count.
            ended: self.metric_execution_time(period=period, statistic="SampleCount"),
        }
        return _computed(f"100 * {failed} / {ended}", metrics, "Failed executions (%)", options)

    def metric_dead_letters(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return the number of messages in the dead-letter queue, by default the highest of the period."""
        return self.trigger.dead_letter_queue.metric_approximate_number_of_messages_visible(
            **{"statistic": "Maximum", **_given(options)}
        )

    def metric_undelivered_events(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return the number of events that EventBridge could not deliver, by default the highest of the period."""
        return self.trigger.undelivered_queue.metric_approximate_number_of_messages_visible(
            **{"statistic": "Maximum", **_given(options)}
        )

    def metric_dispatcher_errors(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return the number of invocations of the dispatcher that failed."""
        return self.trigger.ledger.dispatcher.metric_errors(**_given(options))

    def metric_waiting_uploads(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return the number of uploads without an execution, in open batches too; the pipeline must be monitored.

        It is measured each minute. Of more than 1,000 waiting batches, the first 1,000 count.
        """
        return self._own(WAITING_UPLOADS, "Maximum", options)

    def metric_age_of_oldest_waiting_upload(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return how long the oldest upload without an execution has waited, in seconds, 0 if none waits.

        It is measured each minute; the pipeline must be monitored.
        """
        return self._own(OLDEST_WAITING_UPLOAD, "Maximum", options)

    def metric_job_time_used(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return the part of its time limit that a job has used, in percent: of the job that is nearest to its limit.

        It is measured each minute while jobs run that have used half of the shortest limit; the pipeline must be
        monitored. Of more than ten such executions, the ten oldest are looked at.
        """
        return self._own(JOB_TIME_USED, "Maximum", options)

    def metric_objects_succeeded(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return the number of uploaded objects whose execution succeeded; the pipeline must be monitored."""
        return self._own(OBJECTS_SUCCEEDED, "Sum", options)

    def metric_objects_failed(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return the number of uploaded objects that failed for good; the pipeline must be monitored.

        An object of a failed batch that is bisected is counted once it is known to be the one that fails.
        """
        return self._own(OBJECTS_FAILED, "Sum", options)

    def metric_object_failure_share(self, **options: Unpack[MathOptions]) -> cloudwatch.MathExpression:
        """Return the share of the objects of a period that failed, in percent; the pipeline must be monitored."""
        period = options.get("period")
        failed, succeeded = self._id("objects_failed"), self._id("objects_succeeded")
        metrics = {
            failed: self.metric_objects_failed(period=period, statistic="Sum"),
            succeeded: self.metric_objects_succeeded(period=period, statistic="Sum"),
        }
        expression = f"100 * {failed} / ({succeeded} + {failed})"
        return _computed(expression, metrics, "Failed objects (%)", options)

    def _id(self, name: str) -> str:
        """Return an id for an expression that no other pipeline has, as graphs may show several."""
        return f"{name}_{self.trigger.node.addr[-8:]}"

    def _own(self, name: str, statistic: str, options: MetricOptions) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name=name,
            dimensions_map={"service": dimension_of(self.trigger.pipeline_name)},
            **{"statistic": statistic, **_given(options)},
        )


class TriggerMetrics(PipelineMetrics):
    """The metrics of the pipeline of a trigger.

    Args:
        trigger: the trigger.
    """

    def __init__(self, trigger: S3Trigger) -> None:
        self.trigger = trigger


def dimension_of(pipeline: str) -> str:
    """Return the value of the dimension ``service`` of the functions' own metrics, which is ASCII.

    See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
    """
    return pipeline.encode("ascii", "backslashreplace").decode("ascii")


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _computed(
    expression: str, metrics: Mapping[str, cloudwatch.IMetric], label: str, options: MathOptions
) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(
        expression=expression, using_metrics=dict(metrics), **{"label": label, **_given(options)}
    )
