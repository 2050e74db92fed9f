"""The Python interpreters of this machine."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NAME = re.compile(r"python(3\.\d+)")
_TIMEOUT_IN_SECONDS = 30
# The first that a boto3 which reads AWS_ENDPOINT_URL, and uv, support.
_OLDEST = (3, 7)
_DESCRIBE = """
import json, site, sys
print(json.dumps({
    "version": ".".join(map(str, sys.version_info[:3])),
    "prefixes": [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix],
    "base": getattr(sys, "_base_executable", sys.executable),
    "packages": site.getsitepackages(),
}))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python interpreter.

    Attributes:
        executable: the path from which it finds its packages.
        version: its version, such as ``3.9.18``.
        prefixes: the directories of its installation.
        base: the interpreter that a virtual environment was made with; of another interpreter, the interpreter itself.
        packages: the directories of its packages.
    """

    executable: Path
    version: str
    prefixes: tuple[str, ...]
    base: Path
    packages: tuple[str, ...]

    @property
    def minor(self) -> str:
        """Its version without the last part: ``3.9``."""
        return self.version.rpartition(".")[0]


@functools.cache
def describe(executable: Path) -> Interpreter | None:
    """Return what an interpreter says about itself; None if it does not run."""
    try:
        answer = subprocess.run(
            [executable, "-I", "-c", _DESCRIBE],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_IN_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        facts = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Interpreter(
        executable, facts["version"], tuple(facts["prefixes"]), Path(facts["base"]), tuple(facts["packages"])
    )


def find_python(wanted: str, installed: Path) -> Interpreter | None:
    """Return an interpreter of a version, or the next newer one, or the next older one; None if there is none.

    Older ones than 3.7 do not count.

    Args:
        wanted: the version, such as ``3.9``; empty for the newest.
        installed: a directory of further installations of Python.
    """
    found: dict[tuple[int, int], list[Path]] = {}
    for path in _executables(installed):
        found.setdefault(_minor(path), []).append(path)
    minors = sorted(minor for minor in found if minor >= _OLDEST)
    if wanted:
        minor = _parse(wanted)
        minors = [one for one in minors if one >= minor] + [one for one in reversed(minors) if one < minor]
    else:
        minors.reverse()
    for one in minors:
        for path in found[one]:
            if (interpreter := describe(path)) is not None:
                return interpreter
    return None


def _executables(installed: Path) -> Iterator[Path]:
    """Yield interpreters that may run: on the PATH, of pyenv, of uv, and the one that runs the local AWS."""
    on_path = [Path(directory) for directory in os.get_exec_path()]
    # A shim of pyenv runs the version that the directory of its caller selects, so it is no interpreter.
    pyenv_roots = {Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()}
    pyenv_roots |= {directory.parent for directory in on_path if directory.name == "shims"}
    for directory in on_path:
        if directory.name != "shims":
            yield from _in(directory)
    for root in sorted(pyenv_roots):
        for directory in sorted((root / "versions").glob("*/bin"), reverse=True):
            yield from _in(directory)
    for root in (installed, Path("~/.local/share/uv/python").expanduser()):
        for directory in sorted(root.glob("*/bin"), reverse=True):
            yield from _in(directory)
    yield Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"


def _in(directory: Path) -> Iterator[Path]:
    try:
        names = sorted(entry.name for entry in os.scandir(directory) if _NAME.fullmatch(entry.name))
    except OSError:
        return
    for name in names:
        # Of a virtual environment, the interpreter that it was made with: its own may be deleted with it.
        path = directory / name
        yield path.resolve() if (directory.parent / "pyvenv.cfg").exists() else path


def _minor(executable: Path) -> tuple[int, int]:
    match = _NAME.fullmatch(executable.name)
    return _parse(match[1]) if match else (0, 0)


def _parse(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor.partition(".")[0])
