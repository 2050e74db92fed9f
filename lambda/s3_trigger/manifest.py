"""Write the manifest of a run: a SageMaker ``ManifestFile`` that names every object that is still there.

See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from s3_trigger.index_set import IndexSet
from s3_trigger.messages import Upload

# The least that S3 takes as a part: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
PART_BYTES = 5 * 1024 * 1024
_THREADS = 32
# More than a batch has objects: 100,000. A set of Python's would take 90 bytes for each of them.
_PLACES = 1 << 18
_MARK_BYTES = 12
_NO_MARK = bytes(_MARK_BYTES)


class _Keys:
    """A set of keys in 3 MiB, however many they are, by 96 bits of their hashes."""

    def __init__(self) -> None:
        self._marks = bytearray(_PLACES * _MARK_BYTES)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, key: str) -> bool:
        """Add a key; whether it was not there before."""
        mark = hashlib.blake2b(key.encode(), digest_size=_MARK_BYTES).digest()
        target = int.from_bytes(mark[:4], "big")
        while True:
            start = target % _PLACES * _MARK_BYTES
            found = self._marks[start : start + _MARK_BYTES]
            if found == mark:
                return False
            if found == _NO_MARK:
                self._marks[start : start + _MARK_BYTES] = mark
                self._count += 1
                return True
            target += 1


def write(
    s3: Any,  # noqa: ANN401 - boto3 has no types
    target: tuple[str, str],
    prefix: str,
    members: Iterable[list[tuple[int, Upload]]],
) -> tuple[int, IndexSet]:
    """Write a manifest, holding no more of it in memory than a part of an upload.

    Args:
        s3: a boto3 client.
        target: the bucket and key of the manifest.
        prefix: what all keys start with; an object lands in the input's folder under the rest of its key.
        members: what to name, some at a time; one key is named once, however often it was uploaded.

    Returns how many objects it names, and which members are not in it because their objects are gone.
    """
    named = _Keys()
    missing: list[int] = []

    def lines() -> Iterator[bytes]:
        with ThreadPoolExecutor(_THREADS) as pool:
            for part in members:
                there = pool.map(lambda member: exists(s3, member[1]), part)
                for (position, upload), is_there in zip(part, there, strict=True):
                    if not is_there:
                        missing.append(position)
                    elif named.add(upload.key):
                        if len(named) == 1:
                            yield b"[" + json.dumps({"prefix": f"s3://{upload.bucket}/{prefix}"}).encode()
                        yield b",\n" + json.dumps(upload.key[len(prefix) :], ensure_ascii=False).encode()
        if len(named):
            yield b"]\n"

    _upload(s3, target, lines())
    return len(named), IndexSet.of(missing)


def exists(s3: Any, upload: Upload) -> bool:  # noqa: ANN401 - boto3 has no types
    """Whether an object is there, as far as may be seen: what this function may not see, the job may."""
    try:
        s3.head_object(Bucket=upload.bucket, Key=upload.key)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status not in (403, 404):
            raise
        return bool(status == 403)  # noqa: PLR2004 - HTTP's number
    return True


def _upload(s3: Any, target: tuple[str, str], lines: Iterator[bytes]) -> None:  # noqa: ANN401 - boto3 has no types
    """Upload text in one call when it is short, else in parts; nothing when there is none."""
    where: dict[str, Any] = dict(zip(("Bucket", "Key"), target, strict=True))
    buffer = bytearray()
    upload_id = ""
    parts: list[dict[str, Any]] = []

    def part() -> None:
        nonlocal upload_id
        if not upload_id:
            upload_id = s3.create_multipart_upload(**where, ContentType="application/json")["UploadId"]
        number = len(parts) + 1
        answer = s3.upload_part(**where, UploadId=upload_id, PartNumber=number, Body=bytes(buffer))
        parts.append({"ETag": answer["ETag"], "PartNumber": number})
        buffer.clear()

    for line in lines:
        buffer += line
        if len(buffer) >= PART_BYTES:
            part()
    if not upload_id:
        if buffer:
            s3.put_object(**where, Body=bytes(buffer), ContentType="application/json")
        return
    if buffer:
        part()
    s3.complete_multipart_upload(**where, UploadId=upload_id, MultipartUpload={"Parts": parts})
