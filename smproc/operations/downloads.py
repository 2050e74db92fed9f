"""The outputs of jobs as files on this machine, whatever the keys of their objects are."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from cdk_sagemaker_processing.model.s3_uri import S3Uri
from smproc.operations.errors import denied_object

if TYPE_CHECKING:
    from boto3 import Session

from smproc.operations.outputs import OutputFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A file that was downloaded, or why it was not.

    Attributes:
        file: the file in S3.
        path: its path on this machine; None if it has none.
        problem: why it was not downloaded; empty if it was.
    """

    file: OutputFile
    path: Path | None = None
    problem: str = ""


def download(
    session: Session,
    files: Iterable[OutputFile],
    directory: Path,
    *,
    overwrite: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Download]:
    """Download files, as ``STEP/OUTPUT/PATH`` below a directory; yield what became of each.

    A file whose key would lead out of the directory, through ``..`` or a symbolic link, is left out. A file appears
    under its name when it is complete.

    Args:
        session: a boto3 session.
        files: the files in S3.
        directory: the directory, which is created.
        overwrite: whether a file that exists is replaced; otherwise, it is left alone.
        progress: receives the number of bytes that have come, again and again.
    """
    directory.mkdir(parents=True, exist_ok=True)
    root = directory.resolve()
    for file in files:
        path = _path_of(file)
        if path is None:
            yield Download(file=file, problem="its key is no path of a file below the directory")
            continue
        target = root / path
        try:
            yield _downloaded(session, file, root, target, overwrite=overwrite, progress=progress)
        except OSError as error:
            yield Download(file=file, path=target, problem=error.strerror or str(error))
        except ClientError as error:
            # The answer to a HeadObject has no text.
            denied = error.response["Error"]["Code"] == "403"
            yield Download(file=file, path=target, problem=denied_object(file.uri) if denied else str(error))


def _downloaded(
    session: Session,
    file: OutputFile,
    root: Path,
    target: Path,
    *,
    overwrite: bool,
    progress: Callable[[int], None] | None,
) -> Download:
    if not _is_below(_nearest(target.parent), root):
        return Download(file=file, problem="a symbolic link leads out of the directory")
    target.parent.mkdir(parents=True, exist_ok=True)
    if not _is_below(target.parent, root):
        return Download(file=file, problem="a symbolic link leads out of the directory")
    if os.path.lexists(target) and (not overwrite or target.is_dir()):
        what = "a directory of its name exists" if target.is_dir() else "it exists already"
        return Download(file=file, path=target, problem=what)
    where = S3Uri.parse(file.uri)
    descriptor, part = tempfile.mkstemp(prefix=".smproc-", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as body:
            session.client("s3").download_fileobj(where.bucket, where.key, body, Callback=progress)
        Path(part).chmod(0o666 & ~_umask())
        # Of a symbolic link, the link itself is replaced.
        Path(part).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(part).unlink()
        raise
    return Download(file=file, path=target)


def _path_of(file: OutputFile) -> Path | None:
    """Return the path of a file below the directory; None if there is no safe one."""
    names = [file.step.replace("/", "_"), file.output_name.replace("/", "_"), *file.path.split("/")]
    names = names if file.step else names[1:]
    if any(name in ("", ".", "..") or "\0" in name or (os.sep != "/" and os.sep in name) for name in names):
        return None
    return Path(*names)


def _nearest(path: Path) -> Path:
    """Return the nearest directory around a path that exists."""
    while not os.path.lexists(path):
        path = path.parent
    return path


def _is_below(path: Path, root: Path) -> bool:
    return path.resolve().is_relative_to(root)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
