"""The permissions of the trigger's functions, each statement with its source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from aws_cdk import ArnFormat
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_sagemaker_processing._internal.construct_tree import stack_of
from cdk_sagemaker_processing._internal.grants import allow, grant_publish
from cdk_sagemaker_processing._internal.kms_grants import grant_encrypt, grant_table_key, suppress_key_wildcards
from cdk_sagemaker_processing._internal.nag import suppress_wildcards
from cdk_sagemaker_processing._internal.policy_text import policy_prefixes, policy_text
from cdk_sagemaker_processing._internal.resource_facts import encryption_key_of, objects_arn, text_of
from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from cdk_sagemaker_processing._internal.statements import Statement
from cdk_sagemaker_processing._internal.unmanaged_policies import UnmanagedPolicy
from cdk_sagemaker_processing.model import InvalidValueError, is_unresolved
from cdk_sagemaker_processing.model.names import EVENT_SOURCE, PROCESSING_LOG_GROUP

# Of at most some 200 characters each: a managed policy has at most 6,144.
_RESOURCES_MAX: Final = 20
_HASHED = "an execution's name is a hash of the upload, not known before"


def grant_start_execution(
    role: iam.IRole,
    state_machine: sfn.IStateMachine,
    manifest_bucket: s3.IBucket,
    manifests_prefix: str,
) -> None:
    """Grant a role permission to start and list executions, and to write their manifests."""
    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html: those that run, of which
    # one request returns up to 1,000.
    _allow(role, ["states:StartExecution", "states:ListExecutions"], [text_of(state_machine, "state_machine_arn")])
    manifest_objects = objects_arn(manifest_bucket, f"{manifests_prefix}/*")
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
    _allow(role, ["s3:PutObject"], [manifest_objects], bucket=manifest_bucket)
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html: when a part fails, so that the
    # others are not billed. S3 documents that the initiator may do so by default; the grant does not rely on it.
    # Without batches too: a batch that is open when they are turned off becomes an execution later.
    _allow(role, ["s3:AbortMultipartUpload"], [manifest_objects], bucket=manifest_bucket)
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions: S3 decrypts
    # the parts to assemble them.
    grant_encrypt(encryption_key_of(manifest_bucket), role, decrypt=True)
    suppress_wildcards(role, [manifest_objects], "a manifest's name is a hash of the upload, not known before")


def report_job_permissions(
    scope: Construct,
    state_machine: sfn.IStateMachine,
    objects: tuple[s3.IBucket, Sequence[str]],
    manifest_bucket: s3.IBucket,
    manifests_prefix: str,
) -> None:
    """Report the permissions that the jobs of an imported state machine need: to read objects and manifests.

    Raises:
        InvalidValueError: a state machine in another account or region, which the function cannot start and whose
            events do not arrive here.
    """
    if isinstance(state_machine, sfn.StateMachine):
        return
    stack = stack_of(scope)
    arn = text_of(state_machine, "state_machine_arn")
    environment = state_machine.env
    for actual, expected in ((environment.account, stack.account), (environment.region, stack.region)):
        if actual != expected and not is_unresolved(actual) and not is_unresolved(expected):
            raise InvalidValueError(
                "state_machine",
                arn,
                f"be of the trigger's account and region, {stack.account} in {stack.region}",
                "create the trigger in the same account and region, with a bucket of that region, and forward the "
                "events of S3 to it if the bucket is in another account",
            )
    bucket, key_prefixes = objects
    policies = UnmanagedPolicy.of(
        state_machine, f"what the jobs of the state machine {arn} run as", unless="their role has it already"
    )
    for source, prefixes in ((bucket, list(key_prefixes)), (manifest_bucket, [f"{manifests_prefix}/"])):
        matched = [f"{policy_text(prefix)}*" for prefix in policy_prefixes(prefixes)]
        keys = [objects_arn(source, text) for text in matched]
        policies.require(Statement(actions=["s3:GetObject"], resources=keys))
        policies.require(
            Statement(
                actions=["s3:ListBucket"],
                resources=[text_of(source, "bucket_arn")],
                conditions={"StringLike": {"s3:prefix": matched}},
            )
        )
        if source.encryption_key is not None:
            policies.require(Statement(actions=["kms:Decrypt"], resources=[source.encryption_key.key_arn]))


def grant_publish_failures(
    scope: Construct,
    roles: Sequence[iam.IRole],
    state_machine: sfn.IStateMachine,
    dead_letter_queue: sqs.IQueue,
    topic: sns.ITopic | None,
) -> None:
    """Grant roles permission to describe executions, to publish failures and to send dead letters."""
    executions = execution_arns(scope, state_machine)
    key = dead_letter_queue.encryption_master_key
    bus = StackFacts.of(scope).arn("events", "event-bus/default")
    for role in roles:
        # https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html: to check whether an
        # execution exists, is about the same upload and has ended, also before its objects are started again.
        # https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html: the failed job.
        _allow(role, ["states:DescribeExecution", "states:GetExecutionHistory"], [executions])
        suppress_wildcards(role, [executions], _HASHED)
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
        _allow(role, ["sqs:SendMessage"], [text_of(dead_letter_queue, "queue_arn")])
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html: a producer
        # needs kms:GenerateDataKey and kms:Decrypt.
        grant_encrypt(key, role, decrypt=True)
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html: only events of this library.
        _allow(role, ["events:PutEvents"], [bus], {"StringEquals": {"events:source": EVENT_SOURCE}})
        if topic is not None:
            grant_publish(topic, role)
            if topic.master_key is not None:
                suppress_key_wildcards(role, "kms:GenerateDataKey*")


def grant_read_job_logs(scope: Construct, role: iam.IRole, job_name_prefixes: Sequence[str]) -> None:
    """Grant a role permission to read the last lines of the logs of jobs."""
    group = StackFacts.of(scope).arn("logs", f"log-group:{PROCESSING_LOG_GROUP}")
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html: the streams of
    # a job, each of which ends in a time that is not known. That page has the ARN of a group without :*, and
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html has it with.
    _allow(role, ["logs:DescribeLogStreams"], [group, f"{group}:*"])
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
    streams = [f"{group}:log-stream:{prefix}*" for prefix in dict.fromkeys(job_name_prefixes or ("",))]
    for some in _in_statements(streams):
        _allow(role, ["logs:GetLogEvents"], some)
    suppress_wildcards(role, [f"{group}:*", *streams], "the streams of a job have its name, which is not known before")


def grant_describe_jobs(scope: Construct, role: iam.IRole, job_name_prefixes: Sequence[str]) -> None:
    """Grant a role permission to describe jobs, to compare their times with their limits."""
    facts = StackFacts.of(scope)
    jobs = [facts.arn("sagemaker", f"processing-job/{prefix}*") for prefix in dict.fromkeys(job_name_prefixes or ("",))]
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeProcessingJob.html
    for some in _in_statements(jobs):
        _allow(role, ["sagemaker:DescribeProcessingJob"], some)
    suppress_wildcards(role, jobs, "the name of a job ends in a UUID")


def grant_ledger_access(role: iam.IRole, table: dynamodb.ITableV2, key: kms.IKey | None) -> None:
    """Grant a role permission to read and write the ledger's table."""
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html: a transaction needs
    # the permission for each of its operations.
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html: the items of many uploads or
    # runs in one request.
    actions = ["GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"]
    _allow(role, [f"dynamodb:{action}" for action in actions], [text_of(table, "table_arn")])
    grant_table_key(key, role)


def grant_scan_ledger(role: iam.IRole, table: dynamodb.ITableV2) -> None:
    """Grant a role permission to read any items of the ledger's table, to find those of an earlier version."""
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html
    _allow(role, ["dynamodb:Scan"], [text_of(table, "table_arn")])


def grant_count_messages(role: iam.IRole, queues: Sequence[sqs.IQueue]) -> None:
    """Grant a role permission to count the messages of some queues."""
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html: how many dead
    # letters there are, for `smproc status`. It reads no message, so it needs no key.
    _allow(role, ["sqs:GetQueueAttributes"], [text_of(queue, "queue_arn") for queue in queues])


def grant_list_uploads(
    role: iam.IRole,
    bucket: s3.IBucket,
    key_prefixes: Sequence[str],
    rules: Sequence[events.IRule],
    table: dynamodb.ITableV2,
) -> None:
    """Grant a role permission to list what is in the bucket, as a backfill and a reconciliation do."""
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html, which alone shows the version of an
    # object, only with a prefix that may match:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html#example-object-based
    matched = [f"{policy_text(prefix)}*" for prefix in policy_prefixes(key_prefixes)]
    matching: dict[str, object] = {"StringLike": {"s3:prefix": matched}}
    _allow(role, ["s3:ListBucketVersions"], [text_of(bucket, "bucket_arn")], matching, bucket=bucket)
    # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DescribeRule.html: the patterns that events and
    # listings are filtered by.
    _allow(role, ["events:DescribeRule"], [text_of(rule, "rule_arn") for rule in rules])
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTable.html: the time of the table's
    # creation, before which no upload was recorded.
    _allow(role, ["dynamodb:DescribeTable"], [text_of(table, "table_arn")])


def grant_invoke_dispatcher(role: iam.IRole, function: lambda_.IFunction) -> None:
    """Grant a role permission to invoke the dispatcher."""
    # https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    _allow(role, ["lambda:InvokeFunction"], [text_of(function, "function_arn")])


def grant_read_objects(role: iam.IRole, bucket: s3.IBucket, key_prefixes: Sequence[str]) -> None:
    """Grant a role permission to check whether objects still exist."""
    objects = [objects_arn(bucket, f"{policy_text(prefix)}*") for prefix in policy_prefixes(key_prefixes)]
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html: s3:GetObject, and s3:ListBucket so that S3
    # reports a missing object as missing (404) and not as forbidden (403).
    _allow(role, ["s3:GetObject"], objects, bucket=bucket)
    _allow(role, ["s3:ListBucket"], [text_of(bucket, "bucket_arn")], bucket=bucket)
    suppress_wildcards(role, objects, "the objects that arrive are not known before")


def grant_list_keys(role: iam.IRole, bucket: s3.IBucket, key_prefixes: Sequence[str]) -> None:
    """Grant a role permission to check that an object exists, and that no other key starts with its key."""
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html, only with a prefix that may match:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html#example-object-based
    matched = [f"{policy_text(prefix)}*" for prefix in policy_prefixes(key_prefixes)]
    matching: dict[str, object] = {"StringLike": {"s3:prefix": matched}}
    _allow(role, ["s3:ListBucket"], [text_of(bucket, "bucket_arn")], matching, bucket=bucket)


def _in_statements(resources: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield resources in statements of which aws-cdk can put each into a policy of its own."""
    for start in range(0, len(resources), _RESOURCES_MAX):
        yield resources[start : start + _RESOURCES_MAX]


def _allow(
    role: iam.IRole,
    actions: Sequence[str],
    resources: Sequence[str],
    conditions: dict[str, object] | None = None,
    *,
    bucket: s3.IBucket | None = None,
) -> None:
    statement = Statement(actions, resources, conditions)
    allow(role, statement, bucket=bucket)


def execution_arns(scope: Construct, state_machine: sfn.IStateMachine) -> str:
    """Return the ARN of all executions of a state machine."""
    return StackFacts.of(scope).arn("states", f"execution:{_name(scope, state_machine)}:*")


def _name(scope: Construct, state_machine: sfn.IStateMachine) -> str:
    """Return the state machine's name, of an imported one from its ARN."""
    if isinstance(state_machine, sfn.StateMachine):
        return text_of(state_machine, "state_machine_name")
    arn = stack_of(scope).split_arn(text_of(state_machine, "state_machine_arn"), ArnFormat.COLON_RESOURCE_NAME)
    return arn.resource_name or "*"
