"""Locations in the container and in S3, with the rules that the service applies only once the job exists."""

from __future__ import annotations

import re
from typing import Final

from cdk_sagemaker_processing.model.errors import InvalidValueError
from cdk_sagemaker_processing.model.limits import check
from cdk_sagemaker_processing.model.s3_uri import S3_SCHEME, is_s3_uri, split_s3_uri
from cdk_sagemaker_processing.model.tokens import is_unresolved

PROCESSING_ROOT = "/opt/ml/processing"
INPUTS_DIRECTORY = f"{PROCESSING_ROOT}/input"
# Old buckets have names that S3 no longer allows: capitals, underscores, up to 255 characters.
_S3_URI: Final = r"(?s)s3://[A-Za-z0-9][A-Za-z0-9._-]{0,254}(/.*)?"


def check_local_path(parameter: str, path: str) -> None:
    """Check that a directory of the container is ``/opt/ml/processing`` or below.

    See: https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
    """
    if is_unresolved(path):
        return
    check("ProcessingLocalPath", parameter, path)
    if not is_processing_path(path):
        raise InvalidValueError(
            parameter,
            path,
            f"be a directory below {PROCESSING_ROOT}/, without '.' or '..'",
            f"for example {PROCESSING_ROOT}/{path.strip('/').rsplit('/', 1)[-1].strip('.') or 'input'}",
        )


def is_processing_path(path: str, *, below: bool = False) -> bool:
    """Return whether the service allows a directory of the container: ``/opt/ml/processing`` or one below it.

    Args:
        path: the directory.
        below: True to exclude ``/opt/ml/processing`` itself. Default: False.
    """
    if any(part in (".", "..") for part in path.split("/")) or "\0" in path:
        return False
    directory = re.sub("/+", "/", path).rstrip("/")
    return directory.startswith(f"{PROCESSING_ROOT}/") or (directory == PROCESSING_ROOT and not below)


def check_s3_uri(parameter: str, uri: str) -> None:
    """Check that a URI is ``s3://bucket/key``, or the ``https://`` URL of the same; the key may be missing."""
    if is_unresolved(uri):
        return
    bucket, key = split_s3_uri(uri)
    if not is_s3_uri(uri) or not re.fullmatch(_S3_URI, f"{S3_SCHEME}{bucket}/{key}"):
        raise InvalidValueError(parameter, uri, "be an S3 URI", "for example s3://my-bucket/a/prefix")
    check("S3Uri", parameter, uri)


def check_source(parameter: str, source: str) -> None:
    """Check that a source is an S3 URI or a local path."""
    if is_unresolved(source):
        return
    if is_s3_uri(source):
        check_s3_uri(parameter, source)
    elif not source or ("://" in source and not source.startswith("file://")):
        raise InvalidValueError(parameter, source, "be an S3 URI or a local path", "copy the data to S3 first")
