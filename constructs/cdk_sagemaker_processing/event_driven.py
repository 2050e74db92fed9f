"""An event-driven pipeline in one construct: objects arrive in S3, processing jobs run, their outputs are in S3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from aws_cdk import Annotations, Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_sagemaker_processing._internal.construct_tree import inherit, path_of
from cdk_sagemaker_processing._internal.dependencies import depend_on_policy_alone
from cdk_sagemaker_processing._internal.grants import grant_key
from cdk_sagemaker_processing._internal.log_group import state_machine_log_group
from cdk_sagemaker_processing._internal.nag import INLINE_POLICY, suppress, suppress_by_id
from cdk_sagemaker_processing._internal.regions import check_reference
from cdk_sagemaker_processing._internal.resource_facts import bucket_name_of, encryption_key_of, role_arn_of, role_of
from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError, names
from cdk_sagemaker_processing.model.s3_uri import split_s3_uri
from cdk_sagemaker_processing.monitoring import PipelineMetrics
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.resources import ProcessingBucket
from cdk_sagemaker_processing.safeguards import Safeguards
from cdk_sagemaker_processing.tasks import CapacityRetry, SageMakerCreateProcessingJob, constructed_as
from cdk_sagemaker_processing.trigger import MANIFESTS_PREFIX, GroupBy, ObjectPattern, S3Trigger
from cdk_sagemaker_processing.trigger.part_tags import check_pipeline_name
from cdk_sagemaker_processing.workflow import ProcessingSchedule, ProcessingWorkflow, WorkflowStep
from cdk_sagemaker_processing.workflow.time_templates import escaped, static_prefix

if TYPE_CHECKING:
    from aws_cdk import aws_scheduler as scheduler

    from cdk_sagemaker_processing.monitoring import PipelineMonitoring
    from cdk_sagemaker_processing.trigger.flush_schedule import FlushSchedule

_DEFAULT_MAX_RUNTIME_IN_SECONDS = 4 * 60 * 60


@public
class EventDrivenProcessing(Construct, PipelineMetrics):
    """A pipeline that runs processing jobs on every object that arrives in a bucket.

    It creates every part that is not passed to it, and each part is a property. The trigger, an `S3Trigger`, has
    queues, a DynamoDB table and two functions, with and without batches.

    Args:
        scope: the parent construct.
        construct_id: unique in the scope.
        steps: one or more steps, as for `ProcessingWorkflow`: what `Processor.run` or `retry_on_capacity` returned,
            `WorkflowStep`, or any states of aws-cdk. Steps that take results of others run after them, and in parallel
            with what they do not depend on. If no step takes a result of another, and all are processing jobs without
            `WorkflowStep`, they run in the order of the list; then every step but the last must keep the execution's
            input, by ``result_path=sfn.JsonPath.DISCARD`` or a path.
        input_bucket: the bucket that objects arrive in. Default: a new `ProcessingBucket`.
        prefixes: the prefixes of matching keys. Default: any.
        suffixes: the suffixes of matching keys. Default: any.
        wildcards: patterns of whole keys, as an alternative; ``*`` matches any text. Default: none.
        min_size_in_bytes: smaller objects start no execution; 1 excludes the empty objects that consoles create for
            folders. Default: 0.
        max_size_in_bytes: larger objects start no execution. EventBridge compares numbers up to 5,000,000,000, so do
            not rely on a size limit for larger objects. Default: any size.
        batch_size: the maximum number of objects in an execution, 1 to 100,000. Default: 1.
        batch_window: how long the first object of a batch waits for others, one minute to one day; up to one minute is
            added. Default: five minutes, when ``batch_size`` is above 1.
        group_by: the criterion that the objects of a batch share. Default: none.
        max_concurrent_jobs: the maximum number of concurrent executions, 1 to 1,000; the others wait without a limit.
            Default: no limit.
        max_replays: the maximum number of further executions for a failed batch, which is bisected to find the object
            that makes it fail, 0 to 1,000. Default: 50.
        reconcile: the interval at which the bucket is listed for uploads that no event reported, 15 minutes to 30 days.
            Default: never.
        failure_topic: receives a message for each failed execution. Default: none; see `S3Trigger.on_failure` for the
            event.
        failure_log_lines: the number of last lines of the job's log in a failure's event and message, 0 to 100. Whoever
            may read the events of the account's event bus, or the messages, reads them too; 0 grants no access to
            logs. In a VPC without internet access there are none unless it has an endpoint of CloudWatch Logs, which
            costs money: ``ProcessingVpcEndpoints(services=["logs"])``. Default: 20.
        removal_policy: applies when the trigger's queues and table, with the data in them, are removed from the stack.
            Default: they are retained.
        max_runtime_in_seconds: the limit of the steps that have none of their own. Default: 14,400, four hours; with
            the service's own default a forgotten job would cost a day.
        encryption_key: encrypts the buckets, queues, table and logs of this construct. The processors' buckets and the
            functions that several pipelines share use the key of the stack's `Safeguards`. Default: the key of the
            scope's `Safeguards`, or keys that the services manage.
        start_on_upload: whether uploads start executions; without, only the schedules of `on_schedule` and backfills
            do. Default: True.
        query_language: the query language of the state machine, and so of the steps that have none of their own.
            Default: JSONPath.

    Raises:
        InvalidValueError: no steps, or a value that the trigger refuses.
        ConflictingValuesError: a step whose outputs would start the pipeline again, or that replaces the input that the
            next step needs.

    Example:
        >>> processor = SKLearnProcessor(stack, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.xlarge")
        >>> split = processor.run(
        ...     "Split",
        ...     code="preprocess.py",
        ...     inputs=[uploaded_objects("/opt/ml/processing/input")],
        ...     outputs=[ProcessingOutput(output_name="train", source="/opt/ml/processing/train")],
        ... )
        >>> pipeline = EventDrivenProcessing(stack, "Pipeline", steps=[split], prefixes=["incoming/"])
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        steps: Sequence[sfn.IChainable | WorkflowStep],
        input_bucket: s3.IBucket | None = None,
        prefixes: Sequence[str] = (),
        suffixes: Sequence[str] = (),
        wildcards: Sequence[str] = (),
        min_size_in_bytes: int | None = None,
        max_size_in_bytes: int | None = None,
        batch_size: int = 1,
        batch_window: Duration | None = None,
        group_by: GroupBy | None = None,
        max_concurrent_jobs: int | None = None,
        max_replays: int = 50,
        reconcile: Duration | None = None,
        failure_topic: sns.ITopic | None = None,
        failure_log_lines: int = 20,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
        max_runtime_in_seconds: int = _DEFAULT_MAX_RUNTIME_IN_SECONDS,
        encryption_key: kms.IKey | None = None,
        start_on_upload: bool = True,
        query_language: sfn.QueryLanguage | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        inherit(self, scope, construct_id)
        Safeguards.take_key(self, encryption_key)
        self._removal_policy = removal_policy
        self.workflow: ProcessingWorkflow | None = (
            ProcessingWorkflow(self, "Workflow", steps=steps) if _is_workflow(steps) else None
        )
        self.steps = self.workflow.tasks if self.workflow is not None else _tasks_of(steps)
        for step in self.steps:
            check_reference(self, f"the role of the step {step.id!r}", step.role, role_arn_of(step.role))
        if input_bucket is not None:
            check_reference(self, "input_bucket", input_bucket, input_bucket.bucket_name)
        self.input_bucket: s3.IBucket = input_bucket or ProcessingBucket(self, "InputBucket")
        matching: dict[str, Any] = {
            "prefixes": prefixes,
            "suffixes": suffixes,
            "wildcards": wildcards,
            "min_size_in_bytes": min_size_in_bytes,
            "max_size_in_bytes": max_size_in_bytes,
        }
        pattern = ObjectPattern(**matching)
        for step in self.steps:
            self._refuse_loop(step, pattern)
        buckets = [step.bucket for step in self.steps if step.bucket is not None]
        self.output_bucket: s3.IBucket = buckets[0] if buckets else ProcessingBucket(self, "OutputBucket")
        check_pipeline_name(path_of(self))
        for step in self.steps:
            step.set_default_max_runtime(max_runtime_in_seconds)
            step.add_tag(names.EXECUTION_TAG, sfn.JsonPath.execution_id)
            step.add_tag(names.PIPELINE_TAG, names.tag_value(path_of(self)))
            step.grant_read_uri(f"s3://{bucket_name_of(self.output_bucket)}/{MANIFESTS_PREFIX}/", self.output_bucket)
            step.grant_read_prefixes(self.input_bucket, pattern.key_prefixes())
            for bucket in (self.input_bucket, self.output_bucket):
                if (key := encryption_key_of(bucket)) is not None:
                    grant_key(key, step.role, "kms:Decrypt", scope=step)
        self._warn_of_unencrypted_outputs(encryption_key)
        self.log_group = state_machine_log_group(self, "Logs")
        if start_on_upload:
            self._warn_of_unused_uploads()
        with constructed_as(self, "StateMachine"):
            self.state_machine = sfn.StateMachine(
                self,
                "StateMachine",
                query_language=query_language,
                definition_body=sfn.DefinitionBody.from_chainable(self._chain(steps)),
                logs=sfn.LogOptions(destination=self.log_group, level=sfn.LogLevel.ALL, include_execution_data=True),
                tracing_enabled=Safeguards.of(self).tracing,
            )
        inherit(self.state_machine, self, "StateMachine")
        depend_on_policy_alone(self.state_machine, role_of(self.state_machine))
        self._suppress_wildcards()
        self.trigger = S3Trigger(
            self,
            "Trigger",
            bucket=self.input_bucket,
            state_machine=self.state_machine,
            manifest_bucket=self.output_bucket,
            batch_size=batch_size,
            batch_window=batch_window,
            group_by=group_by,
            max_concurrent_jobs=max_concurrent_jobs,
            max_replays=max_replays,
            reconcile=reconcile,
            failure_topic=failure_topic,
            failure_log_lines=failure_log_lines,
            job_name_prefixes=[step.job_name_prefix for step in self.steps],
            pipeline_name=path_of(self),
            removal_policy=removal_policy,
            start_on_upload=start_on_upload,
            **matching,
        )

    @property
    def upload_uri(self) -> str:
        """The S3 URI to upload objects to so that they start the pipeline."""
        return f"s3://{bucket_name_of(self.input_bucket)}/{self.trigger.pattern.key_prefixes()[0]}"

    def on_schedule(
        self,
        construct_id: str,
        *,
        schedule: scheduler.ScheduleExpression,
        flush_batches: bool = False,
        window: Duration | None = None,
        prefix: str | None = None,
        fields: Mapping[str, str] | None = None,
        skip_empty: bool = True,
        time_window: scheduler.TimeWindow | None = None,
        enabled: bool = True,
    ) -> ProcessingSchedule | FlushSchedule:
        """Run the steps on a schedule, each time over the window of time since the last one, or flush the open batches.

        A run of the steps is an execution like that of an upload: `uploaded_objects` are the objects of the input
        bucket below ``prefix``. Its input also has ``start`` and ``end``, which only scheduled runs have, so a step
        may take ``sfn.JsonPath.string_at("$.start")`` if ``start_on_upload`` is False. It does not count for
        ``max_concurrent_jobs``. See `ProcessingSchedule`.

        Args:
            construct_id: unique in the pipeline.
            schedule: when: ``scheduler.ScheduleExpression.cron(...)``, ``rate(...)`` or ``at(...)``; a cron expression
                is in a time zone, by default in UTC.
            flush_batches: whether to start the open batches, instead of a run over a window; see
                `S3Trigger.flush_on_schedule`. Default: False.
            window: how far each window looks back. Default: to the end of the last window; the first one looks back a
                day.
            prefix: the prefix of the objects' keys, in which ``{start}`` and ``{end}``, also with a format such as
                ``{start:%Y/%m/%d}``, become the window's. Default: the first of the pipeline's prefixes.
            fields: further fields of the input, text in which ``{start}`` and ``{end}`` become the window's. Default:
                none.
            skip_empty: whether a window without an object below ``prefix`` starts nothing; a job with such an input
                fails. Default: True.
            time_window: a flexible time window, in which EventBridge Scheduler chooses the time. Default: none.
            enabled: whether the schedule is on. Default: True.

        Returns:
            The schedule, with its dead-letter queue and the alarm on it.

        Raises:
            ConflictingValuesError: a flush of a pipeline without batches, or with a window, a prefix or fields.
            InvalidValueError: an expression or a time zone that EventBridge Scheduler refuses, or a prefix or a field
                with other names in braces.

        Example:
            >>> pipeline.on_schedule(
            ...     "Nightly",
            ...     schedule=scheduler.ScheduleExpression.cron(hour="2", minute="0", time_zone=TimeZone.EUROPE_BERLIN),
            ...     prefix="incoming/{start:%Y/%m/%d}/",
            ... )
        """
        if flush_batches:
            windows = {"window": window, "prefix": prefix, "fields": fields}
            if used := [name for name, value in windows.items() if value is not None]:
                raise ConflictingValuesError(
                    f"{used[0]} goes only with a run over a window, got flush_batches=True; leave one of them out"
                )
            flush: FlushSchedule = self.trigger.flush_on_schedule(
                construct_id, schedule=schedule, time_window=time_window, enabled=enabled
            )
            return flush
        if prefix is None:
            prefix = escaped(self.trigger.pattern.key_prefixes()[0])
        created = ProcessingSchedule(
            self,
            construct_id,
            state_machine=self.state_machine,
            schedule=schedule,
            window=window,
            time_window=time_window,
            bucket=self.input_bucket,
            prefix=prefix,
            fields=fields,
            skip_empty=skip_empty,
            enabled=enabled,
            removal_policy=self._removal_policy,
        )
        for step in self.steps:
            step.grant_read_prefixes(self.input_bucket, [static_prefix(prefix)])
        self.trigger.add_alarm(created.alarm)
        return created

    def monitor(
        self,
        construct_id: str,
        *,
        topic: sns.ITopic | None = None,
        failure_share: float | None = 0.1,
        oldest_waiting: Duration | None = None,
        data_due: Duration | None = None,
        job_near_limit: float | None = 0.9,
        dashboard: bool = True,
    ) -> PipelineMonitoring:
        """Monitor the pipeline: alarms, whom they tell, and a dashboard. This costs money; see `PipelineMonitoring`.

        Args:
            construct_id: unique in the pipeline.
            topic: receives alarms and failed executions, each with the last lines of the job's log; a standard topic of
                this region. Default: none.
            failure_share: the share of objects that may fail in an hour, of at least ten, between 0 and 1. Default:
                0.1; None for no alarm.
            oldest_waiting: how long an upload may wait for its execution; longer than ``batch_window``. Default: an
                hour more than that.
            data_due: the time within which an upload must match the rules, whole hours up to seven days, or up to a day
                also a multiple of five minutes. Default: none, no alarm.
            job_near_limit: the share of its ``max_runtime_in_seconds`` that a job may use, between 0 and 1. Default:
                0.9; None for no alarm.
            dashboard: whether to create a dashboard. Default: True.

        Returns:
            The monitoring, with all alarms and the dashboard.

        Raises:
            InvalidValueError: a threshold out of its range, a FIFO topic, or one of another region.
            ConflictingValuesError: a time that batches wait anyway, or ``data_due`` where uploads start nothing.

        Example:
            >>> pipeline.monitor("Monitoring", topic=topic, data_due=Duration.hours(26))
        """
        from cdk_sagemaker_processing.monitoring import PipelineMonitoring  # noqa: PLC0415 - most apps do without

        return PipelineMonitoring(
            self,
            construct_id,
            trigger=self.trigger,
            steps=self.steps,
            topic=topic,
            failure_share=failure_share,
            oldest_waiting=oldest_waiting,
            data_due=data_due,
            job_near_limit=job_near_limit,
            dashboard=dashboard,
        )

    def _chain(self, steps: Sequence[Any]) -> sfn.IChainable:
        if self.workflow is not None:
            return self.workflow
        if len(steps) == 1:
            return cast("sfn.IChainable", steps[0])
        chain = sfn.Chain.start(steps[0])
        for step in steps[1:]:
            chain = chain.next(step)
        return chain

    def _refuse_loop(self, step: SageMakerCreateProcessingJob, pattern: ObjectPattern) -> None:
        """Check that no output of a step starts the pipeline again.

        Lambda's own loop detection does not cover S3 -> Lambda -> Step Functions -> SageMaker -> S3.
        """
        for parameter, uri in step.output_locations():
            bucket, key = split_s3_uri(uri)
            if bucket == bucket_name_of(self.input_bucket) and pattern.may_match_below(key):
                raise ConflictingValuesError(
                    f"{parameter} of the step {step.id!r} must not start the pipeline again, got a location in the "
                    f"input bucket that {pattern.describe()} match: {key or 'the whole bucket'!r}; "
                    "write to another bucket, or pass prefixes that do not match the outputs"
                )

    def _warn_of_unencrypted_outputs(self, encryption_key: kms.IKey | None) -> None:
        """Warn that the outputs are not encrypted with the key, although the user passed one."""
        bucket = self.output_bucket
        if encryption_key is not None and isinstance(bucket, ProcessingBucket) and bucket.encryption_key is None:
            Annotations.of(self).add_warning_v2(
                "cdk-sagemaker-processing:outputs-without-key",
                f"encryption_key does not encrypt the outputs: a processor created the bucket {bucket.node.path}; "
                "apply Safeguards(encryption_key=...) to the stack first, or pass bucket= to the processor",
            )

    def _warn_of_unused_uploads(self) -> None:
        """Warn that no step takes anything from the execution's input, which names the uploaded objects."""
        others = self.workflow is not None and len(self.workflow.steps) > len(self.steps)
        if not others and not any(step.uses_execution_input for step in self.steps):
            steps = ", ".join(repr(step.id) for step in self.steps)
            Annotations.of(self).add_warning_v2(
                "cdk-sagemaker-processing:uploads-unused",
                f"each upload starts the same job, because no step of {steps} takes the uploaded objects; pass "
                "inputs=[uploaded_objects()] to one of them, or a value of the execution's input, such as "
                "sfn.JsonPath.string_at('$.key')",
            )

    def _suppress_wildcards(self) -> None:
        reasons = {
            "AwsSolutions-IAM5[Resource::*]": (
                "sagemaker:ListTags (asked before the job's ARN is known), X-Ray and the delivery of logs support no "
                "narrower resource"
            )
        }
        suppress_by_id(self.state_machine, reasons)
        suppress(self.state_machine, INLINE_POLICY)
        for step in self.steps:
            step.suppress_wildcards_by_resource(self.state_machine)
        if self.workflow is not None:
            self.workflow.suppress_wildcards_by_resource(self.state_machine)


def _is_workflow(steps: object) -> bool:
    """Return whether steps are a graph, and not a sequence of tasks that do not refer to each other."""
    if not isinstance(steps, list | tuple):
        return False
    tasks = [step.task if isinstance(step, CapacityRetry) else step for step in steps]
    return any(not isinstance(task, SageMakerCreateProcessingJob) or task.step_references() for task in tasks)


def _tasks_of(steps: Sequence[Any]) -> list[SageMakerCreateProcessingJob]:
    if isinstance(steps, sfn.State) or not steps:
        raise InvalidValueError(
            "steps", steps, "be a list of at least one step", "pass what processor.run(...) returned"
        )
    if repeated := [step.id for index, step in enumerate(steps) if step in steps[:index]]:
        raise InvalidValueError(
            "steps",
            repeated[0],
            "have each step once",
            "a step that follows itself would run forever; call processor.run(...) again, with another id",
        )
    tasks = [step.task if isinstance(step, CapacityRetry) else step for step in steps]
    for task in tasks[:-1]:
        if task.replaces_input:
            raise ConflictingValuesError(
                f"the step {task.id!r} replaces the input that the next step needs; "
                "run it with result_path=sfn.JsonPath.DISCARD, or another path"
            )
    return tasks
