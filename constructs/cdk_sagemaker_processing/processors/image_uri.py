"""The URI of an image that SageMaker provides, in the region of a stack."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Unpack

from aws_cdk import CfnMapping, Stack, Token
from aws_cdk.region_info import RegionInfo
from constructs import Construct

from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from cdk_sagemaker_processing.model import (
    ConflictingValuesError,
    Framework,
    ImageBuild,
    InstancePreference,
    InvalidValueError,
    SageMakerImage,
    sagemaker_image,
)


def framework_image_uri(
    scope: Construct,
    framework: Framework,
    version: str,
    instance_type: str | None,
    preferences: Sequence[InstancePreference] | None,
    **build: Unpack[ImageBuild],
) -> str:
    """The URI of a framework's image for an instance type, or for all of several.

    Raises:
        InvalidValueError: a version, a Python version or an instance type that SageMaker has no image for.
        ConflictingValuesError: preferences that would need an image each.
    """
    check_instances(instance_type, preferences)
    wanted = [instance_type] if instance_type else [preference.instance_type for preference in preferences or ()]
    images = [sagemaker_image(framework, version, name, **build) for name in wanted]
    for name, image in zip(wanted, images, strict=True):
        if image.tag != images[0].tag:
            raise ConflictingValuesError(
                f"instance_preferences must run one image, got {wanted[0]!r} for {images[0].tag} and {name!r} for "
                f"{image.tag}; name instances with a GPU, or without"
            )
    return image_uri(scope, images[0])


def image_uri(scope: Construct, image: SageMakerImage) -> str:
    """The URI of the image in the stack's region.

    A stack that is bound to a region gets the account as text. One that is not gets a CloudFormation mapping from
    region to account, so that one template serves every region.

    Raises:
        InvalidValueError: SageMaker does not provide the image in the stack's region.
    """
    stack = Stack.of(scope)
    region = StackFacts.of(stack).region
    if Token.is_unresolved(region):
        account = _account_by_region(stack, image).find_in_map(region, "account")
    elif region in image.accounts:
        account = image.accounts[region]
    else:
        raise InvalidValueError(
            "region",
            region,
            f"be one where SageMaker provides {image.repository}: {', '.join(sorted(image.accounts))}",
        )
    return f"{account}.dkr.ecr.{region}.{_suffix(stack, region)}/{image.repository}:{image.tag}"


def _account_by_region(stack: Stack, image: SageMakerImage) -> CfnMapping:
    mapping_id = f"SageMakerImages-{image.repository}"
    existing = stack.node.try_find_child(mapping_id)
    if isinstance(existing, CfnMapping):
        return existing
    return CfnMapping(
        stack, mapping_id, mapping={region: {"account": account} for region, account in image.accounts.items()}
    )


def _suffix(stack: Stack, region: str) -> str:
    """The registry's domain; as text where the region is known, because job and image are in the same partition."""
    return stack.url_suffix if Token.is_unresolved(region) else _domain(region) or stack.url_suffix


@functools.cache
def _domain(region: str) -> str | None:
    return RegionInfo.get(region).domain_suffix


def check_instances(instance_type: str | None, preferences: Sequence[InstancePreference] | None) -> None:
    """Refuse a processor that does not say what to run on."""
    if instance_type is None and not preferences:
        raise InvalidValueError("instance_type", instance_type, "be given", "for example ml.m5.xlarge")
