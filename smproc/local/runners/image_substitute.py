"""User-supplied substitutes for images that no container engine has."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from smproc.local.errors import InvalidOptionError
from smproc.local.runners.image_contents import ImageContents, python_at, this_python

_Substitute = TypeVar("_Substitute")


@dataclass(frozen=True, slots=True)
class ImageSubstitute:
    """A virtual environment, or a command that becomes the image's entry point.

    Attributes:
        environment: the virtual environment's directory; None for the Python that runs the local AWS.
        command: the entry point; empty for none.
    """

    environment: Path | None
    command: tuple[str, ...]

    @classmethod
    def parse(cls, value: str) -> ImageSubstitute:
        """Parse a substitute as a user gives it: the directory of a virtual environment, or a command line.

        Raises:
            InvalidOptionError: it is neither.
        """
        directory = Path(value).expanduser().absolute()
        if _interpreter(directory).exists():
            return cls(directory, ())
        if value and directory.is_dir():
            raise InvalidOptionError(
                f"the substitute for an image must be a virtual environment or a command, got {value!r}; this "
                "directory has no bin/python"
            )
        try:
            arguments = shlex.split(value)
        except ValueError as error:
            raise InvalidOptionError(
                f"the substitute for an image must be a valid command line, got {value!r}: {error}"
            ) from error
        if not arguments or not (program := shutil.which(arguments[0])):
            raise InvalidOptionError(
                "the substitute for an image must be the directory of a virtual environment or an installed command, "
                f"got {value!r}"
            )
        # A bare name is looked up in the sandbox, where the Python of the local AWS comes first.
        executable = arguments[0] if "/" not in arguments[0] else str(Path(program).absolute())
        home = Path(executable).parent.parent if "/" in executable else None
        environment = home if home is not None and (home / "pyvenv.cfg").exists() else None
        # Paths are relative to the user's working directory, which is not the server's.
        rest = [
            str(Path(argument).absolute()) if "/" in argument and Path(argument).exists() else argument
            for argument in arguments[1:]
        ]
        return cls(environment, (executable, *rest))

    def to_text(self) -> str:
        """Return the substitute in the form that `parse` reads, with absolute paths."""
        return shlex.join(self.command) if self.command else str(self.environment)

    def contents(self) -> ImageContents:
        """Return what the program sees: the Python, and the directories of the files that the command names."""
        python = this_python() if self.environment is None else _virtual_environment(self.environment)
        paths = [Path(argument) for argument in self.command if argument.startswith("/") and Path(argument).exists()]
        required = {path if path.is_dir() else path.parent for path in paths} - {Path("/")}
        visible = (Path("/usr"), *python.directories)
        additional = {path for path in required if not any(map(path.is_relative_to, visible))}
        return replace(python, directories=(*python.directories, *sorted(additional)), entrypoint=self.command)


def substitute_for(image: str, substitutes: Mapping[str, _Substitute]) -> _Substitute | None:
    """Return the substitute for an image, None if there is none.

    Args:
        image: the image's URI.
        substitutes: the substitutes by the image's name: in full, or without its registry, its tag, or both. The most
            specific name takes precedence.
    """
    without_tag = re.sub(r"(:[^:/@]+)?(@.*)?\Z", "", image)
    names = (image, image.partition("/")[2], without_tag, without_tag.partition("/")[2])
    return next((substitutes[name] for name in names if name in substitutes), None)


def _interpreter(environment: Path) -> Path:
    return environment / "bin" / "python"


def _virtual_environment(directory: Path) -> ImageContents:
    home = None
    if (settings := directory / "pyvenv.cfg").exists():
        match = re.search(r"^home\s*=\s*(.+?)\s*$", settings.read_text(encoding="utf-8"), re.MULTILINE)
        home = Path(match[1]).parent if match else None
    return python_at(_interpreter(directory), {str(directory), *([str(home)] if home else [])})
