"""S3 URIs in requests: one that is invalid fails the request or the job, as on AWS."""

from __future__ import annotations

from typing import Self

from cdk_sagemaker_processing.model import s3_uri
from smproc.local.server.execution.errors import JobClientError


class S3Uri(s3_uri.S3Uri):
    """An S3 URI of a request."""

    __slots__ = ()

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Parse ``s3://bucket/key``, or the ``https://`` URL of an object.

        Raises:
            JobClientError: the text is not an S3 URI, or names no bucket.
        """
        bucket, key = s3_uri.split_s3_uri(uri)
        if not s3_uri.is_s3_uri(uri):
            raise JobClientError(f'The S3 URL "{uri}" is invalid: it must begin with {s3_uri.S3_SCHEME}')
        if not bucket:
            raise JobClientError(f'The S3 URL "{uri}" is invalid: it names no bucket')
        return cls(bucket, key)
