"""The contents that substitute for an image on a machine without a container engine."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from smproc.local.runners.base import CannotRunError
from smproc.local.runners.image_environments import ROOT as JOB_PYTHON
from smproc.local.runners.image_environments import ImageVersions, versions_of
from smproc.local.runners.spark import SparkInstallation, compiled_file_systems, find_spark, smspark_files
from smproc.local.runners.training import train_command, train_files

AWS_IMAGE = re.compile(
    r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.(?:amazonaws\.com(?:\.cn)?|[a-z0-9.-]+)/(?P<repository>[a-z0-9._/-]+)(?:[:@].*)?"
)
_TAG = re.compile(r":([^@]+)")
_SCIKIT_LEARN = "sagemaker-scikit-learn"
_XGBOOST = "sagemaker-xgboost"
SPARK = "sagemaker-spark-processing"
# The variables that SageMaker's toolkits have in their images, in processing jobs, too.
_TOOLKIT = {
    "SM_INPUT": "/opt/ml/input",
    "SM_INPUT_TRAINING_CONFIG_FILE": "/opt/ml/input/config/hyperparameters.json",
    "SM_INPUT_DATA_CONFIG_FILE": "/opt/ml/input/config/inputdataconfig.json",
    "SM_CHECKPOINT_CONFIG_FILE": "/opt/ml/input/config/checkpointconfig.json",
    "SM_MODEL_DIR": "/opt/ml/model",
}
# The directory of Python in these images, which some entry points name.
_MINICONDA = "/miniconda3"
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ROOT = "/opt/smproc"
_COMMANDS = f"{_ROOT}/bin"
_SPARK_CLASSES = f"{_ROOT}/lib/spark-classes"
# Half of Spark's start-up compiles code that runs once, and local jobs are small. A job's spark.driver.extraJavaOptions
# come later on the command line and take precedence.
_FAST_START_OPTIONS = "-XX:TieredStopAtLevel=1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageContents:
    """Files and settings of this machine that substitute for an image.

    Attributes:
        directories: directories of this machine that are visible, read-only, at their own paths.
        python: the Python interpreter with the image's packages, by the path from which it finds them.
        path: the image's own PATH.
        files: files and directories of this machine that are visible, read-only, by the path at which they appear.
        environment: the image's other variables.
        entrypoint: the image's own entry point, empty if it has none.
        programs: the commands that programs of the image stand for, by name.
        links: symbolic links, by path.
    """

    directories: tuple[Path, ...]
    python: Path
    path: str
    files: dict[str, Path] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    programs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)

    def command(self, entrypoint: Sequence[str], arguments: Sequence[str]) -> list[str]:
        """Return the command of a container; empty if there is none.

        As in an image, the first argument is the program where there is no entry point.

        Args:
            entrypoint: the command that replaces the image's own entry point; empty for the image's own.
            arguments: the arguments.
        """
        if entrypoint or self.entrypoint:
            return [*(entrypoint or self.entrypoint), *arguments]
        if arguments and (program := self.programs.get(arguments[0])):
            return [*program, *arguments[1:]]
        return []


def known_versions(image: str) -> tuple[str, ImageVersions] | None:
    """Return the repository of one of SageMaker's images and the versions in it, None if they are not known.

    Args:
        image: the image's URI.
    """
    match = AWS_IMAGE.fullmatch(image)
    if match is None:
        return None
    tag = _TAG.search(image.rpartition("/")[2])
    versions = versions_of(match["repository"], tag[1] if tag else "")
    return None if versions is None else (match["repository"], versions)


def contents_of(image: str, python: ImageContents | None = None) -> ImageContents:
    """Return the contents that substitute for an image.

    Args:
        image: the image's URI.
        python: the Python to use. Default: the one that runs the local AWS.

    Raises:
        CannotRunError: this machine has no substitute.
    """
    match = AWS_IMAGE.fullmatch(image)
    repository = match["repository"] if match else None
    if repository in (_SCIKIT_LEARN, _XGBOOST):
        return _with_toolkit(python or this_python())
    if repository == SPARK:
        return _with_spark(image, python or this_python())
    raise CannotRunError(
        f"The local AWS cannot run the image {image}: no container engine has it, and the local AWS itself substitutes "
        f"only {_SCIKIT_LEARN}, {_XGBOOST} and {SPARK}; name a substitute for your image: smproc local images add "
        f"{_repository(image)} /path/to/virtual-environment"
    )


def _repository(image: str) -> str:
    """Return the image's name without its registry and its tag."""
    return re.sub(r"[:@].*", "", image.rpartition("/")[2]) or "IMAGE"


def _with_toolkit(python: ImageContents) -> ImageContents:
    return replace(python, environment=python.environment | _TOOLKIT, links={_MINICONDA: JOB_PYTHON})


def _with_spark(image: str, python: ImageContents) -> ImageContents:
    spark = find_spark(image)
    visible = (Path("/usr"), *python.directories)
    additional = {path for path in (spark.home, spark.java_home) if not any(map(path.is_relative_to, visible))}
    return replace(
        python,
        directories=(*python.directories, *sorted(additional)),
        path=os.pathsep.join((_COMMANDS, python.path, str(spark.home / "bin"))),
        files=python.files | spark_files(spark),
        environment=spark_environment(str(spark.home), str(spark.java_home)),
        entrypoint=("smspark-submit",),
    )


def spark_files(spark: SparkInstallation) -> dict[str, Path]:
    """Return the files beside Spark itself, by the path at which they appear in the image.

    Raises:
        CannotRunError: the file systems for S3 cannot be compiled.
    """
    return smspark_files(_ROOT) | {_SPARK_CLASSES: compiled_file_systems(spark)}


def spark_environment(home: str, java_home: str) -> dict[str, str]:
    """Return the variables of an image with Spark.

    Args:
        home: the directory of Spark in the image.
        java_home: the directory of Java in the image.
    """
    return {
        "JAVA_HOME": java_home,
        "SPARK_HOME": home,
        # Spark would look for the address of a network card.
        "SPARK_LOCAL_IP": "127.0.0.1",
        # The end of the class path, which the settings of a job do not touch.
        "SPARK_DIST_CLASSPATH": _SPARK_CLASSES,
        "SPARK_LAUNCHER_OPTS": _FAST_START_OPTIONS,
        "SPARK_SUBMIT_OPTS": _FAST_START_OPTIONS,
    }


def this_python() -> ImageContents:
    """Return the Python interpreter that runs the local AWS, with its packages."""
    return python_at(Path(sys.executable), {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix})


def python_at(executable: Path, prefixes: Collection[str]) -> ImageContents:
    """Return a Python interpreter of this machine, with its packages.

    Args:
        executable: the interpreter, by the path from which it finds its packages.
        prefixes: the directories of its installation.
    """
    directories = {Path(prefix) for prefix in prefixes}
    # A virtual environment's python is a chain of links, each of which must also resolve in the sandbox.
    hop = executable
    while hop.is_symlink():
        hop = hop.parent / hop.readlink()
        directories.add(hop.parent.parent)
    directories |= {path.resolve() for path in directories}
    visible = sorted(path for path in directories if not path.is_relative_to("/usr") and path != Path("/"))
    # The job's own Python comes first, and has the names python and python3.
    path = os.pathsep.join((f"{JOB_PYTHON}/bin", str(executable.parent), _SYSTEM_PATH))
    return ImageContents(
        directories=tuple(visible),
        python=executable,
        path=path,
        files=train_files(_ROOT),
        programs={"train": train_command(_ROOT)},
    )
