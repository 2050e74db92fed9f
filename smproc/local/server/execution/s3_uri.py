"""S3 URIs as the service reads them: everything after the bucket is the key, character by character."""

from __future__ import annotations

from dataclasses import dataclass

from smproc.local.server.execution.errors import JobClientError

_SCHEME = "s3://"


@dataclass(frozen=True, slots=True)
class S3Uri:
    """A bucket and a key or key prefix; no character of the key means anything but itself.

    Attributes:
        bucket: the bucket's name.
        key: the key or key prefix.
    """

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> S3Uri:
        """Read ``s3://bucket/key``.

        Raises:
            ClientError: it is something else.
        """
        if not uri.startswith(_SCHEME):
            raise JobClientError(f'The S3 URL "{uri}" is invalid: it must begin with {_SCHEME}')
        bucket, _, key = uri.removeprefix(_SCHEME).partition("/")
        if not bucket:
            raise JobClientError(f'The S3 URL "{uri}" is invalid: it names no bucket')
        return cls(bucket, key)

    def __str__(self) -> str:
        return f"{_SCHEME}{self.bucket}/{self.key}"

    def below(self, relative: str) -> S3Uri:
        """A key below this one, as below a folder."""
        prefix = self.key if not self.key or self.key.endswith("/") else f"{self.key}/"
        return S3Uri(self.bucket, prefix + relative)
