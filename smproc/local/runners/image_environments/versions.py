"""The versions in SageMaker's own images, as far as their public sources tell."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib import resources


@dataclass(frozen=True, slots=True)
class ImageVersions:
    """The versions in an image.

    Attributes:
        tag: the image's tag, without what follows the version: ``1.2-1``; of several versions, ``3.x-cpu-py39``.
        python: Python's version, such as ``3.9``; empty if it is not known.
        packages: the version of each package; one that starts with ``>=`` is a range.
        additions: the version of each package whose version in the image is not known, and which its scripts need.
    """

    tag: str
    python: str
    packages: Mapping[str, str]
    additions: Mapping[str, str] = field(default_factory=dict)


def versions_of(repository: str, tag: str) -> ImageVersions | None:
    """Return the versions in an image.

    Args:
        repository: the repository of the image: ``sagemaker-scikit-learn``.
        tag: its tag.

    Returns:
        The versions; None if those of the repository or of the tag are not known.
    """
    rows = _known().get(repository, ())
    return next((row for pattern, row in rows if fnmatchcase(tag, pattern)), None)


def known_images() -> list[tuple[str, ImageVersions]]:
    """Return the repository and the versions of each image that is known."""
    return [(repository, row) for repository, rows in _known().items() for _, row in rows]


@functools.cache
def _known() -> Mapping[str, tuple[tuple[str, ImageVersions], ...]]:
    content = json.loads(resources.files(__package__).joinpath("image_versions.json").read_text(encoding="utf-8"))
    return {
        repository: tuple(
            (row["tag"], ImageVersions(_name(row), row["python"], row["packages"], row.get("additions", {})))
            for row in rows
        )
        for repository, rows in content.items()
        if isinstance(rows, list) and repository != "sources"
    }


def _name(row: Mapping[str, str]) -> str:
    return row.get("name") or row["tag"].replace("*", "-", 1).strip("-*")
