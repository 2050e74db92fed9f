"""The job input of a single object: its exact key, or a manifest where other keys share that key as their prefix.

SageMaker documents the path of an object that an ``S3Prefix`` names in full, but not that of an object that a manifest
names. An ``S3Prefix`` on ``a.csv`` also matches ``a.csv.bak``, though, and no manifest does.

See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Input.html
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from s3_trigger.config import Config
from s3_trigger.messages import Upload
from s3_trigger.runtime import Runtime

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# Instead of a manifest's key: the job reads the object's own key. It is stored in the ledger.
NO_MANIFEST = ""
MISSING_REASON = "the object was deleted before the job started"
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Input.html: the length of S3Uri, and its
# pattern, whose dot matches no line terminator: https://docs.oracle.com/javase/8/docs/api/java/util/regex/Pattern.html
S3_URI_MAX = 1024
_LINE_TERMINATORS = re.compile("[\n\r\x85\u2028\u2029]")


def decide_source(runtime: Runtime, upload: Upload, manifest_key: str) -> str | None:
    """Decide from where a job reads a single object, and write its manifest if it needs one.

    Args:
        runtime: the function's runtime.
        upload: the upload of the object.
        manifest_key: the key of the manifest, if one is needed.

    Returns:
        The key of the manifest; `NO_MANIFEST` when the job reads the object's own key; None when no object has the key.
    """
    listed = _first_keys(runtime.s3, upload)
    if listed is not None and upload.key not in listed:
        return None
    if listed == [upload.key] and _may_be_s3_uri(_object_uri(upload)):
        return NO_MANIFEST
    # The same bytes each time, so a repetition does no harm.
    prefix, name = f"s3://{upload.bucket}/{upload.folder}", upload.key[len(upload.folder) :]
    runtime.s3.put_object(
        Bucket=runtime.config.manifest_bucket,
        Key=manifest_key,
        Body=json.dumps([{"prefix": prefix}, name], ensure_ascii=False).encode(),
        ContentType="application/json",
    )
    return manifest_key


def source_of(config: Config, upload: Upload, manifest_key: str) -> dict[str, str]:
    """Return the fields of an execution's input from which `uploaded_objects` takes a single object."""
    if manifest_key == NO_MANIFEST:
        return {"s3_data_type": "S3Prefix", "s3_uri": _object_uri(upload)}
    return manifest_source(config, manifest_key)


def manifest_source(config: Config, manifest_key: str) -> dict[str, str]:
    """Return the fields of an execution's input from which `uploaded_objects` takes the objects of a manifest."""
    return {"s3_data_type": "ManifestFile", "s3_uri": f"s3://{config.manifest_bucket}/{manifest_key}"}


def _first_keys(s3: S3Client, upload: Upload) -> list[str] | None:
    """Return the first two keys that start with an object's key; None when this function may not list them.

    The object's own key is the first, because S3 lists keys in the order of their UTF-8 bytes:
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
    """
    try:
        answer = s3.list_objects_v2(Bucket=upload.bucket, Prefix=upload.key, MaxKeys=2)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status not in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
            raise
        return None if status == HTTPStatus.FORBIDDEN else []
    return [item["Key"] for item in answer.get("Contents", ())]


def _object_uri(upload: Upload) -> str:
    return f"s3://{upload.bucket}/{upload.key}"


def _may_be_s3_uri(uri: str) -> bool:
    """Check whether SageMaker accepts a URI. Its limit counts UTF-16 code units, as Java does, or fewer."""
    return len(uri.encode("utf-16-le")) // 2 <= S3_URI_MAX and _LINE_TERMINATORS.search(uri) is None
