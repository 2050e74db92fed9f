"""The local files that a notebook names: copied beside the app, so that its deployment finds them."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from smproc.adoption.code import Value
from smproc.adoption.notebooks.expressions import S3
from smproc.adoption.notebooks.values import Unknown

if TYPE_CHECKING:
    from smproc.adoption.notebooks.expressions import Expressions
    from smproc.adoption.notebooks.source import Source

_LARGEST: Final = 20 * 2**20
_SKIPPED: Final = {".git", ".ipynb_checkpoints", "__pycache__", "node_modules", ".venv", "cdk.out"}


class LocalFiles:
    """The files of the app.

    Args:
        source: the notebook or script that names them, relative to its directory.
    """

    def __init__(self, source: Source) -> None:
        self._written = source.written
        self._source = source.path
        self._directory = source.path.parent
        self.found: dict[str, bytes] = {}

    def code(
        self,
        text: str,
        where: str,
        expressions: Expressions,
        *,
        is_directory: bool = False,
        script: Any = None,  # noqa: ANN401
    ) -> Value:
        """Return the path of a script, module or directory of sources in the app.

        What does not exist becomes a file that says so, so that the app can be synthesized.

        Args:
            text: the path in the notebook.
            where: its location.
            expressions: receives a note about what does not exist.
            is_directory: whether it is a directory. Default: False.
            script: the script in the directory, if that is known.
        """
        name, path = self._places(text)
        placeholder = f"{name}/{script}" if is_directory and isinstance(script, str) else name
        if self._take(name, path) and (not is_directory or script is None or placeholder in self.found):
            return name
        message = f"{text} of {where} was not there; put it here"
        self.found[placeholder] = f"raise SystemExit({message!r})\n".encode() if _is_python(placeholder) else b""
        missing = placeholder if is_directory else text
        expressions.note(f"{where}: {missing} does not exist; put it at {placeholder} of the project.")
        return name

    def data(self, text: str, where: str, expressions: Expressions) -> Value:
        """Return the location of local data of an input; a constant to fill in if it does not exist."""
        name, path = self._places(text)
        if self._take(name, path):
            return name
        reason = f"{text} does not exist; put it at {name} of the project and name that, or a location in S3."
        return expressions.hole(Unknown(text, where, PurePosixPath(name).stem, reason), prefix=S3)

    def _places(self, text: str) -> tuple[str, Path]:
        """Return the path in the app, and that beside the notebook."""
        text = text.removeprefix("file://")
        path = self._directory / text
        relative = PurePosixPath(os.path.normpath(text))
        if relative.is_absolute() or ".." in relative.parts:
            relative = PurePosixPath(relative.name)
        name = str(relative)
        return ("source" if name == "." else name), path

    def _take(self, name: str, path: Path) -> bool:
        """Take a file or directory into the app; return whether it exists."""
        written = {one: text for one, text in self._written.items() if one == name or one.startswith(f"{name}/")}
        if name == "source":
            written = {f"source/{one}": text for one, text in self._written.items() if "/" not in one}
        self.found |= {one: text.encode() for one, text in written.items()}
        if path.is_file() and path.stat().st_size <= _LARGEST:
            self.found.setdefault(name, path.read_bytes())
            return True
        if not path.is_dir():
            return bool(written)
        size = 0
        for file in sorted(path.rglob("*")):
            relative = file.relative_to(path)
            if not file.is_file() or file == self._source or _SKIPPED & set(relative.parts):
                continue
            size += file.stat().st_size
            if size > _LARGEST:
                return bool(written)
            self.found.setdefault(f"{name}/{relative.as_posix()}", file.read_bytes())
        return size > 0 or bool(written)


def _is_python(name: str) -> bool:
    return PurePosixPath(name).suffix == ".py"
