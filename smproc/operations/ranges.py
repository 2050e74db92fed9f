"""An object in S3 as a file that can be read anywhere, a range at a time."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from smproc.operations.errors import OutputUnreadableError

if TYPE_CHECKING:
    from boto3 import Session

    from cdk_sagemaker_processing.model.s3_uri import S3Uri

# Whoever wants to see some rows does not want to wait for more, or to pay for it.
_BYTES_MAX = 64 * 1024 * 1024


class RangeReader(io.RawIOBase):
    """An object in S3 as a file, of which at most 64 MiB are read.

    Args:
        session: a boto3 session.
        where: the object.
        size: bytes.

    See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/range-get-olap.html
    """

    def __init__(self, session: Session, where: S3Uri, size: int) -> None:
        super().__init__()
        self._client = session.client("s3")
        self._where = where
        self._size = size
        self._position = 0
        self._read = 0

    def first(self, count: int) -> bytes:
        """Return the first bytes."""
        self.seek(0)
        return self.read(count) or b""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read bytes from the present position.

        Raises:
            OutputUnreadableError: more than 64 MiB would have been read.
        """
        rest = max(0, self._size - self._position)
        count = rest if size is None or size < 0 else min(size, rest)
        if not count:
            return b""
        self._read += count
        if self._read > _BYTES_MAX:
            raise OutputUnreadableError(
                f"the first rows of {self._where} take more than {_BYTES_MAX:,} bytes; download it with "
                "`smproc outputs get`, or `aws s3 cp`"
            )
        last = self._position + count - 1
        data = self._client.get_object(
            Bucket=self._where.bucket, Key=self._where.key, Range=f"bytes={self._position}-{last}"
        )["Body"].read()
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move the position, and return it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def size(self) -> int:
        """Return the number of bytes, as pyarrow asks for it."""
        return self._size

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True
