"""S3 URIs as the service parses them: everything after the bucket is the key, character by character."""

from __future__ import annotations

from dataclasses import dataclass

from smproc.local.server.execution.errors import JobClientError

_SCHEME = "s3://"


@dataclass(frozen=True, slots=True)
class S3Uri:
    """A bucket and a key or key prefix, in which no character is special.

    Attributes:
        bucket: the bucket's name.
        key: the key or key prefix.
    """

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> S3Uri:
        """Parse ``s3://bucket/key``.

        Args:
            uri: the URI.

        Raises:
            JobClientError: the URI has another form.
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
        """Return the URI of a key below this one; a slash separates the two.

        Args:
            relative: the relative key.
        """
        prefix = self.key if not self.key or self.key.endswith("/") else f"{self.key}/"
        return S3Uri(self.bucket, prefix + relative)
