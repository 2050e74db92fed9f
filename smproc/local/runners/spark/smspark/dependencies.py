"""What ``--jars``, ``--py-files`` and ``--files`` name, as spark-submit wants to have it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from .failure import input_failure, say

_REMOTE = ("s3", "s3a")


def expanded(option: str, listed: str, fetch: Callable[[str], str]) -> str:
    """The list with its folders replaced by the files in them, as the container does it.

    Its two peculiarities are kept, or what works here would fail there: the first item decides for all whether they
    are in S3, in which case no folder is expanded; and what lies below a folder's folders is not found.

    Args:
        option: the option's name, for messages.
        listed: its value, separated by commas.
        fetch: brings an object of S3 here and returns its path.

    Raises:
        SubmitError: an item does not exist, or a folder has no files.
    """
    items = listed.split(",")
    scheme = urlsplit(listed).scheme
    if scheme in _REMOTE:
        return ",".join(fetch(item) if urlsplit(item).scheme in _REMOTE else item for item in items)
    if scheme not in ("", "file"):
        say(f"{option} {listed} is left out, as by SageMaker's container")
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


def fetch_into(folder: Path) -> Callable[[str], str]:
    """Makes what brings objects of S3 into a folder; in the container Spark does that itself, with hadoop-aws."""

    def fetch(uri: str) -> str:
        import boto3  # noqa: PLC0415 - slow to load, and mostly not needed

        source = urlsplit(uri)
        # A folder for each: Spark goes by the name, which two objects may share.
        place = folder / str(len(list(folder.iterdir()))) / Path(source.path).name
        place.parent.mkdir()
        try:
            boto3.client("s3").download_file(source.netloc, source.path.removeprefix("/"), str(place))
        except Exception as error:
            raise input_failure(f"{uri} cannot be fetched: {error}") from error
        return str(place)

    folder.mkdir(parents=True)
    return fetch
