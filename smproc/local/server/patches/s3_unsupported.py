"""S3: operations that do not exist here are refused by name, and no other operation runs in their stead.

AWS: each operation is addressed by the method and a parameter of the query, such as ``?select``; an unknown function is
refused with ``NotImplemented``.
See: https://docs.aws.amazon.com/AmazonS3/latest/API/API_SelectObjectContent.html
See: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html

ministack 1.5.33: `ministack.services.s3._dispatch` ignores parameters that it does not know, so
DeleteBucketAnalyticsConfiguration deletes the bucket, PutBucketMetricsConfiguration creates one, a GET of
``?inventory`` lists objects, and RenameObject empties the object. It reads ``?requestPayment`` under another name.

Removable when: `_dispatch` refuses parameters that it does not know (not so in 1.5.33).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from smproc.local.server.patches.registry import Names, Wrappers, service, takes

_Answer = tuple[int, dict[str, str], bytes]

NAMES: Names = {
    "ministack.services.s3": {
        "_dispatch": takes("method", "bucket", "key", "headers", "body", "query_params"),
        "_error": callable,
        "_get_bucket_request_payment": takes("name"),
    }
}

# The operations by method and parameter: of buckets, and of objects.
BUCKET_OPERATIONS: Final[Mapping[tuple[str, str], str]] = {
    ("DELETE", "analytics"): "DeleteBucketAnalyticsConfiguration",
    ("DELETE", "intelligent-tiering"): "DeleteBucketIntelligentTieringConfiguration",
    ("DELETE", "inventory"): "DeleteBucketInventoryConfiguration",
    ("DELETE", "metadataConfiguration"): "DeleteBucketMetadataConfiguration",
    ("DELETE", "metadataTable"): "DeleteBucketMetadataTableConfiguration",
    ("DELETE", "metrics"): "DeleteBucketMetricsConfiguration",
    ("GET", "abac"): "GetBucketAbac",
    ("GET", "analytics"): "GetBucketAnalyticsConfiguration",
    ("GET", "intelligent-tiering"): "GetBucketIntelligentTieringConfiguration",
    ("GET", "inventory"): "GetBucketInventoryConfiguration",
    ("GET", "metadataConfiguration"): "GetBucketMetadataConfiguration",
    ("GET", "metadataTable"): "GetBucketMetadataTableConfiguration",
    ("GET", "metrics"): "GetBucketMetricsConfiguration",
    ("GET", "policyStatus"): "GetBucketPolicyStatus",
    ("GET", "session"): "CreateSession",
    ("POST", "metadataConfiguration"): "CreateBucketMetadataConfiguration",
    ("POST", "metadataTable"): "CreateBucketMetadataTableConfiguration",
    ("PUT", "abac"): "PutBucketAbac",
    ("PUT", "analytics"): "PutBucketAnalyticsConfiguration",
    ("PUT", "intelligent-tiering"): "PutBucketIntelligentTieringConfiguration",
    ("PUT", "inventory"): "PutBucketInventoryConfiguration",
    ("PUT", "metadataAnnotationTable"): "UpdateBucketMetadataAnnotationTableConfiguration",
    ("PUT", "metadataInventoryTable"): "UpdateBucketMetadataInventoryTableConfiguration",
    ("PUT", "metadataJournalTable"): "UpdateBucketMetadataJournalTableConfiguration",
    ("PUT", "metrics"): "PutBucketMetricsConfiguration",
}
OBJECT_OPERATIONS: Final[Mapping[tuple[str, str], str]] = {
    ("GET", "torrent"): "GetObjectTorrent",
    ("POST", "select"): "SelectObjectContent",
    ("PUT", "encryption"): "UpdateObjectEncryption",
    ("PUT", "renameObject"): "RenameObject",
}
_INSTEAD = {"SelectObjectContent": "; read the object with GetObject and filter it in the program"}
_NOT_IMPLEMENTED = 501
_log = logging.getLogger("smproc.s3")


def _dispatch(
    original: Callable[..., _Answer],
    method: str,
    bucket: str,
    key: str,
    headers: dict[str, str],
    body: bytes,
    query_params: dict[str, Any],
) -> _Answer:
    if query_params and bucket:
        operations = OBJECT_OPERATIONS if key else BUCKET_OPERATIONS
        operation = next((operations[method, name] for name in query_params if (method, name) in operations), None)
        if operation is not None:
            message = f"The local AWS does not implement {operation}{_INSTEAD.get(operation, '')}."
            _log.warning("%s", message)
            refusal: _Answer = service("s3")._error("NotImplemented", message, _NOT_IMPLEMENTED, f"/{bucket}/{key}")
            return refusal
        if not key and method == "GET" and "requestPayment" in query_params:
            answer: _Answer = service("s3")._get_bucket_request_payment(bucket)
            return answer
    return original(method, bucket, key, headers, body, query_params)


WRAPPERS: Wrappers = {"ministack.services.s3": {"_dispatch": _dispatch}}
