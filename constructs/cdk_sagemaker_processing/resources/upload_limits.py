"""The limits of what a deployment uploads for a job, checked at synth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cdk_sagemaker_processing.model import InvalidValueError, is_unresolved
from cdk_sagemaker_processing.model.content_hash import Files, size
from cdk_sagemaker_processing.model.service_limits import maximum

# The function streams each file from the archive to its destination, so time alone limits it. It works 13 of 15
# minutes: enough for this much at 7 MB/s, and for this many at 26 files/s, a fraction of what S3 serves to a function.
MAX_BYTES: Final = 5 * 1024**3
MAX_FILES: Final = 20_000

_ADVICE = "upload the data with `aws s3 sync` and pass its s3:// URI instead of the local path"


def check_amount(upload: str, files: Files) -> None:
    """Check that the unpacking function can upload files within its time.

    Args:
        upload: the path of the construct, for the message.
        files: the files by name.

    Raises:
        InvalidValueError: too many files, or too many bytes.
    """
    if len(files) > MAX_FILES:
        raise InvalidValueError(f"the local files of {upload}", len(files), f"be at most {MAX_FILES:,}", _ADVICE)
    total = sum(size(content) for content in files.values())
    if total > MAX_BYTES:
        raise InvalidValueError(
            f"the local files of {upload}", total, f"have at most {MAX_BYTES:,} bytes together", _ADVICE
        )


def check_keys(upload: str, names: Iterable[str], prefix: str) -> None:
    """Check that S3 accepts the keys of files.

    Args:
        upload: the path of the construct, for the message.
        names: the files' names.
        prefix: the prefix of their keys; unresolved ones are not checked.

    Raises:
        InvalidValueError: a key that is too long.
    """
    if is_unresolved(prefix):
        return
    longest = maximum("ObjectKeyBytes")
    for name in names:
        key = f"{prefix}/{name}"
        if len(key.encode()) > longest:
            raise InvalidValueError(
                f"the S3 key of a local file of {upload}",
                key,
                f"have at most {longest:,} bytes in UTF-8",
                "shorten the file's path below the directory",
            )
