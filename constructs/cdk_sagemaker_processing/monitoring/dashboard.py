"""The dashboard of a monitored pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from cdk_sagemaker_processing.model.names import PROCESSING_LOG_GROUP
from cdk_sagemaker_processing.monitoring.metrics import PipelineMetrics

_WIDTH: Final = 8
_FULL_WIDTH: Final = 24
_UTILIZATIONS: Final = ("CPUUtilization", "MemoryUtilization", "DiskUtilization")


def pipeline_dashboard(
    scope: Construct, metrics: PipelineMetrics, alarms: Sequence[cloudwatch.Alarm], job_name_prefixes: Sequence[str]
) -> cloudwatch.Dashboard:
    """Create the dashboard of a pipeline.

    Args:
        scope: the construct to live in.
        metrics: the metrics of the pipeline.
        alarms: its alarms.
        job_name_prefixes: the starts of the names of its jobs, by which the utilization of their hosts is found.
    """
    hour = Duration.hours(1)
    dashboard = cloudwatch.Dashboard(scope, "Dashboard", default_interval=Duration.days(1))
    trigger = metrics.trigger
    dashboard.add_widgets(
        cloudwatch.AlarmStatusWidget(alarms=list(alarms), title=trigger.pipeline_name, width=_FULL_WIDTH, height=3)
    )
    dashboard.add_widgets(
        _graph(
            "Uploads and objects, per 5 minutes",
            _uploads(metrics),
            metrics.metric_objects_succeeded(label="Succeeded"),
            metrics.metric_objects_failed(label="Failed"),
        ),
        _graph(
            "Executions, per 5 minutes",
            metrics.metric_executions_started(label="Started"),
            metrics.metric_executions_succeeded(label="Succeeded"),
            metrics.metric_executions_failed(label="Failed"),
        ),
        _graph(
            "Failed, in percent of an hour",
            metrics.metric_failure_share(period=hour, label="Executions"),
            metrics.metric_object_failure_share(period=hour, label="Objects"),
            left_y_axis=cloudwatch.YAxisProps(min=0, max=100),
        ),
    )
    dashboard.add_widgets(
        _graph("Uploads that wait", metrics.metric_waiting_uploads(label="Uploads")),
        _graph(
            "Age of the oldest upload that waits, in seconds",
            metrics.metric_age_of_oldest_waiting_upload(label="Seconds"),
        ),
        _graph(
            "Dead letters, undelivered events, errors of the dispatcher",
            metrics.metric_dead_letters(label="Dead letters"),
            metrics.metric_undelivered_events(label="Undelivered events"),
            metrics.metric_dispatcher_errors(label="Errors"),
        ),
    )
    dashboard.add_widgets(
        _graph(
            "Time of executions, in milliseconds",
            metrics.metric_execution_time(label="Average"),
            metrics.metric_execution_time(statistic="Maximum", label="Longest"),
        ),
        _graph("Time used of the job nearest to its limit, in percent", metrics.metric_job_time_used(label="Used")),
        _graph("Utilization of the jobs' hosts, in percent", *_utilization(scope, job_name_prefixes)),
    )
    return dashboard


def _uploads(metrics: PipelineMetrics) -> cloudwatch.IMetric:
    return metrics.metric_uploads(label="Uploads")


def _utilization(scope: Construct, job_name_prefixes: Sequence[str]) -> list[cloudwatch.IMetric]:
    """Return searches for the metrics of hosts, whose names start with the name of a job.

    See: https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
    See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
    """
    # A search compares words: of a name, all must be there.
    names = [f"({' AND '.join(prefix.strip('-').split('-'))})" for prefix in dict.fromkeys(job_name_prefixes) if prefix]
    hosts = f" AND ({' OR '.join(names)})" if names else ""
    region = StackFacts.of(scope).region
    return [
        cloudwatch.MathExpression(
            expression=f"SEARCH('{{{PROCESSING_LOG_GROUP},Host}} MetricName=\"{name}\"{hosts}', 'Maximum', 300)",
            label=name.removesuffix("Utilization"),
            search_region=region,
            using_metrics={},
        )
        for name in _UTILIZATIONS
    ]


def _graph(title: str, *metrics: cloudwatch.IMetric, **options: Any) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=_WIDTH, **options)
