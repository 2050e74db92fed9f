"""The versions in SageMaker's own images, as far as their public sources tell."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib import resources
from typing import Any


@dataclass(frozen=True, slots=True)
class ImageVersions:
    """The versions in an image.

    Attributes:
        tag: the image's tag, without what follows the version: ``1.2-1``; of several versions, ``3.x-cpu-py39``.
        python: Python's version, such as ``3.9``; empty if it is not known.
        python_min: the oldest Python for what runs the image's jobs here; empty if the image's own will do.
        packages: the version of each package; one that starts with ``>=`` is a range.
        additions: the version of each package whose version in the image is not known, and which its scripts need.
    """

    tag: str
    python: str
    packages: Mapping[str, str]
    additions: Mapping[str, str] = field(default_factory=dict)
    python_min: str = ""

    @property
    def python_here(self) -> str:
        """The version of Python that runs the image's jobs here if it can be had."""
        return self.python_min or self.python


def versions_of(repository: str, tag: str) -> ImageVersions | None:
    """Return the versions in an image.

    Args:
        repository: the repository of the image: ``sagemaker-scikit-learn``.
        tag: its tag.

    Returns:
        The versions; None if those of the repository or of the tag are not known.
    """
    rows = _known().get(repository, ())
    return next((row for patterns, row in rows if any(fnmatchcase(tag, pattern) for pattern in patterns)), None)


def known_images() -> list[tuple[str, ImageVersions]]:
    """Return the repository and the versions of each image that is known."""
    return [(repository, row) for repository, rows in _known().items() for _, row in rows]


@functools.cache
def _known() -> Mapping[str, tuple[tuple[tuple[str, ...], ImageVersions], ...]]:
    content = json.loads(resources.files(__package__).joinpath("image_versions.json").read_text(encoding="utf-8"))
    return {
        repository: tuple((tuple(row.get("tags") or [row["tag"]]), _versions(row)) for row in rows)
        for repository, rows in content.items()
        if isinstance(rows, list) and repository != "sources"
    }


def _versions(row: Mapping[str, Any]) -> ImageVersions:
    return ImageVersions(
        _name(row), row["python"], row["packages"], row.get("additions", {}), python_min=row.get("python_min", "")
    )


def _name(row: Mapping[str, Any]) -> str:
    return str(row.get("name") or row["tag"].replace("*", "-", 1).strip("-*"))
