"""The processor of a SageMaker image, from the image's URI."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Final, get_args

from cdk_sagemaker_processing.model import InvalidProcessingJobError, sagemaker_image
from cdk_sagemaker_processing.model.ecr_images import EcrImage
from cdk_sagemaker_processing.model.images import Framework, ImageBuild, offered_builds

_SPARK_TAG: Final = re.compile(r"(?P<version>\d+\.\d+)-cpu(?:-(?P<python>py\d+)-v(?P<build>[\d.]+))?")
# The Python versions that the processors take without one; None has no default.
_DEFAULT_PYTHONS: Final = {"huggingface": "py36", "spark": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """The arguments that select a SageMaker image.

    Attributes:
        framework: the framework, ``huggingface`` included.
        arguments: the arguments of the framework's processor.
    """

    framework: Framework
    arguments: dict[str, str]


def facts_of(image_uri: str, instance_type: str | None) -> ImageFacts | None:
    """Return the arguments that select an image; None if it is not SageMaker's, or none select exactly this one.

    Args:
        image_uri: the image's URI.
        instance_type: the type of the instances, which selects the images for CPU or GPU.
    """
    image = EcrImage.parse(image_uri)
    if image is None or instance_type is None:
        return None
    tag = image_uri.rpartition(":")[2]
    return _facts(image.account, image.region, image.repository, tag, instance_type)


@functools.cache
def _facts(account: str, region: str, repository: str, tag: str, instance_type: str) -> ImageFacts | None:
    for framework in get_args(Framework):
        for version, build in (*offered_builds(framework), *_spark_builds(framework, tag)):
            try:
                found = sagemaker_image(framework, version, instance_type, **build)
            except InvalidProcessingJobError:
                continue
            if (found.repository, found.tag, found.accounts.get(region)) == (repository, tag, account):
                return ImageFacts(framework=framework, arguments=_arguments(framework, version, build))
    return None


def _spark_builds(framework: Framework, tag: str) -> list[tuple[str, ImageBuild]]:
    """Return the build of Spark that a tag names, which is not in the list of builds."""
    if framework != "spark" or (matched := _SPARK_TAG.fullmatch(tag)) is None or not matched["build"]:
        return []
    return [(matched["version"], {"py_version": matched["python"], "container_version": f"v{matched['build']}"})]


def _arguments(framework: Framework, version: str, build: ImageBuild) -> dict[str, str]:
    python, base, container = (build.get(name) for name in ("py_version", "base_framework", "container_version"))
    arguments = {"transformers_version" if framework == "huggingface" else "framework_version": version}
    if base and (matched := re.fullmatch(r"([a-z]+)(.*)", str(base))):
        arguments[f"{matched[1]}_version"] = matched[2]
    if python is not None and python != _DEFAULT_PYTHONS.get(framework, "py3"):
        arguments["py_version"] = str(python)
    if container is not None:
        arguments["container_version"] = str(container).removeprefix("v")
    return arguments
