"""The platform of images that the deployment builds.

Docker builds for the machine that deploys unless the asset names a platform: an image built on a Mac with an ARM
processor fails on an x86 instance ("exec format error").

See: https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_ecr_assets.Platform.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final
from weakref import WeakKeyDictionary

import aws_cdk as cdk
from aws_cdk import Annotations
from aws_cdk import aws_ecr_assets as ecr_assets
from constructs import IConstruct

from cdk_sagemaker_processing._internal.construct_tree import node_of, root_of
from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError
from cdk_sagemaker_processing.model.images import is_arm

AMD64: Final = "linux/amd64"
ARM64: Final = "linux/arm64"
_ASSET_TAG: Final = r"[0-9a-f]{64}"


def built_image_uri(task: IConstruct, image_uri: str, instance_types: Sequence[str]) -> str:
    """Return the URI of an image for the instances of a task: one that the deployment builds is built for them.

    ``DockerImage.from_asset`` has registered the image before it is given to a task. If it was given nothing but a
    directory, the same directory is built for the platform of the instances; otherwise its platform is not visible, and
    a warning says so.

    Args:
        task: the task.
        image_uri: the image's URI.
        instance_types: the types of the task's instances.

    Raises:
        InvalidValueError: the image is built for another platform.
        ConflictingValuesError: the instances have different processors.
    """
    if (asset := _asset(task, image_uri)) is None:
        return image_uri
    platform = _platform(instance_types)
    hashes = _hashes(asset)
    built_for = next((name for name, value in hashes.items() if value == asset.asset_hash), "unknown")
    if built_for == platform:
        return image_uri
    if built_for == "unknown":
        Annotations.of(task).add_warning_v2(
            "cdk-sagemaker-processing:image-platform",
            f"the platform of the image asset {asset.node.path} is not visible beside its other options: unless it has "
            f"platform={_constant(platform)}, Docker builds for the machine that deploys; acknowledge this warning if "
            "it has",
        )
        return image_uri
    if built_for:
        raise InvalidValueError(
            "image_uri",
            asset.node.path,
            f"be built for {platform}, the platform of {', '.join(instance_types) or 'the instances'}, not for "
            f"{built_for}",
            f"pass platform={_constant(platform)} to DockerImage.from_asset(...)",
        )
    return _rebuilt(asset, platform)


def _rebuilt(asset: ecr_assets.DockerImageAsset, platform: str) -> str:
    """Return the URI of the asset's directory, built for a platform."""
    scope, construct_id = asset.node.scope, f"{asset.node.id}-{platform.replace('/', '-')}"
    rebuilt = scope.node.try_find_child(construct_id) if scope is not None else None
    if not isinstance(rebuilt, ecr_assets.DockerImageAsset):
        rebuilt = ecr_assets.DockerImageAsset(
            scope,  # type: ignore[arg-type]  # an asset is never the root
            construct_id,
            directory=_source(asset),
            platform=ecr_assets.Platform.custom(platform),
        )
    # It is in the repository of the asset, which the job may pull from already.
    return rebuilt.image_uri


def _asset(task: IConstruct, image_uri: str) -> ecr_assets.DockerImageAsset | None:
    """Return the asset that an image's URI belongs to; None if the image is in a repository."""
    stack = cdk.Stack.of(task)
    if "${Token[" not in image_uri or not re.search(_ASSET_TAG, json.dumps(stack.resolve(image_uri))):
        return None
    known = _ASSETS.setdefault(root_of(task), {})
    if image_uri not in known:  # an image exists before its URI, so the app is searched at most once for each
        assets = (each for each in node_of(root_of(task)).find_all() if isinstance(each, ecr_assets.DockerImageAsset))
        known |= {asset.image_uri: asset for asset in assets}
    return known.get(image_uri)


_ASSETS: WeakKeyDictionary[IConstruct, dict[str, ecr_assets.DockerImageAsset]] = WeakKeyDictionary()


def _hashes(asset: ecr_assets.DockerImageAsset) -> dict[str, str]:
    """Return the hash that the asset's directory has without a platform (``""``), and for each platform.

    The hash contains every option, and only aws-cdk knows how, so it computes them in an app that is not synthesized.
    """
    if (cached := _HASHES.get(asset)) is None:
        flag = "@aws-cdk/aws-ecr-assets:dockerIgnoreSupport"
        context = {"aws:cdk:disable-asset-staging": True, flag: asset.node.try_get_context(flag)}
        scope = cdk.Stack(cdk.App(context={name: value for name, value in context.items() if value is not None}), "S")
        cached = _HASHES[asset] = {
            name: ecr_assets.DockerImageAsset(
                scope,
                f"Asset{number}",
                directory=_source(asset),
                platform=ecr_assets.Platform.custom(name) if name else None,
            ).asset_hash
            for number, name in enumerate(("", AMD64, ARM64))
        }
    return cached


_HASHES: WeakKeyDictionary[ecr_assets.DockerImageAsset, dict[str, str]] = WeakKeyDictionary()


def _source(asset: ecr_assets.DockerImageAsset) -> str:
    staging = asset.node.find_child("Staging")
    if not isinstance(staging, cdk.AssetStaging):
        raise TypeError(f"{staging.node.path} must be the staging of an asset")
    return staging.source_path


def _platform(instance_types: Sequence[str]) -> str:
    platforms = {ARM64 if is_arm(name) else AMD64 for name in instance_types} or {AMD64}
    if len(platforms) > 1:
        raise ConflictingValuesError(
            "instance_preferences must run one image, got instances with ARM and with x86 processors; choose one kind"
        )
    return platforms.pop()


def _constant(platform: str) -> str:
    return f"aws_ecr_assets.Platform.LINUX_{platform.removeprefix('linux/').upper()}"
