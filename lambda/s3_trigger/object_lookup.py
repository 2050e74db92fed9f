"""The lookup of keys that have objects, by listing: no setting of an object can make a list fail.

Where the keys are dense in the bucket, one ListObjectsV2 answers for up to 1,000 of them; where they are sparse, each
takes a request of its own.
"""

from __future__ import annotations

import bisect
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
_PAGE = 1000
# A list costs about as much as 12 HeadObject: https://aws.amazon.com/s3/pricing/
_DENSE = 12
# Keys that start with another one are found by a list in any case.
_DENSE_ALONE = 2
_SPARSE_KEYS = 100
# A page for few keys need not be long.
_LISTED_FOR_EACH = 100
_THREADS = 32


class Found(NamedTuple):
    """The result for a key.

    Attributes:
        exists: whether an object has the key, as far as this function may see it: a job may see more.
        is_alone: whether no other key starts with the key; False if that is not known.
    """

    exists: bool
    is_alone: bool


def look_up(
    s3: S3Client,
    bucket: str,
    keys: Sequence[str],
    *,
    prefixes: Sequence[str],
    alone: bool,
    pool: Callable[[int], Executor] = ThreadPoolExecutor,
) -> Iterator[Found]:
    """Yield the result for each key, in their order.

    Args:
        s3: the client of S3.
        bucket: the bucket.
        keys: the keys, sorted by their UTF-8 bytes.
        prefixes: the prefixes that the function may list.
        alone: whether to find out if other keys start with each key.
        pool: a function that returns an executor with so many threads.
    """
    dense = _DENSE_ALONE if alone else _DENSE
    with pool(_THREADS) as threads:
        position = 0
        while position < len(keys):
            stop = min(_stretch(keys, position, prefixes), position + _PAGE)
            found: list[Found] = []
            if stop - position >= dense:
                found = list(_page(s3, bucket, keys[position:stop]))
            if len(found) < min(dense, stop - position):
                some = keys[position + len(found) : min(stop, position + len(found) + _SPARSE_KEYS)]
                found += threads.map(lambda key: _single(s3, bucket, key, alone=alone), some)
            for key, result in zip(keys[position:], found, strict=False):
                # The next page would show the keys after the last one of this page.
                yield _single(s3, bucket, key, alone=True) if alone and result is _LAST_OF_PAGE else result
            position += len(found)


_LAST_OF_PAGE = Found(exists=True, is_alone=False)
_MISSING = Found(exists=False, is_alone=False)


def _page(s3: S3Client, bucket: str, keys: Sequence[str]) -> Iterator[Found]:
    """Yield the results for the first keys, as far as one page of a list reaches; none if it may not be listed."""
    # The longest prefix that all keys have, which the function may list if they all have one that it may list.
    prefix = os.path.commonprefix([keys[0], keys[-1]])  # noqa: RUF071 - a prefix is text, not a path
    try:
        answer = s3.list_objects_v2(
            Bucket=bucket, Prefix=prefix, StartAfter=_before(keys[0]), MaxKeys=min(_PAGE, _LISTED_FOR_EACH * len(keys))
        )
    except ClientError as error:
        if _status_of(error) not in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
            raise
        return
    listed = [item["Key"].encode() for item in answer.get("Contents", ())]
    for key in keys:
        wanted = key.encode()
        index = bisect.bisect_left(listed, wanted)
        if index == len(listed) and answer.get("IsTruncated"):
            return
        if index == len(listed) or listed[index] != wanted:
            yield _MISSING
        elif index + 1 == len(listed) and answer.get("IsTruncated"):
            yield _LAST_OF_PAGE
        else:
            yield Found(exists=True, is_alone=index + 1 == len(listed) or not listed[index + 1].startswith(wanted))


def _single(s3: S3Client, bucket: str, key: str, *, alone: bool) -> Found:
    """Return the result for one key. A refused HeadObject means nothing: it fails for objects with a key of their own.

    See: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
    """
    if not alone:
        try:
            s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if _status_of(error) == HTTPStatus.NOT_FOUND:
                return _MISSING
        else:
            return Found(exists=True, is_alone=False)
    try:
        # S3 lists keys in the order of their UTF-8 bytes, so the key itself is the first of those that start with it.
        answer = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=2 if alone else 1)
    except ClientError as error:
        if _status_of(error) not in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
            raise
        return Found(exists=_status_of(error) == HTTPStatus.FORBIDDEN, is_alone=False)
    listed = [item["Key"] for item in answer.get("Contents", ())]
    return Found(exists=key in listed, is_alone=alone and listed == [key])


def _stretch(keys: Sequence[str], position: int, prefixes: Sequence[str]) -> int:
    """Return the end of the keys that have the same one of some prefixes as the first."""
    prefix = _prefix_of(keys[position], prefixes)
    return position + sum(
        1
        for _ in itertools.takewhile(lambda key: _prefix_of(key, prefixes) == prefix, keys[position : position + _PAGE])
    )


def _prefix_of(key: str, prefixes: Sequence[str]) -> str:
    return max((prefix for prefix in prefixes if key.startswith(prefix)), key=len, default="")


def _before(key: str) -> str:
    """Return a text that S3 sorts before a key, and after almost all keys before it."""
    last = ord(key[-1])
    if last == 0:
        return key[:-1]
    previous = 0xD7FF if last == 0xE000 else last - 1  # noqa: PLR2004 - between them are surrogates
    return f"{key[:-1]}{chr(previous)}~"


def _status_of(error: ClientError) -> int:
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
