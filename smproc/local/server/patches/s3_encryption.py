"""S3: encryption with AWS KMS where no key is named, and the form in which a key is returned.

AWS: an object that asks for ``aws:kms`` without a key, or whose bucket's default does, is encrypted with the AWS managed
key of S3. The answer has the ARN of the key, whichever form the request named it in.
See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
See: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
See: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html

ministack 1.5.33: `ministack.services.s3._resolve_sse_write_headers` refuses ``aws:kms`` without a key, and
``aws:kms:dsse``; `ministack.services.s3._bucket_default_sse_headers` returns no key if the default names none.

Removable when: PutObject with ``aws:kms`` and no key returns the ARN of the managed key (not so in 1.5.33).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping

from smproc.local.server.patches.registry import Names, Wrappers, core, service, takes

_Headers = dict[str, str]

NAMES: Names = {
    "ministack.core.responses": {"get_account_id": callable, "get_region": callable},
    "ministack.services.kms": {"_resolve_key": takes("key_id_or_arn")},
    "ministack.services.s3": {
        "_bucket_default_sse_headers": takes("bucket_name"),
        "_resolve_sse_write_headers": takes("headers", "bucket_name"),
    },
}

_ALGORITHM = "x-amz-server-side-encryption"
_KEY = "x-amz-server-side-encryption-aws-kms-key-id"
_KMS = ("aws:kms", "aws:kms:dsse")


def managed_key_arn() -> str:
    """Return the ARN of the AWS managed key of S3, which is the same for each request of an account and a region."""
    responses = core("responses")
    scope = f"arn:aws:kms:{responses.get_region()}:{responses.get_account_id()}:"
    return f"{scope}key/{uuid.uuid5(uuid.NAMESPACE_URL, scope + 'alias/aws/s3')}"


def _resolve_sse_write_headers(
    original: Callable[[Mapping[str, str], str], tuple[_Headers | None, object]],
    headers: Mapping[str, str],
    bucket_name: str,
) -> tuple[_Headers | None, object]:
    algorithm = headers.get(_ALGORITHM, "")
    if algorithm not in _KMS:
        return original(headers, bucket_name)
    key = _key_arn(headers.get(_KEY, ""))
    resolved, refusal = original({**headers, _ALGORITHM: "aws:kms", _KEY: key}, bucket_name)
    return resolved and {**resolved, _ALGORITHM: algorithm}, refusal


def _bucket_default_sse_headers(original: Callable[[str], _Headers], bucket_name: str) -> _Headers:
    headers = original(bucket_name)
    if headers.get(_ALGORITHM) in _KMS:
        headers[_KEY] = _key_arn(headers.get(_KEY, ""))
    return headers


def _key_arn(key: str) -> str:
    if not key or re.fullmatch(r"(arn:aws:kms:[^:]+:\d{12}:)?alias/aws/s3", key):
        return managed_key_arn()
    record = service("kms")._resolve_key(key)
    return key if record is None else str(record["Arn"])


WRAPPERS: Wrappers = {
    "ministack.services.s3": {
        "_resolve_sse_write_headers": _resolve_sse_write_headers,
        "_bucket_default_sse_headers": _bucket_default_sse_headers,
    }
}
