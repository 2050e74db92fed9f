"""The values of ``--jars``, ``--py-files`` and ``--files`` in the form that spark-submit expects."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from .failure import input_failure, log

_REMOTE = ("s3", "s3a")


def expand(option: str, listed: str) -> str:
    """Replace the directories of a list by the files in them, as the container does.

    Two peculiarities of the container are kept, or what works here would fail there: the first item decides for all
    whether they are in S3, in which case no directory is expanded; and subdirectories are ignored.

    Args:
        option: the option's name, for messages.
        listed: its value, separated by commas.

    Raises:
        SubmitError: an item does not exist, or a directory has no files.
    """
    items = listed.split(",")
    scheme = urlsplit(listed).scheme
    if scheme in _REMOTE:
        return listed  # Spark downloads them
    if scheme not in ("", "file"):
        log(f"{option} {listed} is ignored, as by SageMaker's container")
        return ""
    return ",".join(path for item in items for path in _files(item))


def _files(item: str) -> list[str]:
    path = Path(item)
    if not path.is_absolute():
        raise input_failure(f"file path {path} must be an absolute path to a file or directory")
    path = path.resolve()
    if not path.exists():
        raise input_failure(f"file path {path} does not exist")
    if not path.is_dir():
        return [str(path)]
    files = sorted(str(file.resolve()) for file in path.iterdir() if file.is_file())
    if not files:
        raise input_failure(f"Found zero files in {path}")
    return files
