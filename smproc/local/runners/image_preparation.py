"""The preparation of what substitutes for an image, and what a job's log says about it."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from smproc.local.runners.base import CannotRunError
from smproc.local.runners.image_contents import SPARK, ImageContents, contents_of, known_versions, python_at
from smproc.local.runners.image_environments import (
    CannotMakeEnvironmentError,
    Environment,
    Environments,
    ImageVersions,
    describe,
)
from smproc.local.runners.image_list import ImageList

Report = Callable[[str], None]
_SPARK_TAG = re.compile(rf"/{SPARK}:(\d+\.\d+)")


@dataclass(frozen=True, slots=True)
class Prepared:
    """The substitute for an image.

    Attributes:
        contents: the files and settings.
        introduction: a line that says what runs the job; empty if the user has chosen it.
    """

    contents: ImageContents
    introduction: str


@dataclass(frozen=True, slots=True)
class ImagePreparation:
    """The substitutes for images in a sandbox.

    Attributes:
        images: the substitutes that the user has added.
        environments: the environments with the versions of AWS's images.
    """

    images: ImageList
    environments: Environments = field(default_factory=Environments)

    def check(self, image: str) -> ImageContents:
        """Return what substitutes for an image, without an environment that would have to be made.

        Raises:
            CannotRunError: nothing does.
        """
        substitute = self.images.substitute_for(image)
        return contents_of(image) if substitute is None else substitute.contents()

    def prepare(self, image: str, report: Report) -> Prepared:
        """Return what substitutes for an image, whose environment is made if there is none.

        Args:
            image: the image's URI.
            report: called with a line of text before something takes long.

        Raises:
            CannotRunError: nothing substitutes for it.
        """
        substitute = self.images.substitute_for(image)
        if substitute is not None:
            return Prepared(substitute.contents(), "")
        name, versions = image.rpartition("/")[2], _versions(image)
        if versions is None:
            contents = contents_of(image)
            return Prepared(
                contents, f"A sandbox with {_describe(contents.python)} runs {name}; its versions are not known"
            )
        try:
            environment = self.environments.make(versions, report)
        except CannotMakeEnvironmentError as error:
            report(f"The environment of {name} cannot be made: {error}")
            environment = _this_environment(versions)
        found = environment.interpreter
        contents = contents_of(image, python_at(found.executable, found.prefixes))
        differences = environment.differences | _spark_difference(image)
        introduction = introduce("A sandbox", name, found.version, environment.installed, differences)
        return Prepared(contents, introduction)

    def differences(self, image: str) -> Mapping[str, str]:
        """Return what differs between an image and what substitutes for it, as a sentence gives it, by its name."""
        versions = _versions(image)
        if versions is None or self.images.substitute_for(image) is not None:
            return {}
        environment = self.environments.find(versions) or _this_environment(versions)
        return environment.differences | _spark_difference(image)


def _versions(image: str) -> ImageVersions | None:
    known = known_versions(image)
    return known[1] if known else None


def _spark_difference(image: str) -> dict[str, str]:
    """Return how the Spark that runs all of SageMaker's Spark images here differs from that of an image."""
    tag, here = _SPARK_TAG.search(image), _installed("pyspark")
    if tag is None or here is None or here.startswith(f"{tag[1]}."):
        return {}
    return {"Spark": f"Spark {here} instead of {tag[1]}"}


def _this_environment(versions: ImageVersions) -> Environment:
    """Return the Python that runs the local AWS as the environment of an image."""
    interpreter = describe(Path(sys.executable))
    if interpreter is None:
        raise CannotRunError(f"The local AWS cannot run its own Python {sys.executable}")
    installed = {name: version for name in versions.packages if (version := _installed(name)) is not None}
    return Environment(interpreter, versions, installed)


def _installed(name: str) -> str | None:
    """Return the version of a package beside the local AWS; None if it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def introduce(what: str, name: str, python: str, installed: Mapping[str, str], differences: Mapping[str, str]) -> str:
    """Return the line that says which versions run a job, and how they differ from the image's.

    Args:
        what: what runs the job, such as ``A sandbox``.
        name: the image's name without its registry.
        python: the version of Python.
        installed: the version of each package.
        differences: the differences as a sentence gives them, by the name of the package.
    """
    here = {"Python": python, **installed}
    same = [f"{one} {version}" for one, version in here.items() if one not in differences]
    text = f"{what} runs {name}, with its versions of {', '.join(same)}" if same else f"{what} runs {name}"
    return f"{text}; but {', '.join(differences.values())}" if differences else text


def _describe(executable: Path) -> str:
    interpreter = describe(executable)
    return f"Python {interpreter.version}" if interpreter else str(executable)
