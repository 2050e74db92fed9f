"""S3: a key that is too long is refused.

AWS: a key has at most 1,024 bytes in UTF-8; a request with a longer one is refused with ``KeyTooLongError``.
See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
See: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html

ministack 1.5.33: `ministack.services.s3._dispatch` stores an object under a key of any length, so an upload that
S3 refuses becomes a dead letter of the pipeline here.

Removable when: `_dispatch` refuses longer keys (not so in 1.5.33).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from smproc.local.server.patches.registry import Names, Wrappers, service, takes

_Answer = tuple[int, dict[str, str], bytes]

NAMES: Names = {
    "ministack.services.s3": {
        "_dispatch": takes("method", "bucket", "key", "headers", "body", "query_params"),
        "_error": callable,
    }
}

KEY_MAX_BYTES: Final = 1024


def _dispatch(original: Callable[..., _Answer], method: str, bucket: str, key: str, *rest: Any) -> _Answer:
    if key and (size := len(key.encode(errors="surrogateescape"))) > KEY_MAX_BYTES:
        limits = {"Size": str(size), "MaxSizeAllowed": str(KEY_MAX_BYTES)}
        refusal: _Answer = service("s3")._error("KeyTooLongError", "Your key is too long", 400, extra=limits)
        return refusal
    return original(method, bucket, key, *rest)


WRAPPERS: Wrappers = {"ministack.services.s3": {"_dispatch": _dispatch}}
