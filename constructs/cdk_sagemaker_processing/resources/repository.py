"""A repository for images of one's own."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from constructs import Construct

from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.safeguards import Safeguards


@public
class ProcessingRepository(ecr.Repository):
    """An ECR repository for the images of processing jobs: scanned on push, tags immutable, leftovers expire.

    Let a job use an image of it with ``image_uri=repository.repository_uri_for_tag("1")`` and
    ``repository.grant_pull(processor.role)``.

    Args:
        scope: the construct to live in.
        construct_id: unique in the scope.
        encryption_key: encrypt with this key. Default: that of the scope's `Safeguards`, or AES-256 with keys that ECR
            manages.
        removal_policy: what happens to the repository when it leaves the stack. Default: it is retained.
        untagged_expiration: how long an image without tag is kept. Default: 14 days.

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
        key = encryption_key or Safeguards.of(scope).encryption_key
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
                    max_image_age=untagged_expiration or Duration.days(14),
                )
            ],
        )
