"""Grants on a customer managed key: to roles in their own policies, to services in the key policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import IConstruct

from cdk_sagemaker_processing._internal.grants import grant_key, key_policy
from cdk_sagemaker_processing._internal.nag import suppress_by_id
from cdk_sagemaker_processing._internal.stack_facts import StackFacts


def grant_encrypt(
    key: kms.IKey | None, role: iam.IRole, *, decrypt: bool = False, scope: IConstruct | None = None
) -> None:
    """Grant a role the use of a key to write data that S3 or SQS encrypts, and optionally to read it.

    Both services call KMS on behalf of their caller: for a data key to write, and to decrypt multipart uploads and
    data that is read. Without a key nothing is granted.

    Args:
        key: the key; None to grant nothing.
        role: the role.
        decrypt: whether the role also reads. Default: False.
        scope: the construct that uses the role, in whose stack the statement belongs. Default: the role's own stack.

    See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html and
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    """
    if key is not None:
        grant_key(key, role, *(["kms:Decrypt"] if decrypt else []), "kms:GenerateDataKey", scope=scope)


def grant_table_key(key: kms.IKey | None, role: iam.IRole) -> None:
    """Grant a role the use of the key of a table: DynamoDB uses it on behalf of its caller.

    See: https://docs.aws.amazon.com/kms/latest/developerguide/services-dynamodb.html
    """
    if key is not None:
        wildcards = ["kms:ReEncrypt*", "kms:GenerateDataKey*"]
        grant_key(key, role, "kms:Decrypt", "kms:Encrypt", "kms:DescribeKey", *wildcards)
        suppress_key_wildcards(role, *wildcards)


def suppress_key_wildcards(role: IConstruct, *actions: str) -> None:
    """Suppress cdk-nag's findings on actions on a key that end in a wildcard."""
    reason = "as AWS documents the use of a key: both actions that start so, on one key"
    suppress_by_id(role, {f"AwsSolutions-IAM5[Action::{action}]": reason for action in actions})


def grant_key_to_log_groups(key: kms.IKey, scope: IConstruct) -> None:
    """Grant CloudWatch Logs the use of a key for the log groups of the account, and for nothing else.

    See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    facts = StackFacts.of(scope)
    _grant_key_to_service(
        key,
        f"logs.{facts.region}.amazonaws.com",
        ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
        # CloudFormation names a log group, and it does so after it has created the key.
        {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": facts.arn("logs", "log-group:*")}},
    )


def grant_key_to_eventbridge(key: kms.IKey) -> None:
    """Grant EventBridge the use of a key to send events to encrypted queues.

    The statement has no condition, like those on AWS's pages. For topics AWS documents that conditions on
    ``aws:SourceAccount`` and ``aws:SourceArn`` are not supported, and an event that EventBridge may not encrypt does
    not reach its queue. The policies of the queues name the only rules that may send.

    See: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-troubleshooting.html#eb-sqs-encrypted,
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html#compatibility-with-aws-services
    and https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    """
    _grant_key_to_service(key, "events.amazonaws.com", ["kms:Decrypt", "kms:GenerateDataKey"])


def grant_key_to_publisher(key: kms.IKey, service: str) -> None:
    """Grant a service, such as ``cloudwatch.amazonaws.com``, the use of a key to publish to encrypted topics.

    The statement has no condition, for the reason that `grant_key_to_eventbridge` gives.

    See: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    """
    _grant_key_to_service(key, service, ["kms:Decrypt", "kms:GenerateDataKey*"])


def _grant_key_to_service(
    key: kms.IKey, service: str, actions: Sequence[str], conditions: Mapping[str, object] | None = None
) -> None:
    statement = iam.PolicyStatement(
        actions=actions,
        principals=[iam.ServicePrincipal(service)],
        resources=["*"],  # in a key policy, "*" is the key itself
        conditions=conditions,
    )
    if not key.add_to_resource_policy(statement, allow_no_op=True).statement_added:
        key_policy(key).require(statement)
