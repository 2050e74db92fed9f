"""A whole pipeline in one construct: an object arrives in S3, processing jobs run, their outputs are in S3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import Annotations, Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_sagemaker_processing._internal.dependencies import depend_on_policy_alone
from cdk_sagemaker_processing._internal.grants import grant_key
from cdk_sagemaker_processing._internal.log_group import log_group
from cdk_sagemaker_processing._internal.nag import INLINE_POLICY, acknowledge, suppress
from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError
from cdk_sagemaker_processing.model.s3_uri import split_s3_uri
from cdk_sagemaker_processing.resources import ProcessingBucket
from cdk_sagemaker_processing.safeguards import Safeguards
from cdk_sagemaker_processing.tasks import CapacityRetry, SageMakerCreateProcessingJob
from cdk_sagemaker_processing.trigger import MANIFESTS_PREFIX, GroupBy, ObjectPattern, S3Trigger

_DEFAULT_MAX_RUNTIME_IN_SECONDS = 4 * 60 * 60


class EventDrivenProcessing(Construct):
    """Run processing jobs on every object that arrives in a bucket.

    Makes everything that is not handed to it, and every part is a property.

    Args:
        scope: the construct to live in.
        construct_id: unique in the scope.
        steps: what `Processor.run` or `retry_on_capacity` returned, one or more; they run one after the other. A step
            that another follows keeps the execution's input by ``result_path=sfn.JsonPath.DISCARD`` (or a path).
        input_bucket: where objects arrive. Default: a new `ProcessingBucket`.
        prefixes: what a key may start with. Default: anything.
        suffixes: what a key may end in. Default: anything.
        wildcards: what a whole key may look like, instead; ``*`` stands for any text. Default: none.
        min_size_in_bytes: smaller objects start nothing; 1 leaves out the empty ones that consoles make for folders.
            Default: 0.
        max_size_in_bytes: larger objects start nothing. With a size, do not count on objects of more than
            5,000,000,000 bytes, up to which EventBridge compares. Default: any size.
        batch_size: how many objects share an execution at most, 1 to 100,000. Default: 1.
        batch_window: how long the first object of a batch waits for others, one minute to one day, up to a minute more.
            Default: five minutes, when ``batch_size`` is above 1.
        group_by: what objects have in common that share a batch. Default: nothing.
        max_concurrent_jobs: how many executions run at once, 1 to 1,000; the others wait, however long. Default: no
            limit.
        max_replays: how many executions more a batch may have when it fails, to find in halves the object that makes it
            fail, 0 to 1,000. Default: 50.
        failure_topic: hears of each failed execution. Default: none; see `S3Trigger.on_failure` for the event.
        removal_policy: what becomes of the trigger's queues and table, and what waits in them, when they leave the
            stack. Default: they are retained.
        max_runtime_in_seconds: for the steps that have no limit of their own. Default: 14,400, four hours; the
            service's own default would let a forgotten job cost a day.
        encryption_key: encrypts what is made here: buckets, queues, table, logs. The processors' buckets and the
            functions that several pipelines share have that of the stack's `Safeguards`. Default: that of the scope's
            `Safeguards`, or keys that the services manage.

    Raises:
        InvalidValueError: no steps, or a value that the trigger refuses.
        ConflictingValuesError: a step writes where it would start the pipeline again, or replaces the input that the
            next one needs.

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
        steps: Sequence[SageMakerCreateProcessingJob | CapacityRetry],
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
        failure_topic: sns.ITopic | None = None,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
        max_runtime_in_seconds: int = _DEFAULT_MAX_RUNTIME_IN_SECONDS,
        encryption_key: kms.IKey | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        Safeguards.take_key(self, encryption_key)
        self.steps = _checked(steps)
        self._states = list(steps)
        self.input_bucket: s3.IBucket = input_bucket or ProcessingBucket(self, "InputBucket")
        which: dict[str, Any] = {
            "prefixes": prefixes,
            "suffixes": suffixes,
            "wildcards": wildcards,
            "min_size_in_bytes": min_size_in_bytes,
            "max_size_in_bytes": max_size_in_bytes,
        }
        pattern = ObjectPattern(**which)
        for step in self.steps:
            self._refuse_loop(step, pattern)
        self.output_bucket: s3.IBucket = self.steps[0].bucket or ProcessingBucket(self, "OutputBucket")
        for step in self.steps:
            step.set_default_max_runtime(max_runtime_in_seconds)
            step.add_tag("processing:execution", sfn.JsonPath.execution_id)
            step.add_tag("processing:pipeline", self.node.path)
            step.grant_read_uri(f"s3://{self.output_bucket.bucket_name}/{MANIFESTS_PREFIX}/", self.output_bucket)
            for head in pattern.heads():
                step.grant_read_uri(f"s3://{self.input_bucket.bucket_name}/{head}", self.input_bucket)
            for bucket in (self.input_bucket, self.output_bucket):
                if bucket.encryption_key is not None:
                    grant_key(bucket.encryption_key, step.role, "kms:Decrypt")
        self._warn_of_another_encryption(encryption_key)
        self.log_group = log_group(self, "Logs")
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            definition_body=sfn.DefinitionBody.from_chainable(self._chain()),
            logs=sfn.LogOptions(destination=self.log_group, level=sfn.LogLevel.ALL, include_execution_data=True),
            tracing_enabled=Safeguards.of(self).tracing,
        )
        depend_on_policy_alone(self.state_machine, self.state_machine.role)
        self._explain_wildcards()
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
            failure_topic=failure_topic,
            pipeline_name=self.node.path,
            removal_policy=removal_policy,
            **which,
        )

    @property
    def upload_uri(self) -> str:
        """Where to put an object so that it starts the pipeline."""
        return f"s3://{self.input_bucket.bucket_name}/{self.trigger.pattern.heads()[0]}"

    def _chain(self) -> sfn.IChainable:
        chain = sfn.Chain.start(self._states[0])
        for step in self._states[1:]:
            chain = chain.next(step)
        return chain

    def _refuse_loop(self, step: SageMakerCreateProcessingJob, pattern: ObjectPattern) -> None:
        """Lambda's loop detection does not see S3 -> Lambda -> Step Functions -> SageMaker -> S3."""
        bucket = self.input_bucket.bucket_name
        for parameter, uri in step.output_places():
            place, key = split_s3_uri(uri)
            if place == bucket and pattern.may_match_below(key):
                raise ConflictingValuesError(
                    f"{parameter} of the step {step.id!r} must not start the pipeline again, got a place in the input "
                    f"bucket that {pattern.shown()} match: {key or 'the whole bucket'!r}; "
                    "write to another bucket, or give prefixes that the outputs are not below"
                )

    def _warn_of_another_encryption(self, encryption_key: kms.IKey | None) -> None:
        """Say that outputs are not encrypted with the key, which somebody who gave one counts on."""
        bucket = self.output_bucket
        if encryption_key is not None and isinstance(bucket, ProcessingBucket) and bucket.encryption_key is None:
            Annotations.of(self).add_warning_v2(
                "cdk-sagemaker-processing:outputs-without-key",
                f"encryption_key does not encrypt the outputs: the bucket {bucket.node.path} was made by a processor; "
                "apply Safeguards(encryption_key=...) to the stack first, or hand the processor bucket=",
            )

    def _explain_wildcards(self) -> None:
        reasons = {
            "AwsSolutions-IAM5[Resource::*]": (
                "sagemaker:ListTags (asked before the job's ARN is known), X-Ray and the delivery of logs support no "
                "narrower resource"
            )
        }
        acknowledge(self.state_machine, reasons)
        suppress(self.state_machine, INLINE_POLICY)
        for step in self.steps:
            step.suppress_wildcards_by_resource(self.state_machine)


def _checked(steps: Sequence[SageMakerCreateProcessingJob | CapacityRetry]) -> list[SageMakerCreateProcessingJob]:
    if isinstance(steps, sfn.State) or not steps:
        raise InvalidValueError(
            "steps", steps, "be a list of at least one step", "hand it what processor.run(...) returned"
        )
    tasks = [step.task if isinstance(step, CapacityRetry) else step for step in steps]
    for task in tasks[:-1]:
        if task.replaces_input:
            raise ConflictingValuesError(
                f"the step {task.id!r} replaces the input that the next step needs; "
                "run it with result_path=sfn.JsonPath.DISCARD, or a path of its own"
            )
    return tasks
