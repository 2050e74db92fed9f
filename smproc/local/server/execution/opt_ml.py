"""The ``/opt/ml`` of a host: the directory of a job's data.

Until the program runs, the directory is ours alone. Afterwards nothing in it can be trusted: any part of any path may
be a symbolic link out of the sandbox, so every component of a path is opened without following links.
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
# A UTF-8 character has four bytes at most: enough to tell a truncated character from an invalid one.
_UTF8_MAX_BYTES = 4


@dataclass(frozen=True, slots=True)
class OptMl:
    """The ``/opt/ml`` of a host.

    Attributes:
        path: the directory on this machine.
    """

    path: Path

    def create(self, local_paths: Sequence[str]) -> None:
        """Create the directories that exist when the program starts.

        Args:
            local_paths: the LocalPaths of the job's inputs and outputs.

        Raises:
            JobClientError: one cannot be the path of a directory.
        """
        for path in ("/opt/ml/config", "/opt/ml/output", *local_paths):
            try:
                self.host_path(path).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise JobClientError(f"The LocalPath {path} cannot be a directory: {error.strerror}") from error

    def host_path(self, local_path: str) -> Path:
        """Return the path on this machine of a path below ``/opt/ml``."""
        return self.path / PurePosixPath(local_path).relative_to(_OPT_ML)

    def write_config(self, path: str, content: Mapping[str, Any]) -> None:
        """Write a JSON file.

        Args:
            path: the file's path.
            content: the file's content.
        """
        file = self.host_path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content), encoding="utf-8")

    def path_of_object(self, local_path: str, key: str, relative: str) -> Path:
        """Return the path on this machine of an object to download.

        Args:
            local_path: the input's LocalPath.
            key: the object's key, for the error message.
            relative: the object's path below LocalPath.

        Raises:
            JobClientError: the path is not below LocalPath.
        """
        parts = [part for part in relative.split("/") if part]
        if not parts or relative.startswith("/") or any(part in (".", "..") for part in parts):
            raise JobClientError(f"The S3 key {key!r} does not name a path below {local_path}")
        return self.host_path(local_path).joinpath(*parts)

    def files(self, local_path: str) -> Iterator[tuple[str, IO[bytes]]]:
        """Yield the relative path and the open file of every regular file below a path; the caller closes the file.

        Links, devices and pipes are left out.

        Args:
            local_path: the path.
        """
        with contextlib.ExitStack() as stack:
            try:
                top = stack.enter_context(self.open_directory(local_path))
            except OSError:
                return  # the program removed it or replaced it by a link: there is nothing to upload
            for directory, _, names, descriptor in os.fwalk(".", dir_fd=top):
                for name in sorted(names):
                    if (file := _open_regular(name, descriptor)) is not None:
                        yield str(PurePosixPath(directory) / name), file

    def message(self, name: str) -> str | None:
        """Return the first kilobyte of a file in ``/opt/ml/output``; None if the program wrote none.

        Args:
            name: the file's name.

        Raises:
            JobClientError: the file is not UTF-8.
        """
        try:
            with self.open_directory("/opt/ml/output") as directory:
                file = _open_regular(name, directory)
        except OSError:
            return None
        if file is None:
            return None
        with file:
            return first_kilobyte(file.read(_MESSAGE_MAX_BYTES + _UTF8_MAX_BYTES), name)

    @contextlib.contextmanager
    def open_directory(self, local_path: str) -> Iterator[int]:
        """Yield the descriptor of a directory, opened without following links.

        Args:
            local_path: the directory's path, below ``/opt/ml``.

        Raises:
            OSError: there is no such directory.
        """
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | _NO_LINKS)
        try:
            for part in PurePosixPath(local_path).relative_to(_OPT_ML).parts:
                child = os.open(part, os.O_RDONLY | os.O_DIRECTORY | _NO_LINKS, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = child
            yield descriptor
        finally:
            os.close(descriptor)


def first_kilobyte(data: bytes, name: str = "message") -> str:
    """Return the text of the first 1,024 bytes, without a character that they cut off.

    Args:
        data: the bytes.
        name: the name of their file in ``/opt/ml/output``, for the error message. Default: ``message``.

    Raises:
        JobClientError: the bytes are not UTF-8.
    """
    try:
        data.decode()
    except UnicodeDecodeError as error:
        truncated = len(data) > _MESSAGE_MAX_BYTES and error.reason == "unexpected end of data"
        if not truncated:
            raise JobClientError(f"The file /opt/ml/output/{name} is not UTF-8 text") from error
    return data[:_MESSAGE_MAX_BYTES].decode(errors="ignore")


def _open_regular(name: str, directory: int) -> IO[bytes] | None:
    try:
        # Without O_NONBLOCK a named pipe would block forever.
        descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | _NO_LINKS, dir_fd=directory)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return os.fdopen(descriptor, "rb")


def create_file(path: Path, key: str) -> IO[bytes]:
    """Create a file to download an object to.

    Args:
        path: the file's path.
        key: the object's key, for the error message.

    Raises:
        JobClientError: the path exists, or cannot be the path of a file.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINKS, 0o644), "wb")
    except (OSError, ValueError) as error:
        raise _unstorable(key, error) from error


def create_directory(path: Path, key: str) -> None:
    """Create a directory for an object whose key ends in a slash, such as the folders of the S3 console.

    Args:
        path: the directory's path.
        key: the object's key, for the error message.

    Raises:
        JobClientError: a file has the path, or it cannot be the path of a directory.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise _unstorable(key, error) from error


def _unstorable(key: str, error: OSError | ValueError) -> JobClientError:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return JobClientError(f"The S3 key {key!r} cannot be a file: {reason}")
