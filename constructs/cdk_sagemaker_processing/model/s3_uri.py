"""S3 URIs: everything after the bucket is the key, character by character."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from cdk_sagemaker_processing.model.errors import InvalidValueError

S3_SCHEME: Final = "s3://"


@dataclass(frozen=True, slots=True)
class S3Uri:
    """A bucket and a key or key prefix; no character of the key has a meaning of its own.

    Attributes:
        bucket: the bucket's name.
        key: the key or key prefix; empty for the whole bucket.
    """

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Parse ``s3://bucket/key``.

        Raises:
            InvalidValueError: the text is not an S3 URI, or names no bucket.
        """
        bucket, key = split_s3_uri(uri)
        if not uri.startswith(S3_SCHEME) or not bucket:
            raise InvalidValueError("s3_uri", uri, "be an S3 URI", "for example s3://my-bucket/a/key")
        return cls(bucket, key)

    def __str__(self) -> str:
        return f"{S3_SCHEME}{self.bucket}/{self.key}"

    def below(self, relative: str) -> Self:
        """Return the URI of a key below this one, with one slash between the two."""
        prefix = self.key if not self.key or self.key.endswith("/") else f"{self.key}/"
        return type(self)(self.bucket, prefix + relative)


def split_s3_uri(uri: str) -> tuple[str, str]:
    """Return the bucket and the key of an S3 URI without checking it; tokens may be in it."""
    bucket, _, key = uri.removeprefix(S3_SCHEME).partition("/")
    return bucket, key
