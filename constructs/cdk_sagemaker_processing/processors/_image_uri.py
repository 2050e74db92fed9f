"""The URI of an image that SageMaker provides, in the region of a stack."""

from __future__ import annotations

from aws_cdk import CfnMapping, Stack, Token
from aws_cdk.region_info import RegionInfo
from constructs import Construct

from smproc.job import InvalidValue, SageMakerImage


def image_uri(scope: Construct, image: SageMakerImage) -> str:
    """The URI of the image in the stack's region.

    A stack that is bound to a region gets the account as text. One that is not gets a CloudFormation mapping from
    region to account, so that one template serves every region.

    Raises:
        InvalidValue: SageMaker does not provide the image in the stack's region.
    """
    stack = Stack.of(scope)
    if Token.is_unresolved(stack.region):
        account = _account_by_region(stack, image).find_in_map(stack.region, "account")
    elif stack.region in image.accounts:
        account = image.accounts[stack.region]
    else:
        raise InvalidValue(
            "region",
            stack.region,
            f"be one where SageMaker provides {image.repository}: {', '.join(sorted(image.accounts))}",
        )
    return f"{account}.dkr.ecr.{stack.region}.{_suffix(stack)}/{image.repository}:{image.tag}"


def _account_by_region(stack: Stack, image: SageMakerImage) -> CfnMapping:
    mapping_id = f"SageMakerImages-{image.repository}"
    existing = stack.node.try_find_child(mapping_id)
    if isinstance(existing, CfnMapping):
        return existing
    return CfnMapping(
        stack, mapping_id, mapping={region: {"account": account} for region, account in image.accounts.items()}
    )


def _suffix(stack: Stack) -> str:
    """The registry's domain; as text where the region is known, because job and image are in the same partition."""
    if Token.is_unresolved(stack.region):
        return stack.url_suffix
    return RegionInfo.get(stack.region).domain_suffix or stack.url_suffix
