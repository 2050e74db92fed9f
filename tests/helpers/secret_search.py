"""A search for the values of secrets in everything that a run leaves behind."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

# A secret in the environment of the user who synthesizes, deploys and starts the local AWS.
OF_THE_USER = "7b1e-a-secret-of-the-user"
ENVIRONMENT = dict.fromkeys(("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "A_PASSWORD"), OF_THE_USER)
Texts = Iterator[tuple[str, bytes]]


def unpacked(name: str, content: bytes) -> Texts:
    """Yield a file, and when it is a zip, the files in it."""
    yield name, name.encode() + content
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as files:
            for inner in files.namelist():
                yield f"{name}!{inner}", files.read(inner)


def files_of(directory: Path) -> Texts:
    """Yield the files below a directory."""
    for path in directory.rglob("*"):
        if path.is_file():
            yield from unpacked(path.name, path.read_bytes())


def where(texts: Texts, secrets: set[str]) -> set[str]:
    """Return the names of the texts that hold one of the secrets."""
    return {name for name, content in texts if any(secret.encode() in content for secret in secrets)}
