"""The job input of an execution: one object by its exact key, or the objects of a manifest.

SageMaker documents the path of an object that an ``S3Prefix`` names in full, but not that of an object that a manifest
names. An ``S3Prefix`` on ``a.csv`` also matches ``a.csv.bak``, though, and no manifest does.

See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Input.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from s3_trigger import manifest

if TYPE_CHECKING:
    from s3_trigger.messages import Upload
    from s3_trigger.runtime import Runtime

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Input.html: the length of S3Uri, and its
# pattern, whose dot matches no line terminator: https://docs.oracle.com/javase/8/docs/api/java/util/regex/Pattern.html
S3_URI_MAX = 1024
_LINE_TERMINATORS = re.compile("[\n\r\x85\u2028\u2029]")


def source_of(runtime: Runtime, upload: Upload, *, is_alone: bool) -> dict[str, str]:
    """Return the fields of an execution's input from which `uploaded_objects` takes a single object.

    Writes a manifest where other keys start with the object's key, or SageMaker would refuse the URI.
    """
    uri = f"s3://{upload.bucket}/{upload.key}"
    if is_alone and _may_be_s3_uri(uri):
        return {"s3_data_type": "S3Prefix", "s3_uri": uri}
    # The same bytes each time, so a repetition does no harm.
    target = runtime.config.manifest_bucket, f"{runtime.config.manifest_prefix}/{upload.name}.json"
    manifest.write(runtime.s3, target, (upload.bucket, upload.folder), [upload.key])
    return manifest_source(target)


def manifest_source(target: tuple[str, str]) -> dict[str, str]:
    """Return the fields of an execution's input from which `uploaded_objects` takes the objects of a manifest."""
    bucket, key = target
    return {"s3_data_type": "ManifestFile", "s3_uri": f"s3://{bucket}/{key}"}


def _may_be_s3_uri(uri: str) -> bool:
    """Check whether SageMaker accepts a URI. Its limit counts UTF-16 code units, as Java does, or fewer."""
    return len(uri.encode("utf-16-le")) // 2 <= S3_URI_MAX and _LINE_TERMINATORS.search(uri) is None
