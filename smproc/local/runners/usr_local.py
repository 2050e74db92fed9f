"""A job's own /usr/local: writable, as in a container, with links to what this machine has there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

USR_LOCAL = "/usr/local"
# Where the sandbox shows this machine's own directory, read-only: the links lead here.
_MACHINE = "/opt/smproc/usr-local"


@dataclass(frozen=True, slots=True)
class UsrLocal:
    """A job's /usr/local.

    Attributes:
        writable: the job's own directory, by the path at which it appears; empty if this machine has no /usr/local.
        read_only: this machine's directory, by the path at which it appears.
    """

    writable: dict[str, Path]
    read_only: dict[str, Path]


def create_usr_local(directory: Path, machine: Path = Path(USR_LOCAL)) -> UsrLocal:
    """Create a job's /usr/local, whose directories ``bin``, ``lib`` and so on can be added to.

    Args:
        directory: the directory to create it in.
        machine: the /usr/local of this machine.
    """
    # Nothing can be mounted below /usr, which is read-only, at a path that does not exist.
    if not machine.is_dir() or machine.is_symlink():
        return UsrLocal({}, {})
    directory.mkdir()
    for path in machine.iterdir():
        copy = directory / path.name
        if path.is_symlink():
            copy.symlink_to(path.readlink())
        elif path.is_dir():
            copy.mkdir()
            for name in _names(path):
                (copy / name).symlink_to(f"{_MACHINE}/{path.name}/{name}")
        else:
            copy.symlink_to(f"{_MACHINE}/{path.name}")
    return UsrLocal({USR_LOCAL: directory}, {_MACHINE: machine})


def _names(directory: Path) -> list[str]:
    try:
        return [path.name for path in directory.iterdir()]
    except PermissionError:
        return []
