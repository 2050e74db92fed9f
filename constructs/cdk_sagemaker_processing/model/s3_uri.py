"""S3 URIs: everything after the bucket is the key, character by character.

The API's S3Uri is ``s3://bucket/key`` or the ``https://`` URL of an object, in S3's virtual-hosted or path style.

See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html and
https://docs.aws.amazon.com/general/latest/gr/s3.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from cdk_sagemaker_processing.model.errors import InvalidValueError
from cdk_sagemaker_processing.model.tokens import STRING_TOKEN

S3_SCHEME: Final = "s3://"
_HTTPS: Final = "https://"
_REGION = rf"(?:[a-z]{{2}}(?:-[a-z]+)+-\d+|{STRING_TOKEN.pattern})"
# s3.amazonaws.com, s3.<region>..., s3-<region>..., s3.dualstack.<region>..., s3-fips...; a bucket may come first.
_ENDPOINT: Final = (
    rf"(?:(?P<bucket>.+)\.)?s3(?:-external-1|(?:-fips)?(?:\.dualstack)?[.-]{_REGION}|)"
    rf"\.(?:amazonaws\.com(?:\.cn)?|{STRING_TOKEN.pattern})"
)


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
        """Parse ``s3://bucket/key``, or the ``https://`` URL of an object.

        Raises:
            InvalidValueError: the text is not an S3 URI, or names no bucket.
        """
        bucket, key = split_s3_uri(uri)
        if not is_s3_uri(uri) or not bucket:
            raise InvalidValueError("s3_uri", uri, "be an S3 URI", "for example s3://my-bucket/a/key")
        return cls(bucket, key)

    def __str__(self) -> str:
        return f"{S3_SCHEME}{self.bucket}/{self.key}"

    def below(self, relative: str) -> Self:
        """Return the URI of a key below this one, with one slash between the two."""
        prefix = self.key if not self.key or self.key.endswith("/") else f"{self.key}/"
        return type(self)(self.bucket, prefix + relative)


def is_s3_uri(text: str) -> bool:
    """Return whether a text is an S3 URI, as opposed to a local path or another URL; its bucket is not checked."""
    return text.startswith(S3_SCHEME) or (text.startswith(_HTTPS) and bool(split_s3_uri(text)[0]))


def split_s3_uri(uri: str) -> tuple[str, str]:
    """Return the bucket and the key of an S3 URI without checking it; tokens may be in it.

    Both are empty for an ``https://`` URL of another host than S3's.
    """
    if uri.startswith(_HTTPS):
        host, _, path = uri.removeprefix(_HTTPS).partition("/")
        matched = re.fullmatch(_ENDPOINT, host)
        if matched is None:
            return "", ""
        if matched["bucket"]:
            return matched["bucket"], path
        uri = path
    bucket, _, key = uri.removeprefix(S3_SCHEME).partition("/")
    return bucket, key
