"""Inputs in Pipe mode: streamed from S3 into named pipes while the programs run.

How Processing names its pipes is documented nowhere; here they are named as training's are: ``LocalPath`` with ``_0``
for the first reading, ``_1`` for the second, and so on. Each reading gets all objects, one after the other.
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
from typing import Any

from botocore.exceptions import BotoCoreError

from smproc.local.server.execution.errors import JobClientError
from smproc.local.server.execution.inputs import HostInput, open_object, unreadable
from smproc.local.server.execution.s3_uri import S3Uri

_CHUNK = 1024 * 1024
_POLL_IN_SECONDS = 0.02
# zlib's number for data with a gzip header.
_GZIP = 16 + zlib.MAX_WBITS


class PipeInput:
    """A host's named pipes for one input.

    Args:
        s3: an S3 client that acts as the job's role.
        part: what the host gets.
    """

    def __init__(self, s3: Any, part: HostInput) -> None:  # noqa: ANN401 - boto3 is untyped
        self._s3 = s3
        self._part = part
        path = PurePosixPath(part.local_path)
        self._folder, self._name = str(path.parent), path.name

    def create(self) -> None:
        """Make the first pipe, before the program looks for it."""
        self._part.volume.host.create([self._folder])
        self._make(0)

    def feed(self, ended: threading.Event) -> None:
        """Serve one reading after the other until the programs have ended.

        Raises:
            ClientError: an object cannot be read or unpacked.
        """
        for reading in itertools.count():
            pipe = self._open(reading, ended)
            if pipe is None:
                return
            try:
                self._make(reading + 1)
                _write_all(self._content(), pipe, ended.is_set)
            finally:
                os.close(pipe)

    def _make(self, reading: int) -> None:
        # FileExistsError: a name of the program's own; what it is will be seen when it is opened.
        with contextlib.suppress(OSError), self._part.volume.host.folder(self._folder) as folder:
            os.mkfifo(f"{self._name}_{reading}", 0o666, dir_fd=folder)

    def _open(self, reading: int, ended: threading.Event) -> int | None:
        """Wait for a reader; None when there will be none."""
        while not ended.wait(_POLL_IN_SECONDS):
            try:
                with self._part.volume.host.folder(self._folder) as folder:
                    pipe = os.open(
                        f"{self._name}_{reading}",
                        os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC,
                        dir_fd=folder,
                    )
            except OSError as error:
                if error.errno == errno.ENXIO:
                    continue
                return None  # the program has removed it, or put something else there
            if not stat.S_ISFIFO(os.fstat(pipe).st_mode):
                os.close(pipe)
                return None
            with contextlib.suppress(OSError):  # a smaller one does as well
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _CHUNK)
            return pipe
        return None

    def _content(self) -> Iterator[bytes]:
        for item in self._part.objects:
            with contextlib.closing(open_object(self._s3, item.source)["Body"]) as body:
                chunks = body.iter_chunks(_CHUNK)
                try:
                    yield from _unpacked(chunks, item.source) if self._part.gzipped else chunks
                except BotoCoreError as error:
                    raise unreadable(item.source, error) from error


def _unpacked(chunks: Iterable[bytes], source: S3Uri) -> Iterator[bytes]:
    """A gzip file's content; a file may be several, one after the other."""
    unpacking = zlib.decompressobj(_GZIP)
    begun = False
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if unpacking.eof:
                    unpacking = zlib.decompressobj(_GZIP)
                begun = True
                yield unpacking.decompress(rest)
                rest = unpacking.unused_data
    except zlib.error as error:
        raise JobClientError(
            f'The object at S3 URL "{source}" is not gzip, which S3CompressionType says: {error}'
        ) from error
    if begun and not unpacking.eof:
        raise JobClientError(
            f'The object at S3 URL "{source}" is not gzip, which S3CompressionType says: it ends too early'
        )


def _write_all(content: Iterable[bytes], pipe: int, ended: Callable[[], bool]) -> None:
    """Write until all is written, the reader has gone or the programs have ended."""
    ready = select.poll()
    ready.register(pipe, select.POLLOUT)
    for chunk in content:
        left = memoryview(chunk)
        while left:
            if ended():
                return
            if not ready.poll(_POLL_IN_SECONDS * 1000):
                continue
            try:
                left = left[os.write(pipe, left) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                return
