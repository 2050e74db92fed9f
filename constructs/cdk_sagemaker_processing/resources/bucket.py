"""Buckets for the data of processing jobs and for access logs."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_sagemaker_processing._internal.construct_ids import shared_child
from cdk_sagemaker_processing._internal.construct_tree import default_child_of, inherit, path_of, stack_of
from cdk_sagemaker_processing._internal.nag import (
    NO_KEY_FOR_ACCESS_LOGS,
    NO_KEY_FOR_BUCKET,
    NO_REPLICATION,
    NO_REPLICATION_OF_ACCESS_LOGS,
    suppress,
)
from cdk_sagemaker_processing._internal.regions import check_region
from cdk_sagemaker_processing._internal.removal_policies import check_removal_policy
from cdk_sagemaker_processing._internal.resource_facts import bucket_name_of, objects_arn
from cdk_sagemaker_processing._internal.shared_values import days, service_principal
from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from cdk_sagemaker_processing._internal.whole_days import check_days
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.safeguards import Safeguards, check_key

_ACCESS_LOGS_ID = "ProcessingAccessLogs"


@public
class ProcessingBucket(s3.Bucket):
    """A retained bucket: encrypted, versioned, TLS only, never public, with access logs.

    Args:
        scope: the parent construct.
        construct_id: unique in the scope.
        encryption_key: encrypts the objects. Default: the key of the scope's `Safeguards`, or keys that S3 manages.
        access_logs_bucket: receives the access logs. Default: one bucket for the whole stack, created on first use.
        removal_policy: applies when the bucket is removed from the stack. Default: it is retained.
        noncurrent_version_expiration: how long overwritten and deleted objects can be restored, in whole days.
            Default: 90 days.
        replication_rules: replicate the objects, for example to a bucket in another region. Default: none.

    Raises:
        InvalidValueError: an expiration that is not whole days, or a key that S3 cannot use.

    See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        encryption_key: kms.IKey | None = None,
        access_logs_bucket: s3.IBucket | None = None,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
        noncurrent_version_expiration: Duration | None = None,
        replication_rules: Sequence[s3.ReplicationRule] = (),
    ) -> None:
        check_days("noncurrent_version_expiration", noncurrent_version_expiration)
        check_removal_policy(removal_policy)
        if access_logs_bucket is not None and not isinstance(access_logs_bucket, str):
            check_region(
                scope,
                "access_logs_bucket",
                access_logs_bucket,
                "S3 delivers access logs to a bucket of the same region",
                "create one in each region",
            )
        key = encryption_key or Safeguards.of(scope).encryption_key
        if key is not None:
            check_key(scope, "encryption_key", key)
        super().__init__(
            scope,
            construct_id,
            block_public_access=_no_public_access(),
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            bucket_key_enabled=True if key else None,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=removal_policy,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    abort_incomplete_multipart_upload_after=days(7),
                    noncurrent_version_expiration=noncurrent_version_expiration or days(90),
                )
            ],
            replication_rules=list(replication_rules) or None,
        )
        inherit(self, scope, construct_id)
        suppress(self, *([] if key else [NO_KEY_FOR_BUCKET]), *([] if replication_rules else [NO_REPLICATION]))
        self._log_accesses_to(access_logs_bucket or _access_logs_of(stack_of(self)))

    def _log_accesses_to(self, logs_bucket: s3.IBucket) -> None:
        """Log accesses, permitted by a bucket policy.

        aws-cdk's own property uses an ACL in apps without a certain feature flag.
        """
        resource = default_child_of(self)
        if not isinstance(resource, s3.CfnBucket):
            raise TypeError(f"the default child of {path_of(self)} must be a CfnBucket, got {resource!r}")
        prefix = f"{path_of(self)}/"
        resource.logging_configuration = s3.CfnBucket.LoggingConfigurationProperty(
            destination_bucket_name=bucket_name_of(logs_bucket), log_file_prefix=prefix
        )
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html#grant-log-delivery-permissions-general
        # A condition on aws:SourceArn would make the two buckets depend on each other; the account is known before.
        delivery = service_principal("logging.s3.amazonaws.com")
        actions, objects = ["s3:PutObject"], [objects_arn(logs_bucket, f"{prefix}*")]
        # Not by add_to_resource_policy, whose result jsii reads property by property.
        iam.Grant.add_statement_to_resource_policy(
            grantee=delivery,
            actions=actions,
            resource_arns=objects,
            resource=logs_bucket,
            statement=iam.PolicyStatement(
                actions=actions,
                principals=[delivery],
                resources=objects,
                conditions={"StringEquals": {"aws:SourceAccount": StackFacts.of(self).account}},
            ),
        )


@functools.cache
def _no_public_access() -> s3.BlockPublicAccess:
    return s3.BlockPublicAccess.BLOCK_ALL


def _access_logs_of(stack: Stack) -> s3.IBucket:
    """Return the stack's bucket for access logs, which has no access logs itself: they would never end."""
    existing, construct_id = shared_child(stack, _ACCESS_LOGS_ID, s3.Bucket)
    if existing is not None:
        return existing
    logs_bucket = s3.Bucket(
        stack,
        construct_id,
        block_public_access=_no_public_access(),
        # S3 log delivery cannot write to a bucket that is encrypted with a KMS key:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        removal_policy=RemovalPolicy.RETAIN,
        versioned=True,
        lifecycle_rules=[s3.LifecycleRule(expiration=days(365), noncurrent_version_expiration=days(90))],
    )
    suppress(logs_bucket, NO_KEY_FOR_ACCESS_LOGS, NO_REPLICATION_OF_ACCESS_LOGS)
    return logs_bucket
