"""Put files into an asset under names that we choose, without Docker and without touching the source tree."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

import aws_cdk as cdk
import jsii

# What an asset shall hold: each file, or the content of one, by the name it shall have.
Files = Mapping[str, Path | bytes]


@jsii.implements(cdk.ILocalBundling)
class _Copy:
    """Local bundling that copies files; the asset's hash is theirs, so a synth in another folder gives the same one."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def try_bundle(self, output_dir: str, *_args: object, **_options: object) -> bool:
        for name, content in self._files.items():
            target = Path(output_dir) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                shutil.copyfile(content, target)
            else:
                target.write_bytes(content)
        return True


def content_hash(files: Files) -> str:
    """A hash over names and bytes, the same on every machine."""
    digest = hashlib.sha256()
    for name in sorted(files):
        content = _bytes(files[name])
        digest.update(f"{len(name.encode())}:{name}:{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()


def _bytes(content: Path | bytes) -> bytes:
    return content.read_bytes() if isinstance(content, Path) else content


def bundling(files: Files) -> cdk.BundlingOptions:
    """Options that fill an asset with exactly these files, by the names they shall have in it."""
    return cdk.BundlingOptions(
        # Never pulled: local bundling always succeeds. aws-cdk wants an image all the same.
        image=cdk.DockerImage.from_registry("scratch"),
        local=_Copy(files),
        # A folder that holds a single archive would otherwise be taken for the asset itself.
        output_type=cdk.BundlingOutput.NOT_ARCHIVED,
    )


def tree(folder: Path, prefix: str = "") -> dict[str, Path]:
    """The files below a folder by their name relative to it, less what Python leaves behind."""
    return {
        f"{prefix}{path.relative_to(folder).as_posix()}": path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
