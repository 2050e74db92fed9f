"""The monitoring of a pipeline: alarms, whom they tell, and a dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakSet

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns
from constructs import Construct

from cdk_sagemaker_processing.model import ConflictingValuesError
from cdk_sagemaker_processing.monitoring.alarms import (
    Thresholds,
    data_due_alarm,
    failure_share_alarm,
    job_near_limit_alarm,
    oldest_waiting_alarm,
)
from cdk_sagemaker_processing.monitoring.dashboard import pipeline_dashboard
from cdk_sagemaker_processing.monitoring.metrics import TriggerMetrics
from cdk_sagemaker_processing.monitoring.topics import allow_publishing
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.tasks import SageMakerCreateProcessingJob
from cdk_sagemaker_processing.trigger import S3Trigger
from cdk_sagemaker_processing.trigger.passed_resources import check_topic
from cdk_sagemaker_processing.trigger.permissions import grant_describe_jobs

_MONITORED: WeakSet[S3Trigger] = WeakSet()


@public
class PipelineMonitoring(Construct):
    """The monitoring of a pipeline; `EventDrivenProcessing.monitor` creates it.

    It adds alarms to those that every trigger has (dead letters, undelivered events, a dispatcher that fails, and
    executions that fail, time out or are stopped): on the share of objects that fail, on uploads that wait for too
    long, on jobs near their time limits, and, if you say when data is due, on uploads that are missing. The topic
    receives the changes of all alarms to ``ALARM``, and a message for each failed execution: pipeline, objects, state,
    job, reason, the last lines of the job's log, and links.

    It costs, per month in USD, by the prices of US East (N. Virginia) without free tiers: 0.10 for each alarm, which is
    0.30, 0.40 with ``data_due``; 0.30 for each custom metric in the hours in which it has values, at most 1.50 for
    five; 3.00 for the dashboard; and about 0.12 for the function that measures each minute. The messages of the topic
    cost what SNS charges. See: https://aws.amazon.com/cloudwatch/pricing/

    Args:
        scope: the parent construct.
        construct_id: unique in the scope.
        trigger: the trigger of the pipeline. A trigger is monitored once.
        steps: the processing jobs of the pipeline: their names limit what the functions may describe, and the shortest
            of their time limits says from when on jobs are looked at. Default: any job, from its first minute.
        topic: receives alarms and failures; a standard topic of this region. Default: none; add an action to each of
            ``alarms``, and use `S3Trigger.on_failure`.
        failure_share: the share of objects that may fail in an hour, of at least ten, between 0 and 1. Default: 0.1;
            None for no alarm.
        oldest_waiting: how long an upload may wait for its execution; longer than ``batch_window``. Default: an hour
            more than that.
        data_due: the time within which an upload must match the rules, whole hours up to seven days, or up to a day
            also a multiple of five minutes. The alarm is active from the deployment to the first upload. Default: none,
            no alarm.
        job_near_limit: the share of its ``max_runtime_in_seconds`` that a job may use, between 0 and 1. Jobs are looked
            at each minute, so this reports jobs whose limit is ten minutes or more. Default: 0.9; None for no alarm.
        dashboard: whether to create a dashboard. Default: True.

    Attributes:
        alarms: all alarms of the pipeline; later schedules add theirs.
        dashboard: the dashboard; None without.

    Raises:
        InvalidValueError: a threshold out of its range, a FIFO topic, or one of another region.
        ConflictingValuesError: a time that batches wait anyway, ``data_due`` where uploads start nothing, or a pipeline
            that is monitored already.

    See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        trigger: S3Trigger,
        steps: Sequence[SageMakerCreateProcessingJob] = (),
        topic: sns.ITopic | None = None,
        failure_share: float | None = 0.1,
        oldest_waiting: Duration | None = None,
        data_due: Duration | None = None,
        job_near_limit: float | None = 0.9,
        dashboard: bool = True,
    ) -> None:
        super().__init__(scope, construct_id)
        if trigger in _MONITORED:
            raise ConflictingValuesError(
                f"a pipeline has one monitoring, got {self.node.path!r} for {trigger.pipeline_name!r}, which is "
                "monitored already; pass all thresholds in one call"
            )
        _MONITORED.add(trigger)
        thresholds = Thresholds(
            failure_share=failure_share,
            oldest_waiting=oldest_waiting,
            data_due=data_due,
            job_near_limit=job_near_limit,
        )
        window = trigger.batch_window_in_seconds
        thresholds.check(batch_window_in_seconds=window, starts_on_upload=trigger.starts_on_upload)
        if topic is not None:
            check_topic(self, "topic", topic)
        prefixes = [step.job_name_prefix for step in steps]
        self._measure(trigger, steps if job_near_limit is not None else None, prefixes)
        metrics = TriggerMetrics(trigger)
        created = [oldest_waiting_alarm(self, metrics, thresholds.waiting_seconds(window))]
        if failure_share is not None:
            created.append(failure_share_alarm(self, metrics, failure_share))
        if job_near_limit is not None:
            created.append(job_near_limit_alarm(self, metrics, job_near_limit))
        if data_due is not None:
            created.append(data_due_alarm(self, metrics, data_due.to_seconds()))
        for alarm in created:
            trigger.add_alarm(alarm)
        self.alarms = trigger.alarms
        if topic is not None:
            self._tell(topic, trigger)
        self.dashboard: cloudwatch.Dashboard | None = (
            pipeline_dashboard(self, metrics, self.alarms, prefixes) if dashboard else None
        )

    def _measure(
        self, trigger: S3Trigger, steps: Sequence[SageMakerCreateProcessingJob] | None, prefixes: Sequence[str]
    ) -> None:
        """Make the functions write metrics, and measure each minute what waits, and jobs near their limits."""
        dispatcher = trigger.ledger.dispatcher
        for function in (trigger.function, dispatcher):
            function.add_variable("MONITORED", "true")
        request: dict[str, float] = {}
        if steps is not None:
            limits = [step.max_runtime_in_seconds for step in steps]
            # Only a job that has used half of its time is of interest.
            request["seconds"] = min((limit or 0 for limit in limits), default=0) / 2
            grant_describe_jobs(self, dispatcher.execution_role, prefixes)
            dispatcher.add_call("sagemaker.api")
        events.Rule(
            self,
            "Minute",
            description=f"Measures what waits and runs in {trigger.pipeline_name}"[:512],
            schedule=events.Schedule.rate(Duration.minutes(1)),
            targets=[
                targets.LambdaFunction(
                    dispatcher,
                    event=events.RuleTargetInput.from_object({"measure": request}),
                    retry_attempts=0,
                    max_event_age=Duration.minutes(1),
                )
            ],
        )

    def _tell(self, topic: sns.ITopic, trigger: S3Trigger) -> None:
        """Send the changes of alarms to a topic, and failed executions unless the trigger sends them there itself."""
        allow_publishing(self, topic, "cloudwatch.amazonaws.com")
        trigger.add_alarm_action(actions.SnsAction(topic))
        if topic is not trigger.failure_topic:
            message = events.RuleTargetInput.from_event_path("$.detail")
            trigger.on_failure(f"{self.node.id}Failures", targets.SnsTopic(topic, message=message))
            allow_publishing(self, topic, "events.amazonaws.com")
