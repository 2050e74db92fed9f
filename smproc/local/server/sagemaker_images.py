"""The images in SageMaker's registries that the processors of the SageMaker SDK select.

The registries have more: other repositories, and in these repositories builds with longer tags, such as
``3.5-cpu-py312-v1.0`` of Spark. Nobody publishes a list; see ``image_registries.json``.
See: https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths/sagemaker-algo-docker-registry-paths.html
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Final, get_args

from cdk_sagemaker_processing.model import InvalidProcessingJobError, sagemaker_image
from cdk_sagemaker_processing.model.images import Framework, SageMakerImage, offered_builds

# Which image a version has depends on the instance: without GPU, with one, and of the type with builds of its own.
_INSTANCE_TYPES: Final = ("ml.m5.xlarge", "ml.g4dn.xlarge", "ml.p4d.24xlarge")


def known_tags(account: str, region: str) -> Mapping[str, frozenset[str]]:
    """Return the known tags of each known repository of an account in a region; empty for another account.

    Args:
        account: the account that owns the registry.
        region: the region.
    """
    return _registries().get((account, region), {})


@functools.cache
def _registries() -> Mapping[tuple[str, str], Mapping[str, frozenset[str]]]:
    found: dict[tuple[str, str], dict[str, frozenset[str]]] = {}
    for image in _images():
        for region, account in image.accounts.items():
            repositories = found.setdefault((account, region), {})
            repositories[image.repository] = repositories.get(image.repository, frozenset()) | {image.tag}
    return found


def _images() -> Iterator[SageMakerImage]:
    for framework in get_args(Framework):
        for version, build in offered_builds(framework):
            for instance_type in _INSTANCE_TYPES:
                try:
                    yield sagemaker_image(framework, version, instance_type, **build)
                except InvalidProcessingJobError:
                    # A version without images for these instances.
                    continue
