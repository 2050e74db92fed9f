"""Put files into an asset under names that we choose, without Docker and without touching the source tree."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

import aws_cdk as cdk
import jsii


@jsii.implements(cdk.ILocalBundling)
class _Copy:
    """Local bundling that copies files; the asset's hash is theirs, so a synth in another folder gives the same one."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files

    def try_bundle(self, output_dir: str, *_args: object, **_options: object) -> bool:
        for name, path in self._files.items():
            target = Path(output_dir) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        return True


def content_hash(files: Mapping[str, Path]) -> str:
    """A hash over names and bytes, the same on every machine."""
    digest = hashlib.sha256()
    for name in sorted(files):
        content = files[name].read_bytes()
        digest.update(f"{len(name.encode())}:{name}:{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()


def bundling(files: Mapping[str, Path]) -> cdk.BundlingOptions:
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
