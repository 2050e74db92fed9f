"""What a user says shall stand in for an image of theirs where no container engine has it."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from smproc.local.errors import InvalidOptionError
from smproc.local.runners.image_contents import ImageContents, python_at, this_python


@dataclass(frozen=True, slots=True)
class ImageSubstitute:
    """A virtual environment, or a command that becomes the image's entry point.

    Attributes:
        environment: the virtual environment's folder; None for the Python that runs the local AWS.
        command: the entry point; empty for none.
    """

    environment: Path | None
    command: tuple[str, ...]

    @classmethod
    def parse(cls, what: str) -> ImageSubstitute:
        """Read what a user has given: a virtual environment's folder, or a command line.

        Raises:
            InvalidOptionError: it is neither.
        """
        folder = Path(what).expanduser().absolute()
        if _python_of(folder).exists():
            return cls(folder, ())
        if what and folder.is_dir():
            raise InvalidOptionError(
                f"what stands in for an image must be a virtual environment or a command, and {what} is a folder "
                "without bin/python"
            )
        try:
            words = shlex.split(what)
        except ValueError as error:
            raise InvalidOptionError(
                f"what stands in for an image must be a command line, got {what!r}: {error}"
            ) from error
        if not words or not (program := shutil.which(words[0])):
            raise InvalidOptionError(
                "what stands in for an image must be the folder of a virtual environment or a command that is here, "
                f"got {what!r}"
            )
        # A name alone is looked up inside, where the Python of the local AWS comes first.
        named = words[0] if "/" not in words[0] else str(Path(program).absolute())
        home = Path(named).parent.parent if "/" in named else None
        environment = home if home is not None and (home / "pyvenv.cfg").exists() else None
        # A path is the user's, from where they stand; the server stands elsewhere.
        rest = [str(Path(word).absolute()) if "/" in word and Path(word).exists() else word for word in words[1:]]
        return cls(environment, (named, *rest))

    def contents(self) -> ImageContents:
        """What the program sees: the Python, and the folders of the files that the command names."""
        python = this_python() if self.environment is None else _virtual_environment(self.environment)
        named = [Path(word) for word in self.command if word.startswith("/") and Path(word).exists()]
        shown = {path if path.is_dir() else path.parent for path in named} - {Path("/")}
        known = (Path("/usr"), *python.folders)
        more = {path for path in shown if not any(map(path.is_relative_to, known))}
        return replace(python, folders=(*python.folders, *sorted(more)), entrypoint=self.command)


def substitute_for(image: str, stand_ins: Mapping[str, ImageSubstitute]) -> ImageSubstitute | None:
    """What stands in for an image; it may be named in full, without its tag, or without its registry, too.

    Args:
        image: the image's URI.
        stand_ins: what stands in, by name.
    """
    without_tag = re.sub(r"(:[^:/@]+)?(@.*)?\Z", "", image)
    names = (image, without_tag, without_tag.partition("/")[2])
    return next((stand_ins[name] for name in names if name in stand_ins), None)


def _python_of(environment: Path) -> Path:
    return environment / "bin" / "python"


def _virtual_environment(folder: Path) -> ImageContents:
    home = None
    if (settings := folder / "pyvenv.cfg").exists():
        found = re.search(r"^home\s*=\s*(.+?)\s*$", settings.read_text(encoding="utf-8"), re.MULTILINE)
        home = Path(found[1]).parent if found else None
    return python_at(_python_of(folder), {str(folder), *([str(home)] if home else [])})
