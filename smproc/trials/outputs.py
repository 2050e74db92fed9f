"""The folder of a trial's outputs, which holds those of the last one that succeeded."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from smproc.operations import OutputFile, download
from smproc.trials.errors import OutputFolderError

if TYPE_CHECKING:
    from boto3 import Session

# The file that tells a folder of outputs from any other folder, which is never replaced.
_MARKER = ".smproc-try.json"


@dataclass(frozen=True)
class OutputFolder:
    """A folder of outputs, as ``OUTPUT/FILE``, or of a workflow as ``STEP/OUTPUT/FILE``.

    Attributes:
        path: the folder.
    """

    path: Path

    def check(self) -> None:
        """Check that the folder may be replaced, and that outputs can be written beside it.

        Raises:
            OutputFolderError: it holds something else, is no folder, or is in a place that cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=f".{self.path.name}-", dir=self.path.parent):
                pass
        except OSError as error:
            raise OutputFolderError(
                f"the folder of outputs {str(self.path)!r} cannot be written: {error.strerror}; choose another one "
                "with --output-dir"
            ) from None
        if not os.path.lexists(self.path):
            return
        if not self.path.is_dir() or (not self.is_written and any(self.path.iterdir())):
            raise OutputFolderError(
                f"the folder of outputs must be new, empty, or written by `smproc try`, got {str(self.path)!r}, which "
                "holds something else; choose another one with --output-dir"
            )

    @property
    def is_written(self) -> bool:
        """True if a trial has written it."""
        return (self.path / _MARKER).is_file()

    def fetch(self, session: Session, files: Iterable[OutputFile], about: dict[str, object]) -> Path:
        """Download outputs into a new folder beside this one, and return it, for `replace_with`.

        Args:
            session: a boto3 session.
            files: the outputs.
            about: what the marker says about them.

        Raises:
            OutputFolderError: an output cannot be stored here.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fetched = Path(tempfile.mkdtemp(prefix=f".{self.path.name}-", dir=self.path.parent))
        for result in download(session, files, fetched):
            if result.problem:
                shutil.rmtree(fetched, ignore_errors=True)
                raise OutputFolderError(f"the output {result.file.uri} was not stored: {result.problem}")
        (fetched / _MARKER).write_text(json.dumps(about), encoding="utf-8")
        return fetched

    def replace_with(self, fetched: Path) -> None:
        """Put a new folder in the place of this one."""
        fetched.chmod(0o777 & ~_umask())
        old = None
        if os.path.lexists(self.path):
            old = Path(tempfile.mkdtemp(prefix=f".{self.path.name}-", dir=self.path.parent))
            self.path.replace(old)
        fetched.replace(self.path)
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)


def files_in(folder: Path) -> dict[str, Path]:
    """Return the outputs in a folder, by their relative names."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != _MARKER
    }


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
