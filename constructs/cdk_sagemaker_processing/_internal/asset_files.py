"""Assets whose files have the names that we choose, made without Docker and without a change to the source tree."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

import aws_cdk as cdk
import jsii

from cdk_sagemaker_processing.model.content_hash import Files


@jsii.implements(cdk.ILocalBundling)
class _Copy:
    """Local bundling that copies files; the asset's hash is theirs, so it does not depend on where the files are."""

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


@functools.cache
def _no_image() -> cdk.DockerImage:
    return cdk.DockerImage.from_registry("scratch")


def bundling(files: Files) -> cdk.BundlingOptions:
    """Return options that fill an asset with exactly these files, under these names."""
    return cdk.BundlingOptions(
        # Never pulled, for local bundling always succeeds, but aws-cdk requires an image.
        image=_no_image(),
        local=_Copy(files),
        # Otherwise aws-cdk takes a single archive in the directory for the asset itself.
        output_type=cdk.BundlingOutput.NOT_ARCHIVED,
    )


def tree(directory: Path, prefix: str = "") -> dict[str, Path]:
    """Return the files below a directory by their relative names, without Python's caches."""
    return {
        f"{prefix}{path.relative_to(directory).as_posix()}": path
        for path in sorted(directory.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
