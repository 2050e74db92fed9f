"""The manifest of a run: a SageMaker ``ManifestFile`` that names every object that still exists.

See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, cast

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from s3_trigger.index_set import IndexSet
from s3_trigger.messages import Upload

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
_THREADS = 32
# A set of keys would need up to 1 KiB for each; a set of 100,000 digests needs 9 MiB.
_DIGEST_BYTES = 16


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


def write(
    s3: S3Client,
    target: tuple[str, str],
    prefix: str,
    members: Iterable[list[tuple[int, Upload]]],
) -> tuple[int, IndexSet]:
    """Write a manifest in bounded memory; write none when no object exists.

    Args:
        s3: the client of S3.
        target: the bucket and key of the manifest.
        prefix: the prefix of all keys; the manifest names the rest of each. AWS does not document which part of the key
            becomes the object's path below the input's directory.
        members: the members to name, some at a time; a key is named once, however often it was uploaded.

    Returns:
        The number of objects that it names, and the indexes of the members whose objects are missing.
    """
    named: set[bytes] = set()
    missing: list[int] = []
    with ThreadPoolExecutor(_THREADS) as pool:

        def lines() -> Iterator[bytes]:
            for some in members:
                found = pool.map(lambda member: exists(s3, member[1]), some)
                for (index, upload), is_there in zip(some, found, strict=True):
                    if not is_there:
                        missing.append(index)
                        continue
                    digest = hashlib.blake2b(upload.key.encode(), digest_size=_DIGEST_BYTES).digest()
                    if digest in named:
                        continue
                    if not named:
                        yield b"[" + json.dumps({"prefix": f"s3://{upload.bucket}/{prefix}"}).encode()
                    named.add(digest)
                    yield b",\n" + json.dumps(upload.key[len(prefix) :], ensure_ascii=False).encode()
            if named:
                yield b"]\n"

        body = lines()
        first = next(body, None)
        if first is not None:
            bucket, key = target
            s3.upload_fileobj(
                cast("IO[bytes]", _Stream(itertools.chain([first], body))),
                bucket,
                key,
                ExtraArgs={"ContentType": "application/json"},
                Config=_TRANSFER,
            )
    return len(named), IndexSet.of(missing)


def exists(s3: S3Client, upload: Upload) -> bool:
    """Check whether an object exists, as far as this function may see it: the job may see more."""
    try:
        s3.head_object(Bucket=upload.bucket, Key=upload.key)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status not in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
            raise
        return bool(status == HTTPStatus.FORBIDDEN)
    return True
