"""Deployment packages and layers, unpacked with the modes and links that their archives state."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import stat
import tempfile
import threading
import zipfile
from pathlib import Path

_INLINE_MODULES = Path(__file__).with_name("inline_modules")
_lock = threading.Lock()


class BadPackageError(Exception):
    """A deployment package or layer that cannot be unpacked."""


def unpack(archive: bytes, directory: Path) -> None:
    """Unpack an archive.

    Args:
        archive: a ZIP archive.
        directory: an existing directory.

    Raises:
        BadPackageError: it is no ZIP archive, or an entry lies outside of the directory.
    """
    root = directory.resolve()
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as package:
            for entry in package.infolist():
                target = Path(os.path.normpath(root / entry.filename))
                if not target.is_relative_to(root) or not target.parent.resolve().is_relative_to(root):
                    raise BadPackageError(f"The entry {entry.filename!r} lies outside of the package")
                mode = entry.external_attr >> 16
                if stat.S_ISLNK(mode):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.symlink_to(package.read(entry).decode())
                    continue
                extracted = Path(package.extract(entry, root))
                if extracted.is_file() and mode:
                    extracted.chmod(stat.S_IMODE(mode) | 0o444)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise BadPackageError(f"Could not unpack the package: {error}") from error


def unpacked(archives: list[bytes], cache: Path) -> Path:
    """Return a directory with the contents of archives, each over the previous ones; it is shared and read only.

    Args:
        archives: ZIP archives.
        cache: the directory of such directories.

    Raises:
        BadPackageError: see `unpack`.
    """
    digest = hashlib.sha256()
    for archive in archives:
        digest.update(hashlib.sha256(archive).digest())
    directory = cache / digest.hexdigest()[:32]
    with _lock:
        if not directory.is_dir():
            cache.mkdir(parents=True, exist_ok=True)
            partial = Path(tempfile.mkdtemp(prefix="partial-", dir=cache))
            try:
                for archive in archives:
                    unpack(archive, partial)
                partial.chmod(0o755)
                partial.rename(directory)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return directory


def add_response_module(package: bytes, *, node: bool) -> bytes:
    """Return the package of inline code with the module that CloudFormation adds to it.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-lambda-function-code-cfnresponsemodule.html

    Args:
        package: a ZIP archive.
        node: whether the function runs on Node, and not on Python.
    """
    source, target = ("cfn-response.cjs", "node_modules/cfn-response/index.js") if node else ("cfnresponse.py",) * 2
    stream = io.BytesIO(package)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr(target, (_INLINE_MODULES / source).read_text(encoding="utf-8"))
    return stream.getvalue()
