"""The file systems of Spark for S3: hadoop/*.java, compiled once by the compiler that Spark itself contains.

pip's pyspark lacks hadoop-aws, and a Java without a compiler is enough for Spark: Janino, with which Spark compiles
queries, is in its jars.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import subprocess
from pathlib import Path

from smproc.local.made_once import cache_directory, make_once
from smproc.local.runners.base import CannotRunError
from smproc.local.runners.spark.installation import SparkInstallation

_SOURCES = Path(__file__).parent / "hadoop"
_COMPILER = "org.codehaus.commons.compiler.samples.CompilerDemo"
_TIMEOUT_IN_SECONDS = 120.0
_SHOWN_CHARACTERS = 1000
_log = logging.getLogger(__name__)


@functools.cache
def compiled_file_systems(spark: SparkInstallation) -> Path:
    """Return the directory of the classes, which are compiled if they are not in this user's cache.

    Raises:
        CannotRunError: they cannot be compiled.
    """
    directory = cache_directory() / "spark" / _identity(spark)
    make_once(directory, lambda: _compile(spark, directory))
    return directory


def _identity(spark: SparkInstallation) -> str:
    """Return what the classes depend on, in short: the sources, and the jars that they are compiled against."""
    digest = hashlib.sha256()
    for source in _sources():
        digest.update(source.read_bytes())
    for jar in sorted((spark.home / "jars").glob("*.jar")):
        digest.update(f"{jar.name}\0".encode())
    return digest.hexdigest()[:16]


def _sources() -> list[Path]:
    return sorted(_SOURCES.glob("*.java"))


def _compile(spark: SparkInstallation, directory: Path) -> None:
    jars = spark.home / "jars"
    directory.mkdir()
    listed = os.pathsep.join(str(jar) for jar in sorted(jars.glob("*.jar")))
    command = [str(spark.java_home / "bin" / "java"), "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*", _COMPILER]
    command += ["-d", str(directory), "-g:lines", "-encoding", "UTF-8", "-classpath", listed]
    try:
        result = subprocess.run(
            [*command, *map(str, _sources())],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_IN_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotRunError(f"The file systems of Spark for S3 cannot be compiled: {error}") from error
    # The compiler ends with 0 even if it has failed.
    if result.returncode or not any(directory.rglob("S3AFileSystem.class")):
        output = (result.stdout + result.stderr).strip()[:_SHOWN_CHARACTERS]
        raise CannotRunError(f"The file systems of Spark for S3 cannot be compiled with {jars}: {output}")
    _log.info("Compiled the file systems of Spark for S3 to %s", directory)
