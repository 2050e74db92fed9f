"""``/opt/ml`` of one host: the folder that a job's data passes through.

Before the program runs the folder is ours. Afterwards nothing in it can be trusted: any part of any path may have
become a symbolic link out of the sandbox, so every step of a path is opened without following links.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from smproc.local.server.execution.errors import JobClientError

_OPT_ML = PurePosixPath("/opt/ml")
_PROCESSING = _OPT_ML / "processing"
_NO_LINKS = os.O_NOFOLLOW | os.O_CLOEXEC
_MESSAGE_MAX_BYTES = 1024
# A UTF-8 character has four bytes at most: enough to tell a cut character from a wrong one.
_UTF8_MAX_BYTES = 4


def inside_processing(local_path: str, *, below: bool = False) -> bool:
    """Whether a LocalPath is where the service allows it: ``/opt/ml/processing`` or below.

    Args:
        local_path: the path.
        below: whether ``/opt/ml/processing`` itself will not do.
    """
    path = PurePosixPath(local_path)
    if ".." in path.parts or "\0" in local_path or (below and path == _PROCESSING):
        return False
    return path.is_relative_to(_PROCESSING)


@dataclass(frozen=True, slots=True)
class OptMl:
    """``/opt/ml`` of one host.

    Attributes:
        path: the folder on this machine.
    """

    path: Path

    def create(self, local_paths: Sequence[str]) -> None:
        """Make the folders that the program finds when it starts.

        Args:
            local_paths: the LocalPaths of the job's inputs and outputs.

        Raises:
            ClientError: one cannot be the name of a folder.
        """
        for path in ("/opt/ml/config", "/opt/ml/output", *local_paths):
            try:
                self.on_this_machine(path).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise JobClientError(f"The LocalPath {path} cannot be a folder: {error.strerror}") from error

    def on_this_machine(self, local_path: str) -> Path:
        """Where a path of ``/opt/ml`` is on this machine."""
        return self.path / PurePosixPath(local_path).relative_to(_OPT_ML)

    def write_config(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a file of ``/opt/ml/config``."""
        (self.path / "config" / name).write_text(json.dumps(content), encoding="utf-8")

    def place(self, local_path: str, key: str, relative: str) -> Path:
        """Where an object is to land.

        Args:
            local_path: the input's LocalPath.
            key: the object's key, to name in an error.
            relative: where below LocalPath the object belongs.

        Raises:
            ClientError: that is not below LocalPath.
        """
        parts = [part for part in relative.split("/") if part]
        if not parts or relative.startswith("/") or any(part in (".", "..") for part in parts):
            raise JobClientError(f"The S3 key {key!r} does not name a place below {local_path}")
        return self.on_this_machine(local_path).joinpath(*parts)

    def files(self, local_path: str) -> Iterator[tuple[str, IO[bytes]]]:
        """The regular files below a path, each with its path relative to it; links, devices and pipes are left out.

        Each is open, and who gets it closes it.
        """
        with contextlib.ExitStack() as stack:
            try:
                top = stack.enter_context(self.folder(local_path))
            except OSError:
                return  # removed by the program, or made a link: there is nothing of the job's to upload
            for folder, _, names, descriptor in os.fwalk(".", dir_fd=top):
                for name in sorted(names):
                    if (file := _open_regular(name, descriptor)) is not None:
                        yield str(PurePosixPath(folder) / name), file

    def message(self) -> str | None:
        """The first kilobyte of ``/opt/ml/output/message``, None when the program wrote none.

        Raises:
            ClientError: the file is not UTF-8.
        """
        try:
            with self.folder("/opt/ml/output") as folder:
                file = _open_regular("message", folder)
        except OSError:
            return None
        if file is None:
            return None
        with file:
            return first_kilobyte(file.read(_MESSAGE_MAX_BYTES + _UTF8_MAX_BYTES))

    @contextlib.contextmanager
    def folder(self, local_path: str) -> Iterator[int]:
        """The descriptor of a folder below ``/opt/ml`` that no step of the path to it was a link to.

        Raises:
            OSError: there is no such folder.
        """
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | _NO_LINKS)
        try:
            for part in PurePosixPath(local_path).relative_to(_OPT_ML).parts:
                below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | _NO_LINKS, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)


def first_kilobyte(data: bytes) -> str:
    """The text of the first 1024 bytes, without a character that the cut goes through.

    Raises:
        ClientError: the bytes are not UTF-8.
    """
    try:
        data.decode()
    except UnicodeDecodeError as error:
        cut_through = len(data) > _MESSAGE_MAX_BYTES and error.reason == "unexpected end of data"
        if not cut_through:
            raise JobClientError("The file /opt/ml/output/message is not UTF-8 text") from error
    return data[:_MESSAGE_MAX_BYTES].decode(errors="ignore")


def _open_regular(name: str, folder: int) -> IO[bytes] | None:
    try:
        # Without O_NONBLOCK a named pipe would block us for ever.
        descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | _NO_LINKS, dir_fd=folder)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return os.fdopen(descriptor, "rb")


def new_file(place: Path, key: str) -> IO[bytes]:
    """Open a file to download an object into.

    Raises:
        ClientError: the place is taken, or no file can have that name.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        return os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINKS, 0o644), "wb")
    except (OSError, ValueError) as error:
        raise _unplaceable(key, error) from error


def new_folder(place: Path, key: str) -> None:
    """Make a folder for an object whose key ends in a slash, as S3 consoles write them.

    Raises:
        ClientError: the place is taken, or no folder can have that name.
    """
    try:
        place.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise _unplaceable(key, error) from error


def _unplaceable(key: str, error: OSError | ValueError) -> JobClientError:
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return JobClientError(f"The S3 key {key!r} cannot be a file: {why}")
