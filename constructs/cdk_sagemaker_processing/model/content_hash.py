"""The hash of files by their names and bytes, which is the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

# The content of an asset: each file, or the bytes of one, by its name in the asset.
Files = Mapping[str, Path | bytes]


def content_hash(files: Files) -> str:
    """Return a hash over the names and bytes of files.

    Args:
        files: the files, or their contents, by name.
    """
    import hashlib  # noqa: PLC0415 - it loads OpenSSL, and a job with its code in S3 needs no hash

    digest = hashlib.sha256()
    for name in sorted(files):
        content = files[name]
        digest.update(f"{len(name.encode())}:{name}:{size(content)}:".encode())
        for part in _parts(content):
            digest.update(part)
    return digest.hexdigest()


def size(content: Path | bytes) -> int:
    """Return the number of bytes of a file's content."""
    return content.stat().st_size if isinstance(content, Path) else len(content)


def _parts(content: Path | bytes) -> Iterator[bytes]:
    """Yield content in parts: data may be larger than the memory of the machine that synthesizes the app."""
    if not isinstance(content, Path):
        yield content
        return
    with content.open("rb") as file:
        while part := file.read(1024 * 1024):
            yield part
