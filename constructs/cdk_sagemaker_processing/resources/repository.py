"""A repository for custom images."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from constructs import Construct

from cdk_sagemaker_processing._internal.shared_values import days
from cdk_sagemaker_processing._internal.whole_days import check_days
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.safeguards import Safeguards, check_key


@public
class ProcessingRepository(ecr.Repository):
    """An ECR repository for the images of processing jobs: scan on push, immutable tags, expiry of untagged images.

    To use one of its images in a job, pass ``image_uri=repository.repository_uri_for_tag("1")`` and
    call ``repository.grant_pull(processor.role)``.

    Args:
        scope: the parent construct.
        construct_id: unique in the scope.
        encryption_key: encrypts the images. Default: the key of the scope's `Safeguards`, or AES-256 with keys that ECR
            manages.
        removal_policy: applies when the repository is removed from the stack. Default: it is retained.
        untagged_expiration: how long an untagged image is kept, in whole days. Default: 14 days.

    Raises:
        InvalidValueError: an expiration that is not whole days, or a key that ECR cannot use.

    See: https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        encryption_key: kms.IKey | None = None,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
        untagged_expiration: Duration | None = None,
    ) -> None:
        check_days("untagged_expiration", untagged_expiration)
        key = encryption_key or Safeguards.of(scope).encryption_key
        if key is not None:
            check_key(scope, "encryption_key", key)
        super().__init__(
            scope,
            construct_id,
            encryption=ecr.RepositoryEncryption.KMS if key else ecr.RepositoryEncryption.AES_256,
            encryption_key=key,
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            removal_policy=removal_policy,
            lifecycle_rules=[
                ecr.LifecycleRule(
                    description="Images that no tag names any more",
                    tag_status=ecr.TagStatus.UNTAGGED,
                    max_image_age=untagged_expiration or days(14),
                )
            ],
        )
