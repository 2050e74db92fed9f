"""The objects of S3 that a trial has: files of this machine, at the locations that the app or its scripts name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cdk_sagemaker_processing.model.s3_uri import is_s3_uri, split_s3_uri
from smproc.trials.errors import InputError
from smproc.trials.files import given_files


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenObject:
    """An object of S3 that a trial has.

    Attributes:
        bucket: its bucket.
        key: its key.
        path: the file with its content.
    """

    bucket: str
    key: str
    path: Path

    @property
    def uri(self) -> str:
        """Its S3 URI."""
        return f"s3://{self.bucket}/{self.key}"


def is_location(name: str) -> bool:
    """Return whether what is given a file is a location in S3, and not an input by its name."""
    return is_s3_uri(name)


def given_objects(named: Mapping[str, Sequence[Path]]) -> list[GivenObject]:
    """Return the objects of a trial.

    Args:
        named: files and directories by names, of which those that are S3 URIs count. A file becomes the object of the
            URI, or, if that ends with a slash, one below it; the content of a directory is below the URI.

    Raises:
        InputError: a URI has no bucket, there is no such file, or two files are one object.
    """
    found: dict[str, GivenObject] = {}
    for location, paths in named.items():
        if not is_location(location):
            continue
        bucket, key = split_s3_uri(location)
        if not bucket:
            raise InputError(f"a location in S3 must have a bucket, for example s3://my-bucket/a/key, got {location!r}")
        prefix = f"{key.rstrip('/')}/" if key else ""
        for path in paths:
            for file in given_files([path]):
                is_below = path.is_dir() or not key or key.endswith("/")
                each = GivenObject(bucket=bucket, key=prefix + file.name if is_below else key, path=file.path)
                if (other := found.get(each.uri)) is not None and other.path != each.path:
                    raise InputError(
                        f"two files must not be one object, got {str(other.path)!r} and {str(each.path)!r} for "
                        f"{each.uri}; give the second one a location of its own"
                    )
                found[each.uri] = each
    return list(found.values())
