"""Files and directories of this machine, as a trial is given them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from smproc.trials.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFile:
    """A file that a trial gives to an input.

    Attributes:
        path: the file.
        name: its name below the input's directory.
    """

    path: Path
    name: str


def given_files(paths: Iterable[Path]) -> list[GivenFile]:
    """Return files, and everything below directories, with the names that they have in an input.

    Args:
        paths: files and directories; the content of a directory has the names that it has in the directory.

    Raises:
        InputError: there is no such file, a directory has none, or two files have one name.
    """
    found: dict[str, GivenFile] = {}
    for path in paths:
        for file in _below(path):
            if (other := found.get(file.name)) is not None and other.path != file.path:
                raise InputError(
                    f"two files must not have one name in an input, got {str(other.path)!r} and {str(file.path)!r}; "
                    "rename one of them"
                )
            found[file.name] = file
    return list(found.values())


def _below(path: Path) -> list[GivenFile]:
    if path.is_dir():
        found = [
            GivenFile(path=Path(root) / name, name=(Path(root) / name).relative_to(path).as_posix())
            for root, _, names in sorted(os.walk(path))
            for name in sorted(names)
        ]
        if not found:
            raise InputError(f"the directory {str(path)!r} must contain files; it is empty")
        return found
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    return [GivenFile(path=path, name=path.name)]
