"""The local files that a deployment uploads for jobs, as they are now."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cdk_sagemaker_processing.model.framework_container import source_archive


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFiles:
    """Files that a deployment uploads to one prefix, and the working copies behind them.

    Attributes:
        stack: the name of the stack that uploads them.
        logical_id: the logical id of the upload in the stack's template.
        bucket: the bucket's name.
        prefix: the prefix of their keys, without a slash at its end.
        asset: the directory of the asset, which has the files as they were at synth.
        files: the working copies, by their names in the asset.
        archives: the working copies of the members of archives, by the archive's name and theirs in it.
    """

    stack: str
    logical_id: str
    bucket: str
    prefix: str
    asset: Path
    files: Mapping[str, Path] = field(default_factory=dict, repr=False)
    archives: Mapping[str, Mapping[str, Path]] = field(default_factory=dict, repr=False)

    @property
    def uri(self) -> str:
        """The S3 URI of the prefix."""
        return f"s3://{self.bucket}/{self.prefix}/"

    @property
    def working_copies(self) -> frozenset[Path]:
        """The files on this machine that are part of it."""
        members = (path for archive in self.archives.values() for path in archive.values())
        return frozenset(path for path in (*self.files.values(), *members) if not path.is_dir())

    def is_complete(self) -> bool:
        """Return whether every working copy still exists."""
        return all(path.exists() for path in self.working_copies)

    def is_staged(self) -> bool:
        """Return whether the asset has the files, which `cdk list`, for one, leaves out."""
        return all((self.asset / name).exists() for name in (*self.files, *self.archives))

    def contents(self) -> Iterator[tuple[str, bytes | Path]]:
        """Yield the names below the prefix with the contents as they are now: a file, or the bytes of an archive."""
        for root, _, names in os.walk(self.asset):
            for name in names:
                path = Path(root) / name
                key = path.relative_to(self.asset).as_posix()
                if key in self.archives:
                    yield key, source_archive(self.archives[key])
                else:
                    yield key, self.files.get(key, path)
