"""The URIs of the images that SageMaker provides, in the region of a stack."""

from __future__ import annotations

import functools
import re
from typing import Final, Unpack

from aws_cdk import CfnMapping, Stack
from constructs import Construct

from cdk_sagemaker_processing._internal.construct_ids import shared_child
from cdk_sagemaker_processing._internal.construct_tree import stack_of
from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from cdk_sagemaker_processing.model import (
    ConflictingValuesError,
    Framework,
    ImageBuild,
    InstancePreferences,
    InvalidValueError,
    SageMakerImage,
    preferences_of,
    sagemaker_image,
)
from cdk_sagemaker_processing.model.tokens import is_unresolved
from cdk_sagemaker_processing.resources.hotswappable_values import hotswappable

# The regions of the partitions aws and aws-us-gov. aws-cdk knows the domains of all regions, but loads a table of facts
# for the first answer, which takes longer than the rest of a processor.
_STANDARD_REGION: Final = r"(?:af|ap|ca|eu|il|me|mx|sa|us)-(?:gov-)?(?:north|south|east|west|central)+-\d"


def framework_image_uri(
    scope: Construct,
    framework: Framework,
    version: str,
    instance_type: str | None,
    preferences: InstancePreferences | None,
    **build: Unpack[ImageBuild],
) -> str:
    """Return the URI of a framework's image for an instance type, or for all preferred instance types.

    Raises:
        InvalidValueError: a version, a Python version or an instance type that SageMaker has no image for.
        ConflictingValuesError: preferences that would need different images.
    """
    check_instances(instance_type, preferences)
    preferred = preferences_of(preferences) or ()
    if build.get("py_version", "") is None and framework not in ("spark", "huggingface"):
        raise InvalidValueError("py_version", None, "be given, or image_uri", "for example 'py3'")
    names = [instance_type] if instance_type else [preference.instance_type for preference in preferred]
    images = [sagemaker_image(framework, version, name, **build) for name in names]
    for name, image in zip(names, images, strict=True):
        if image.tag != images[0].tag:
            raise ConflictingValuesError(
                f"instance_preferences must run one image, got {names[0]!r} for {images[0].tag} and {name!r} for "
                f"{image.tag}; choose only instances with a GPU, or only instances without"
            )
    return image_uri(scope, images[0])


def image_uri(scope: Construct, image: SageMakerImage) -> str:
    """Return the URI of the image in the stack's region.

    In a stack with a fixed region the account is plain text. In any other stack it comes from a CloudFormation mapping
    by region, so that one template serves every region.

    Raises:
        InvalidValueError: SageMaker does not provide the image in the stack's region.
    """
    stack = stack_of(scope)
    region = StackFacts.of(stack).region
    if is_unresolved(region):
        account = hotswappable(
            stack,
            f"AccountOf-{image.repository}{_registry_suffix(image)}",
            _account_by_region(stack, image).find_in_map(region, "account"),
        )
    elif region in image.accounts:
        account = image.accounts[region]
    else:
        raise InvalidValueError(
            "region",
            region,
            f"be one where SageMaker provides {image.repository}: {', '.join(sorted(image.accounts))}",
        )
    return f"{account}.dkr.ecr.{region}.{_suffix(stack, region)}/{image.repository}:{image.tag}"


def _registry_suffix(image: SageMakerImage) -> str:
    """Return the end of the ids of an image's registry; the first one of a repository has none."""
    return f"-{image.registry + 1}" if image.registry else ""


def _account_by_region(stack: Stack, image: SageMakerImage) -> CfnMapping:
    """Return the mapping of the image's registry; not all versions in a repository are offered in the same regions."""
    mapping_id = f"SageMakerImages-{image.repository}{_registry_suffix(image)}"
    existing, mapping_id = shared_child(stack, mapping_id, CfnMapping)
    return existing or CfnMapping(
        stack, mapping_id, mapping={region: {"account": account} for region, account in image.accounts.items()}
    )


def _suffix(stack: Stack, region: str) -> str:
    """Return the registry's domain; plain text if the region is known: job and image are in the same partition."""
    return stack.url_suffix if is_unresolved(region) else _domain(region) or stack.url_suffix


@functools.cache
def _domain(region: str) -> str | None:
    if re.fullmatch(_STANDARD_REGION, region):
        return "amazonaws.com"
    from aws_cdk.region_info import RegionInfo  # noqa: PLC0415 - most regions are known without it

    return RegionInfo.get(region).domain_suffix


def check_instances(instance_type: str | None, preferences: InstancePreferences | None) -> None:
    """Check that a processor has an instance type or instance preferences."""
    preferred = preferences_of(preferences)
    if instance_type is None and not preferred:
        raise InvalidValueError("instance_type", instance_type, "be given", "for example ml.m5.xlarge")
