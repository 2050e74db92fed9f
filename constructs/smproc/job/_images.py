"""The images that SageMaker provides, by framework, version and region.

The facts are in ``image_registries.json``, with the version of the SDK that they were read from.

See: https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths/sagemaker-algo-docker-registry-paths.html
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smproc.job._tokens import is_unresolved
from smproc.job.errors import InvalidValue

_GRAVITON = re.compile(r"ml\.[a-z]+\d+g[a-z]*\.")
_ACCELERATED = re.compile(r"ml\.(g|p|inf|trn|dl)\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class SageMakerImage:
    """An image that SageMaker provides in every region from an account of its own there.

    Attributes:
        repository: the repository's name, the same in every region.
        tag: the image's tag.
        accounts: the account that holds the repository, by region.
    """

    repository: str
    tag: str
    accounts: Mapping[str, str]


def sklearn_image(framework_version: str, instance_type: str) -> SageMakerImage:
    """The scikit-learn image that runs a processing job on an instance type.

    Args:
        framework_version: one of the versions that SageMaker offers, e.g. ``1.2-1``.
        instance_type: e.g. ``ml.m5.xlarge``; the image is built for x86 processors.

    Raises:
        InvalidValue: an unknown version, or an instance type that the image does not run on. (The SageMaker SDK
            silently substitutes version 1.0-1 on Graviton instances.)
    """
    facts = _registries()["sklearn"]
    if framework_version not in facts["versions"]:
        raise InvalidValue(
            "framework_version",
            framework_version,
            f"be a version of scikit-learn that SageMaker offers: {', '.join(facts['versions'])}",
        )
    if not is_unresolved(instance_type) and _GRAVITON.match(instance_type):
        raise InvalidValue(
            "instance_type",
            instance_type,
            f"be an x86 instance: SageMaker offers no scikit-learn {framework_version} image for Graviton",
            "the SageMaker SDK would silently run version 1.0-1 instead; take for example ml.m5.xlarge",
        )
    if not is_unresolved(instance_type) and _ACCELERATED.match(instance_type):
        raise InvalidValue(
            "instance_type",
            instance_type,
            "be an instance without accelerator: the scikit-learn image only uses the CPU",
            "take for example ml.m5.xlarge",
        )
    return SageMakerImage(
        repository=facts["repository"], tag=f"{framework_version}-cpu-py3", accounts=facts["accounts"]
    )


@functools.cache
def _registries() -> Mapping[str, Any]:
    text = (Path(__file__).parent / "image_registries.json").read_text(encoding="utf-8")
    frameworks: dict[str, Any] = json.loads(text)["frameworks"]
    return frameworks
