"""The names and labels of images that were built here."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from smproc.local.runners.engine import Engine
from smproc.local.runners.image_contents import known_versions
from smproc.local.runners.image_environments import ImageVersions

DIFFERENCES_LABEL = "smproc.differences"
INTRODUCTION_LABEL = "smproc.introduction"


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image that was built here.

    Attributes:
        name: its name in the engine.
        introduction: a line that says what it contains.
        differences: its differences from SageMaker's image, as a sentence gives them, by the name of the package.
    """

    name: str
    introduction: str
    differences: Mapping[str, str]


def local_name(repository: str, versions: ImageVersions) -> str:
    """Return the name under which an image is built here."""
    return f"smproc/{repository}:{versions.tag}"


def built_image(engine: Engine, image: str) -> BuiltImage | None:
    """Return what was built here for one of SageMaker's images, None if nothing was.

    Args:
        engine: the engine that may have it.
        image: the URI of SageMaker's image.
    """
    known = known_versions(image)
    if known is None:
        return None
    name = local_name(*known)
    try:
        labels = engine.execute("image", "inspect", "--format", "{{json .Config.Labels}}", name)
    except subprocess.TimeoutExpired:
        return None
    found = (json.loads(labels.stdout) if labels.returncode == 0 else None) or {}
    if INTRODUCTION_LABEL not in found:
        return None
    return BuiltImage(name, found[INTRODUCTION_LABEL], json.loads(found[DIFFERENCES_LABEL]))
