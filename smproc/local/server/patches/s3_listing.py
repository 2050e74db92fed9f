"""S3: a page of a listing costs what the page holds, however many objects the bucket has.

AWS: ListObjectsV2 returns up to 1,000 keys in UTF-8 binary order, and buckets have no limit to the number of objects.
See: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html

ministack 1.5.33: `ministack.services.s3._collect_list_entries` filters and sorts all keys of the bucket for each page.
A page of a bucket with 100,000 objects takes 30 ms and more, in which the server answers nothing else.

Removable when: `_collect_list_entries` reads no more keys than its page needs (not so in 1.5.33).
"""

from __future__ import annotations

import sys
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable
from typing import Any

from smproc.local.server.patches.registry import Names, Wrappers, takes

NAMES: Names = {
    "ministack.services.s3": {
        "_collect_list_entries": takes("bucket_objects", "prefix", "delimiter", "max_keys", "start_after"),
        "_ensure_bucket": takes("name"),
    },
}

# Contents, common prefixes, whether there are more, and the last entry.
_Page = tuple[list[str], list[str], bool, str]
_MISSING = object()
_indexing = threading.Lock()


class IndexedObjects(dict[str, Any]):
    """The objects of a bucket by key, whose keys are also kept in order from the first listing on.

    Code points order strings as the bytes of their UTF-8 do. A new key moves the pointers behind it, which is far
    cheaper than storing the object.

    Args:
        objects: the objects.
    """

    def __init__(self, objects: dict[str, Any]) -> None:
        super().__init__(objects)
        self._lock = threading.Lock()
        self._keys: list[str] | None = None

    def __setitem__(self, key: str, value: object) -> None:
        with self._lock:
            if self._keys is not None and key not in self:
                insort(self._keys, key)
            super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        with self._lock:
            super().__delitem__(key)
            self._forget(key)

    def pop(self, key: str, default: Any = _MISSING) -> Any:  # type: ignore[override] # noqa: ANN401 - ministack's
        """Remove an object and return it, or the default."""
        with self._lock:
            if key not in self and default is not _MISSING:
                return default
            value = super().pop(key)
            self._forget(key)
            return value

    def setdefault(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - ministack's
        """Return an object, which is added if there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Add objects."""
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def clear(self) -> None:
        """Remove all objects."""
        with self._lock:
            super().clear()
            self._keys = None

    def page(self, prefix: str, delimiter: str, max_keys: int, start_after: str) -> _Page:
        """Return a page of a listing, of the keys and common prefixes after `start_after`."""
        contents: list[str] = []
        common_prefixes: list[str] = []
        last = ""
        with self._lock:
            if self._keys is None:
                self._keys = sorted(self)
            keys = self._keys
            index = max(bisect_left(keys, prefix), bisect_right(keys, start_after) if start_after else 0)
            while index < len(keys) and keys[index].startswith(prefix):
                key, group = keys[index], _common_prefix(keys[index], prefix, delimiter)
                if group is None:
                    index += 1
                else:
                    index = bisect_left(keys, _end(group), index) if _end(group) else len(keys)
                    if start_after and group <= start_after:
                        continue
                if len(contents) + len(common_prefixes) >= max_keys:
                    return contents, common_prefixes, True, last
                last = group or key
                (contents if group is None else common_prefixes).append(last)
        return contents, common_prefixes, False, last

    def _forget(self, key: str) -> None:
        if self._keys is not None:
            del self._keys[bisect_left(self._keys, key)]


def _common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    found = key.find(delimiter, len(prefix)) if delimiter else -1
    return key[: found + len(delimiter)] if found >= 0 else None


def _end(prefix: str) -> str:
    """Return the first string after all those with a prefix, or nothing if there is none."""
    stem = prefix.rstrip(chr(sys.maxunicode))
    return stem[:-1] + chr(ord(stem[-1]) + 1) if stem else ""


def _ensure_bucket(original: Callable[..., Any], name: str) -> Any:  # noqa: ANN401 - ministack's
    bucket = original(name)
    if bucket is not None and type(bucket["objects"]) is dict:
        with _indexing:
            if type(bucket["objects"]) is dict:
                bucket["objects"] = IndexedObjects(bucket["objects"])
    return bucket


def _collect_list_entries(
    original: Callable[..., Any],
    bucket_objects: dict[str, Any],
    prefix: str,
    delimiter: str,
    max_keys: int,
    start_after: str,
) -> _Page:
    if isinstance(bucket_objects, IndexedObjects):
        return bucket_objects.page(prefix, delimiter, max_keys, start_after)
    page: _Page = original(bucket_objects, prefix, delimiter, max_keys, start_after)
    return page


WRAPPERS: Wrappers = {
    "ministack.services.s3": {"_ensure_bucket": _ensure_bucket, "_collect_list_entries": _collect_list_entries},
}
