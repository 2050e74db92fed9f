"""Let others use the user's key: roles by their own policy, services by the key's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import IConstruct

from cdk_sagemaker_processing._internal.grants import grant_key, policy_of
from cdk_sagemaker_processing._internal.nag import acknowledge
from cdk_sagemaker_processing._internal.stack_facts import StackFacts


def grant_encrypt(key: kms.IKey | None, role: iam.IRole, *, decrypt: bool = False) -> None:
    """Let a role write what S3 or SQS encrypts with a key, or read it too; without a key nothing is needed.

    Both ask KMS in their caller's name for a data key, and decrypt what comes in parts or is read.

    See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html and
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    """
    if key is not None:
        grant_key(key, role, *(["kms:Decrypt"] if decrypt else []), "kms:GenerateDataKey")


def grant_table_key(key: kms.IKey | None, role: iam.IRole) -> None:
    """Let a role work with a table that a key encrypts: DynamoDB uses it in its caller's name.

    See: https://docs.aws.amazon.com/kms/latest/developerguide/services-dynamodb.html
    """
    if key is not None:
        wildcards = ["kms:ReEncrypt*", "kms:GenerateDataKey*"]
        grant_key(key, role, "kms:Decrypt", "kms:Encrypt", "kms:DescribeKey", *wildcards)
        suppress_key_wildcards(role, *wildcards)


def suppress_key_wildcards(role: IConstruct, *actions: str) -> None:
    """Explain to cdk-nag actions on a key that end in a wildcard."""
    reason = "as AWS documents the use of a key: both actions that start so, on one key"
    acknowledge(role, {f"AwsSolutions-IAM5[Action::{action}]": reason for action in actions})


def grant_key_to_log_groups(key: kms.IKey, scope: IConstruct) -> None:
    """Let CloudWatch Logs encrypt the account's log groups with a key, and nothing else.

    See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    facts = StackFacts.of(scope)
    _grant_key_to_service(
        key,
        f"logs.{facts.region}.amazonaws.com",
        ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
        # A group is named by CloudFormation, after the key is made.
        {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": facts.arn("logs", "log-group:*")}},
    )


def grant_key_to_eventbridge(key: kms.IKey, scope: IConstruct) -> None:
    """Let EventBridge put the account's events into queues that a key encrypts.

    See: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    """
    _grant_key_to_service(
        key,
        "events.amazonaws.com",
        ["kms:Decrypt", "kms:GenerateDataKey"],
        {"StringEquals": {"aws:SourceAccount": StackFacts.of(scope).account}},
    )


def _grant_key_to_service(
    key: kms.IKey, service: str, actions: Sequence[str], conditions: Mapping[str, object]
) -> None:
    statement = iam.PolicyStatement(
        actions=actions,
        principals=[iam.ServicePrincipal(service)],
        resources=["*"],  # in a key's policy: the key
        conditions=conditions,
    )
    if not key.add_to_resource_policy(statement, allow_no_op=True).statement_added:
        policy_of(key).needs(statement)
