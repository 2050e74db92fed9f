"""The check of removal policies."""

from __future__ import annotations

from aws_cdk import RemovalPolicy

from cdk_sagemaker_processing.model import InvalidValueError


def check_removal_policy(removal_policy: RemovalPolicy) -> None:
    """Check that CloudFormation has a removal policy for buckets, queues and tables.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html

    Raises:
        InvalidValueError: a snapshot, which none of them has.
    """
    if removal_policy == RemovalPolicy.SNAPSHOT:
        raise InvalidValueError(
            "removal_policy",
            removal_policy,
            "be one that buckets, queues and tables have",
            "RemovalPolicy.RETAIN keeps them, and RemovalPolicy.DESTROY deletes them",
        )
