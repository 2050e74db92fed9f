"""The examination of this machine: what a local AWS has for jobs here, and what it lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from smproc.local.errors import NoContainerEngineError, NoSandboxError
from smproc.local.runners import CannotRunError, find_engine
from smproc.local.runners.image_environments import CannotMakeEnvironmentError, Environments, known_images
from smproc.local.runners.image_environments.environment import find_uv
from smproc.local.runners.sandboxes import find_sandbox
from smproc.local.runners.spark.installation import find_spark


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that jobs need, or can use.

    Attributes:
        subject: its name.
        is_there: whether this machine has it.
        text: what was found, or what is missing and what to do.
    """

    subject: str
    is_there: bool
    text: str


def examine_machine() -> Iterator[Finding]:
    """Examine what this machine has for jobs: sandbox, container engine, Spark and Java, uv, environments of images."""
    yield _found("sandbox", lambda: find_sandbox().name, NoSandboxError)
    yield _found("container engine", lambda: find_engine().name, NoContainerEngineError)
    yield _found("Spark and Java", lambda: str(find_spark("sagemaker-spark-processing").java_home), CannotRunError)
    yield _found("uv", find_uv, CannotMakeEnvironmentError)
    environments = Environments()
    images = sorted({(repository, versions.tag) for repository, versions in known_images()})
    made = {
        (repository, versions.tag) for repository, versions in known_images() if environments.find(versions) is not None
    }
    missing = [f"{repository} {tag}" for repository, tag in images if (repository, tag) not in made]
    yield Finding(
        subject="environments of images",
        is_there=not missing,
        text=f"{len(made)} of {len(images)} are made"
        + (f"; the first job of each other image makes its own, with uv: {', '.join(missing)}" if missing else ""),
    )


def _found(subject: str, find: Callable[[], str], absence: type[Exception]) -> Finding:
    try:
        return Finding(subject=subject, is_there=True, text=find())
    except absence as error:
        return Finding(subject=subject, is_there=False, text=str(error))
