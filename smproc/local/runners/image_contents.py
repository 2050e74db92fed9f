"""Which images a machine without a container engine can stand in for."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from smproc.local.runners.base import CannotRunError
from smproc.local.runners.spark import find_spark, smspark_files

_AWS_IMAGE = re.compile(
    r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.(?:amazonaws\.com(?:\.cn)?|[a-z0-9.-]+)/(?P<repository>[a-z0-9._/-]+)(?:[:@].*)?"
)
_SCIKIT_LEARN = "sagemaker-scikit-learn"
_SPARK = "sagemaker-spark-processing"
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ROOT = "/opt/smproc"
_LINKS = f"{_ROOT}/bin"
# Of starting Spark half is compiling what runs once: local jobs are small. A job's spark.driver.extraJavaOptions
# come later on the command line and win.
_SPARK_STARTS_FAST = "-XX:TieredStopAtLevel=1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageContents:
    """What stands in for an image.

    Attributes:
        folders: folders of this machine that are visible, read-only, at their own paths.
        links: symbolic links to make, by path.
        path: the image's own PATH.
        files: files and folders of this machine that are visible, read-only, by the path at which they appear.
        environment: the image's other variables.
        entrypoint: the image's own entry point, empty if it has none.
    """

    folders: tuple[Path, ...]
    links: dict[str, str]
    path: str
    files: dict[str, Path] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()


def contents_of(image: str) -> ImageContents:
    """Say what stands in for an image.

    Raises:
        CannotRunError: nothing here does.
    """
    match = _AWS_IMAGE.fullmatch(image)
    repository = match["repository"] if match else None
    if repository == _SCIKIT_LEARN:
        return this_python()
    if repository == _SPARK:
        return _this_spark(image)
    raise CannotRunError(
        f"The local AWS cannot run the image {image}: without a container engine that has it, it stands in for "
        f"{_SCIKIT_LEARN} and {_SPARK} alone, with its own Python {sys.version.split()[0]}; say what stands in for "
        f"yours with: smproc local start --image {_repository(image)}=/path/to/virtual-environment"
    )


def _repository(image: str) -> str:
    """The image's name without its registry and its tag."""
    return re.sub(r"[:@].*", "", image.rpartition("/")[2]) or "IMAGE"


def _this_spark(image: str) -> ImageContents:
    python = this_python()
    spark = find_spark(image)
    seen = (Path("/usr"), *python.folders)
    unseen = {path for path in (spark.home, spark.java_home) if not any(map(path.is_relative_to, seen))}
    return replace(
        python,
        folders=(*python.folders, *sorted(unseen)),
        path=os.pathsep.join((_LINKS, python.path, str(spark.home / "bin"))),
        files=smspark_files(_ROOT),
        environment={
            "JAVA_HOME": str(spark.java_home),
            "SPARK_HOME": str(spark.home),
            # Not the address of a network card, which is what Spark looks for.
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LAUNCHER_OPTS": _SPARK_STARTS_FAST,
            "SPARK_SUBMIT_OPTS": _SPARK_STARTS_FAST,
        },
        entrypoint=("smspark-submit",),
    )


def this_python() -> ImageContents:
    """The Python that runs this, with its packages."""
    return python_at(Path(sys.executable), {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix})


def python_at(executable: Path, prefixes: Collection[str]) -> ImageContents:
    """A Python of this machine, with its packages.

    Args:
        executable: its program, by the path that makes it find its packages.
        prefixes: the folders that it consists of.
    """
    folders = {Path(prefix) for prefix in prefixes}
    # A virtual environment's python is a chain of links, each of which must lead somewhere inside, too.
    hop = executable
    while hop.is_symlink():
        hop = hop.parent / hop.readlink()
        folders.add(hop.parent.parent)
    folders |= {folder.resolve() for folder in folders}
    visible = sorted(folder for folder in folders if not folder.is_relative_to("/usr") and folder != Path("/"))
    names = ("python", "python3")
    scripts = executable.parent
    if all((scripts / name).exists() and (scripts / name).samefile(executable) for name in names):
        return ImageContents(folders=tuple(visible), links={}, path=f"{scripts}{os.pathsep}{_SYSTEM_PATH}")
    # A system's interpreter is often python3 alone, or one of several; a virtual environment always has both names,
    # and must be entered through its own path, or it is not recognised as one.
    links = {f"{_LINKS}/{name}": str(executable) for name in names}
    return ImageContents(
        folders=tuple(visible), links=links, path=os.pathsep.join((_LINKS, str(scripts), _SYSTEM_PATH))
    )
