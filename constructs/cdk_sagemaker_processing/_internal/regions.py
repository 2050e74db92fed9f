"""Checks that resources are in the region of the construct that uses them."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import IConstruct

from cdk_sagemaker_processing.model import InvalidValueError, is_unresolved


def check_region(
    scope: IConstruct, parameter: str, resource: s3.IBucket | sns.ITopic, reason: str, advice: str
) -> None:
    """Check that a resource is in the region of a construct, as far as both regions are known at synth.

    Args:
        scope: the construct that uses the resource.
        parameter: the parameter's name for the message.
        resource: the resource.
        reason: the reason for the rule, phrased to follow a colon.
        advice: the remedy.

    Raises:
        InvalidValueError: the resource is in another region.
    """
    region, other = Stack.of(scope).region, resource.env.region
    if region != other and not is_unresolved(region) and not is_unresolved(other):
        raise InvalidValueError(parameter, f"one in {other}", f"be in {region}: {reason}", advice)
