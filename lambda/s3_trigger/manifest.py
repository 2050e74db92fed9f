"""The manifest of a run: a SageMaker ``ManifestFile`` that names its objects.

See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, cast

from boto3.s3.transfer import TransferConfig

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# The smallest part that S3 takes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
PART_BYTES = 5 * 1024 * 1024
# In this thread, part by part: no more than a few parts are in memory. When a part fails, boto3 aborts the upload.
_TRANSFER = TransferConfig(
    multipart_threshold=PART_BYTES,
    multipart_chunksize=PART_BYTES,
    use_threads=False,
    preferred_transfer_client="classic",
)


class _Stream:
    """A file object for boto3's uploader that reads what an iterator yields."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._buffer = bytearray()

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes, or fewer at the end; by default all that are left."""
        while size < 0 or len(self._buffer) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._buffer += chunk
        end = len(self._buffer) if size < 0 else size
        taken = bytes(self._buffer[:end])
        del self._buffer[:end]
        return taken


def write(s3: S3Client, target: tuple[str, str], source: tuple[str, str], keys: Iterable[str]) -> None:
    """Write a manifest in bounded memory.

    Args:
        s3: the client of S3.
        target: the bucket and key of the manifest.
        source: the bucket of the objects, and the prefix of all keys; the manifest names the rest of each. AWS does not
            document which part of the key becomes the object's path below the input's directory.
        keys: the keys to name, each once.
    """
    bucket, prefix = source

    def chunks() -> Iterator[bytes]:
        yield b"[" + json.dumps({"prefix": f"s3://{bucket}/{prefix}"}).encode()
        for key in keys:
            yield b",\n" + json.dumps(key[len(prefix) :], ensure_ascii=False).encode()
        yield b"]\n"

    s3.upload_fileobj(
        cast("IO[bytes]", _Stream(chunks())),
        *target,
        ExtraArgs={"ContentType": "application/json"},
        Config=_TRANSFER,
    )
