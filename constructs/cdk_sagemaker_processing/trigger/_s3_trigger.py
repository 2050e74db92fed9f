"""Start a state machine for objects that arrive in S3."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Annotations, ArnFormat, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_sagemaker_processing._internal.acknowledge import acknowledge, acknowledge_wildcards
from cdk_sagemaker_processing._internal.function import LibraryFunction
from cdk_sagemaker_processing.trigger._object_pattern import ObjectPattern
from smproc.job import ConflictingValues, ProcessingInput

MANIFESTS_PREFIX = "manifests"
_FUNCTION_TIMEOUT = Duration.minutes(1)


def uploaded_objects(
    destination: str = "/opt/ml/processing/input",
    *,
    input_name: str | None = None,
    s3_data_distribution_type: str = "FullyReplicated",
) -> ProcessingInput:
    """The objects that started an execution, as an input of its job.

    Args:
        destination: the folder in the container; an object ``incoming/a.csv`` is there as ``a.csv``. Default:
            ``/opt/ml/processing/input``.
        input_name: unique in the job. Default: ``input-<position>``.
        s3_data_distribution_type: as for `ProcessingInput`. Default: ``FullyReplicated``.
    """
    return ProcessingInput(
        source=sfn.JsonPath.string_at("$.manifest_uri"),
        destination=destination,
        input_name=input_name,
        s3_data_type="ManifestFile",
        s3_data_distribution_type=s3_data_distribution_type,  # type: ignore[arg-type]  # checked by ProcessingInput
    )


class S3Trigger(Construct):
    """Start an execution of a state machine for each object that arrives in a bucket.

    S3 tells EventBridge, a rule takes the objects that match into an SQS queue, and a function starts one execution for
    each, under a name derived from the upload, so that what S3 delivers twice starts once. What fails five times is in
    the dead-letter queue, what EventBridge could not hand over for a day is in the queue of undelivered events, and
    each of the two has an alarm (``alarms``), to which you add an action.

    An execution's input is ``{"bucket", "key", "manifest_uri", "sequencer"}``; `uploaded_objects` makes a job's input
    of it.

    Args:
        scope: the construct to live in.
        construct_id: unique in the scope.
        bucket: where objects arrive. Its notifications to EventBridge are switched on when it is of this app.
        state_machine: what to start; a Standard one.
        manifest_bucket: where the lists of objects are written, below ``manifests/``.
        prefixes: what a key may start with. Default: anything.
        suffixes: what a key may end in. Default: anything.
        wildcards: what a whole key may look like, instead; ``*`` stands for any text. Default: none.
        min_size_in_bytes: smaller objects start nothing. Default: 0.
        max_size_in_bytes: larger objects start nothing. With a size, do not count on objects of more than
            5,000,000,000 bytes, up to which EventBridge compares. Default: any size.

    Raises:
        InvalidValue: something that can never match.
        ConflictingValues: manifests would start the pipeline again, or sizes that no object has.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket: s3.IBucket,
        state_machine: sfn.IStateMachine,
        manifest_bucket: s3.IBucket,
        prefixes: Sequence[str] = (),
        suffixes: Sequence[str] = (),
        wildcards: Sequence[str] = (),
        min_size_in_bytes: int | None = None,
        max_size_in_bytes: int | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.pattern = ObjectPattern(
            prefixes=prefixes,
            suffixes=suffixes,
            wildcards=wildcards,
            min_size_in_bytes=min_size_in_bytes,
            max_size_in_bytes=max_size_in_bytes,
        )
        if bucket.bucket_name == manifest_bucket.bucket_name and self.pattern.may_match_below(f"{MANIFESTS_PREFIX}/"):
            raise ConflictingValues(
                "manifest_bucket must not be a place that starts the pipeline again, got the bucket that objects "
                f"arrive in, where prefixes={list(prefixes)!r} match {MANIFESTS_PREFIX + '/'!r}; "
                "take another bucket, or give prefixes that manifests are not below"
            )
        _notify_event_bridge(bucket)
        self.dead_letter_queue = _dead_letters(self, "DeadLetterQueue")
        self.undelivered_queue = _dead_letters(self, "UndeliveredEvents")
        acknowledge(
            self.undelivered_queue,
            {"AwsSolutions-SQS3": "this is the dead-letter queue of the rule, which no queue's redrive policy names"},
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letter_queue, max_receive_count=5),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
            # Six times the function's time-out, so that a message is not delivered again while it is worked on:
            # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
            visibility_timeout=Duration.seconds(6 * _FUNCTION_TIMEOUT.to_seconds()),
        )
        self.function = LibraryFunction(
            self,
            "Function",
            source="s3_trigger",
            distributions=["aws-lambda-powertools", "jmespath", "typing-extensions"],
            description="Starts an execution for each object that arrived in S3",
            timeout=_FUNCTION_TIMEOUT,
            environment={
                "STATE_MACHINE_ARN": state_machine.state_machine_arn,
                "MANIFEST_BUCKET": manifest_bucket.bucket_name,
                "MANIFEST_PREFIX": MANIFESTS_PREFIX,
            },
        )
        self._let_it_start(state_machine, manifest_bucket)
        self.function.add_event_source(
            event_sources.SqsEventSource(self.queue, batch_size=10, report_batch_item_failures=True)
        )
        objects = self.pattern.to_event_pattern()
        self.rule = events.Rule(
            self,
            "Rule",
            description="Objects that start the pipeline",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [bucket.bucket_name]},
                    **({"object": objects} if objects else {}),
                },
            ),
            targets=[
                targets.SqsQueue(
                    self.queue,
                    dead_letter_queue=self.undelivered_queue,
                    # What EventBridge does by itself, said so that it is seen:
                    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
                    max_event_age=Duration.hours(24),
                    retry_attempts=185,
                )
            ],
        )
        self.alarms = [
            _alarm(self, "DeadLetterAlarm", self.dead_letter_queue, "Uploads that could not be made into an execution"),
            _alarm(self, "UndeliveredAlarm", self.undelivered_queue, "Uploads that EventBridge could not hand over"),
        ]

    def _let_it_start(self, state_machine: sfn.IStateMachine, manifest_bucket: s3.IBucket) -> None:
        role = self.function.execution_role
        # https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=["states:StartExecution"], resources=[state_machine.state_machine_arn])
        )
        executions = Stack.of(self).format_arn(
            service="states",
            resource="execution",
            resource_name=f"{_name(self, state_machine)}:*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        # https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html: to compare the
        # input of an execution that exists already.
        role.add_to_principal_policy(iam.PolicyStatement(actions=["states:DescribeExecution"], resources=[executions]))
        manifests = manifest_bucket.arn_for_objects(f"{MANIFESTS_PREFIX}/*")
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
        role.add_to_principal_policy(iam.PolicyStatement(actions=["s3:PutObject"], resources=[manifests]))
        if manifest_bucket.encryption_key is not None:
            manifest_bucket.encryption_key.grant_encrypt(role)
        acknowledge_wildcards(role, [executions], "an execution's name is a hash of the upload, not known before")
        acknowledge_wildcards(role, [manifests], "a manifest's name is a hash of the upload, not known before")


def _dead_letters(scope: Construct, construct_id: str) -> sqs.Queue:
    return sqs.Queue(
        scope,
        construct_id,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.days(14),
    )


def _alarm(scope: Construct, construct_id: str, queue: sqs.Queue, description: str) -> cloudwatch.Alarm:
    """An alarm for as long as something is in a queue of dead letters."""
    return cloudwatch.Alarm(
        scope,
        construct_id,
        alarm_description=f"{description}: look into the queue {queue.node.path}",
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/dead-letter-queues-alarms-cloudwatch.html
        metric=queue.metric_approximate_number_of_messages_visible(period=Duration.minutes(1), statistic="Maximum"),
        threshold=0,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluation_periods=1,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )


def _name(scope: Construct, state_machine: sfn.IStateMachine) -> str:
    """The state machine's name; an imported one tells only its ARN."""
    if isinstance(state_machine, sfn.StateMachine):
        return state_machine.state_machine_name
    arn = Stack.of(scope).split_arn(state_machine.state_machine_arn, ArnFormat.COLON_RESOURCE_NAME)
    return arn.resource_name or "*"


def _notify_event_bridge(bucket: s3.IBucket) -> None:
    """Let the bucket tell EventBridge of its objects.

    By the bucket's own property: aws-cdk's ``event_bridge_enabled`` adds a custom resource, a function and a role,
    which switch it off again for every other pipeline on the bucket when this one goes.
    """
    resource = bucket.node.default_child
    if isinstance(resource, s3.CfnBucket):
        resource.add_property_override(
            "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", value=True
        )
        return
    Annotations.of(bucket).add_info(
        f"{bucket.node.path} is imported: see that its notifications to EventBridge are on "
        "(aws s3api put-bucket-notification-configuration), or nothing will ever start"
    )
