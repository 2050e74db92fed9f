"""Inputs in Pipe mode: streamed from S3 to named pipes while the programs run.

The names of a processing job's pipes are not documented. Here they are those of training jobs: ``LocalPath`` with
``_0`` for the first pass, ``_1`` for the second, and so on. Each pass streams all objects, one after the other.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import select
import stat
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError

from smproc.local.server.execution.errors import JobClientError
from smproc.local.server.execution.inputs import HostInput, download_error, open_object
from smproc.local.server.execution.s3_uri import S3Uri

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_CHUNK = 1024 * 1024
_POLL_IN_SECONDS = 0.02
# zlib's window size for data with a gzip header.
_GZIP = 16 + zlib.MAX_WBITS


class PipeInput:
    """The named pipes of one input on a host.

    Args:
        s3: an S3 client that acts as the job's role.
        part: the host's part of the input.
    """

    def __init__(self, s3: S3Client, part: HostInput) -> None:
        self._s3 = s3
        self._part = part
        path = PurePosixPath(part.local_path)
        self._directory, self._name = str(path.parent), path.name

    def create(self) -> None:
        """Create the first pipe, before the program starts."""
        self._part.volume.host.create([self._directory])
        self._create(0)

    def feed(self, ended: threading.Event) -> None:
        """Serve one pass after the other until the programs have ended.

        Args:
            ended: set when the programs have ended.

        Raises:
            JobClientError: an object cannot be read or decompressed.
        """
        for number in itertools.count():
            pipe = self._open(number, ended)
            if pipe is None:
                return
            try:
                self._create(number + 1)
                _write_all(self._content(), pipe, ended.is_set)
            finally:
                os.close(pipe)

    def _create(self, number: int) -> None:
        # FileExistsError: the program created a file of this name; its type is checked when it is opened.
        with contextlib.suppress(OSError), self._part.volume.host.open_directory(self._directory) as directory:
            os.mkfifo(f"{self._name}_{number}", 0o666, dir_fd=directory)

    def _open(self, number: int, ended: threading.Event) -> int | None:
        """Wait for a reader and return the pipe's descriptor; None if there will be no reader."""
        while not ended.wait(_POLL_IN_SECONDS):
            try:
                with self._part.volume.host.open_directory(self._directory) as directory:
                    pipe = os.open(
                        f"{self._name}_{number}",
                        os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC,
                        dir_fd=directory,
                    )
            except OSError as error:
                if error.errno == errno.ENXIO:
                    continue
                return None  # the program has removed or replaced it
            if not stat.S_ISFIFO(os.fstat(pipe).st_mode):
                os.close(pipe)
                return None
            if hasattr(fcntl, "F_SETPIPE_SZ"):  # Linux alone has it
                with contextlib.suppress(OSError):  # a smaller buffer works too
                    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _CHUNK)
            return pipe
        return None

    def _content(self) -> Iterator[bytes]:
        for item in self._part.objects:
            with contextlib.closing(open_object(self._s3, item.source)["Body"]) as body:
                chunks = body.iter_chunks(_CHUNK)
                try:
                    yield from _decompressed(chunks, item.source) if self._part.gzipped else chunks
                except BotoCoreError as error:
                    raise download_error(item.source, error) from error


def _decompressed(chunks: Iterable[bytes], source: S3Uri) -> Iterator[bytes]:
    """Yield the content of a gzip file, which may have several members."""
    decompressor = zlib.decompressobj(_GZIP)
    started = False
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if decompressor.eof:
                    decompressor = zlib.decompressobj(_GZIP)
                started = True
                yield decompressor.decompress(rest)
                rest = decompressor.unused_data
    except zlib.error as error:
        raise JobClientError(
            f'The object at S3 URL "{source}" is not gzip, although S3CompressionType is Gzip: {error}'
        ) from error
    if started and not decompressor.eof:
        raise JobClientError(
            f'The object at S3 URL "{source}" is not gzip, although S3CompressionType is Gzip: it is truncated'
        )


def _write_all(content: Iterable[bytes], pipe: int, ended: Callable[[], bool]) -> None:
    """Write the content until it ends, the reader closes the pipe or the programs have ended."""
    ready = select.poll()
    ready.register(pipe, select.POLLOUT)
    for chunk in content:
        remaining = memoryview(chunk)
        while remaining:
            if ended():
                return
            if not ready.poll(_POLL_IN_SECONDS * 1000):
                continue
            try:
                remaining = remaining[os.write(pipe, remaining) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                return
