"""The substitutes for images that a user has added, kept in the directory of a local AWS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from smproc.local.errors import InvalidOptionError
from smproc.local.runners.image_substitute import ImageSubstitute, substitute_for


@dataclass(frozen=True, slots=True)
class ImageList:
    """The substitutes for images, read for each job: a change applies to the next one.

    Attributes:
        path: the file that keeps them.
    """

    path: Path

    def read(self) -> dict[str, str]:
        """Return the substitutes as the user gave them, by the image's name."""
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def substitute_for(self, image: str) -> ImageSubstitute | None:
        """Return the substitute for an image, None if there is none.

        Raises:
            InvalidOptionError: the virtual environment or the command is not there any more.
        """
        text = substitute_for(image, self.read())
        return None if text is None else ImageSubstitute.parse(text)

    def add(self, substitutes: Mapping[str, str]) -> None:
        """Add substitutes, or replace those of the same names.

        Args:
            substitutes: each a virtual environment or a command, by the image's name.

        Raises:
            InvalidOptionError: a name is empty or has an equals sign, or a substitute is neither of the two.
        """
        added = check_substitutes(substitutes)
        if added:
            self._write(self.read() | added)

    def remove(self, name: str) -> None:
        """Remove a substitute.

        Raises:
            InvalidOptionError: there is none of that name.
        """
        substitutes = self.read()
        if name not in substitutes:
            known = ", ".join(sorted(substitutes)) or "none"
            raise InvalidOptionError(f"images must have been added to be removed, got {name!r}; added are: {known}")
        del substitutes[name]
        self._write(substitutes)

    def _write(self, substitutes: Mapping[str, str]) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(dict(substitutes), indent=2), encoding="utf-8")
        partial.replace(self.path)


def check_substitutes(substitutes: Mapping[str, str]) -> dict[str, str]:
    """Return substitutes with absolute paths.

    Raises:
        InvalidOptionError: a name is empty or has an equals sign, or a substitute is neither a virtual environment nor
            a command.
    """
    for name in substitutes:
        if not name or "=" in name:
            raise InvalidOptionError(f"images must name images, got {name!r}")
    return {name: ImageSubstitute.parse(text).to_text() for name, text in substitutes.items()}
