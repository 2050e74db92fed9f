"""What the trigger's functions may do, each statement beside its source."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_sagemaker_processing._internal.grants import allow, grant_publish
from cdk_sagemaker_processing._internal.kms_grants import grant_encrypt, grant_table_key, suppress_key_wildcards
from cdk_sagemaker_processing._internal.nag import suppress_wildcards
from cdk_sagemaker_processing._internal.unmanaged_policies import UnmanagedPolicy
from cdk_sagemaker_processing.model import InvalidValueError, is_unresolved
from cdk_sagemaker_processing.model.names import EVENT_SOURCE

_HASHED = "an execution's name is a hash of the upload, not known before"


def grant_start_execution(
    scope: Construct,
    role: iam.IRole,
    state_machine: sfn.IStateMachine,
    manifest_bucket: s3.IBucket,
    manifests: str,
    *,
    in_parts: bool,
) -> None:
    """Start executions and write their manifests, large ones in parts."""
    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    _allow(role, ["states:StartExecution"], [state_machine.state_machine_arn])
    executions = _executions(scope, state_machine)
    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html: to compare the input of
    # an execution that exists already, and to see whether it has ended.
    _allow(role, ["states:DescribeExecution"], [executions])
    manifest_objects = manifest_bucket.arn_for_objects(f"{manifests}/*")
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
    _allow(role, ["s3:PutObject"], [manifest_objects], bucket=manifest_bucket)
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions: parts are decrypted to
    # be put together.
    grant_encrypt(manifest_bucket.encryption_key, role, decrypt=in_parts)
    suppress_wildcards(role, [executions], _HASHED)
    suppress_wildcards(role, [manifest_objects], "a manifest's name is a hash of the upload, not known before")


def report_job_permissions(
    scope: Construct,
    state_machine: sfn.IStateMachine,
    objects: tuple[s3.IBucket, Sequence[str]],
    manifest_bucket: s3.IBucket,
    manifests: str,
) -> None:
    """Have told what the jobs of an imported state machine have to be allowed: to read objects and manifests.

    Raises:
        InvalidValueError: a state machine of another account or region, which neither lets the function start it nor
            tells of its executions here.
    """
    if isinstance(state_machine, sfn.StateMachine):
        return
    stack = Stack.of(scope)
    arn = state_machine.state_machine_arn
    for theirs, ours in ((state_machine.env.account, stack.account), (state_machine.env.region, stack.region)):
        if theirs != ours and not is_unresolved(theirs) and not is_unresolved(ours):
            raise InvalidValueError(
                "state_machine",
                arn,
                f"be of the trigger's account and region, {stack.account} in {stack.region}",
                "make the trigger beside it, and let S3's events be sent there",
            )
    bucket, heads = objects
    policies = UnmanagedPolicy.of(
        state_machine, f"what the jobs of the state machine {arn} run as", until="their role has it already"
    )
    for place, starts in ((bucket, list(heads)), (manifest_bucket, [f"{manifests}/"])):
        keys = [place.arn_for_objects(f"{start}*") for start in starts]
        policies.needs(iam.PolicyStatement(actions=["s3:GetObject"], resources=keys))
        policies.needs(
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[place.bucket_arn],
                conditions={"StringLike": {"s3:prefix": [f"{start}*" for start in starts]}},
            )
        )
        if place.encryption_key is not None:
            policies.needs(iam.PolicyStatement(actions=["kms:Decrypt"], resources=[place.encryption_key.key_arn]))


def grant_publish_failures(
    scope: Construct,
    role: iam.IRole,
    state_machine: sfn.IStateMachine,
    dead_letter_queue: sqs.IQueue,
    topic: sns.ITopic | None,
) -> None:
    """Tell of failures, and put with the dead letters what cannot be worked on."""
    executions = _executions(scope, state_machine)
    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html: which job failed.
    _allow(role, ["states:GetExecutionHistory"], [executions])
    suppress_wildcards(role, [executions], _HASHED)
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    _allow(role, ["sqs:SendMessage"], [dead_letter_queue.queue_arn])
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html: a producer
    # needs kms:GenerateDataKey and kms:Decrypt.
    grant_encrypt(dead_letter_queue.encryption_master_key, role, decrypt=True)
    bus = Stack.of(scope).format_arn(service="events", resource="event-bus", resource_name="default")
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html: in this library's name alone.
    _allow(role, ["events:PutEvents"], [bus], {"StringEquals": {"events:source": EVENT_SOURCE}})
    if topic is not None:
        grant_publish(topic, role)
        if topic.master_key is not None:
            suppress_key_wildcards(role, "kms:GenerateDataKey*")


def grant_ledger_access(role: iam.IRole, table: dynamodb.ITableV2, key: kms.IKey | None) -> None:
    """Read and write the ledger."""
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html: a transaction needs
    # the permission for each kind of change in it.
    actions = ["GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"]
    _allow(role, [f"dynamodb:{action}" for action in actions], [table.table_arn])
    grant_table_key(key, role)


def grant_invoke_dispatcher(role: iam.IRole, function: lambda_.IFunction) -> None:
    """Invoke the dispatcher."""
    # https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    _allow(role, ["lambda:InvokeFunction"], [function.function_arn])


def grant_read_objects(role: iam.IRole, bucket: s3.IBucket, heads: Sequence[str]) -> None:
    """See whether objects are still there."""
    objects = [bucket.arn_for_objects(f"{head}*") for head in heads]
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html: s3:GetObject, and s3:ListBucket so that S3
    # says of an object that is gone that it is (404), and not that it may not be seen (403).
    _allow(role, ["s3:GetObject"], objects, bucket=bucket)
    _allow(role, ["s3:ListBucket"], [bucket.bucket_arn], bucket=bucket)
    suppress_wildcards(role, objects, "the objects that arrive are not known before")


def _allow(
    role: iam.IRole,
    actions: Sequence[str],
    resources: Sequence[str],
    conditions: dict[str, object] | None = None,
    *,
    bucket: s3.IBucket | None = None,
) -> None:
    statement = iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)
    allow(role, statement, bucket=bucket)


def _executions(scope: Construct, state_machine: sfn.IStateMachine) -> str:
    return Stack.of(scope).format_arn(
        service="states",
        resource="execution",
        resource_name=f"{_name(scope, state_machine)}:*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


def _name(scope: Construct, state_machine: sfn.IStateMachine) -> str:
    """The state machine's name; an imported one tells only its ARN."""
    if isinstance(state_machine, sfn.StateMachine):
        return state_machine.state_machine_name
    arn = Stack.of(scope).split_arn(state_machine.state_machine_arn, ArnFormat.COLON_RESOURCE_NAME)
    return arn.resource_name or "*"
