"""A file or folder of this machine that a job shall find in S3."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_sagemaker_processing._internal.asset_files import tree
from cdk_sagemaker_processing.model import InvalidValueError


@dataclass(frozen=True, slots=True)
class LocalSource:
    """What a path names: one file, or a folder with all that is below it."""

    path: Path

    @classmethod
    def of(cls, source: str, *, parameter: str) -> LocalSource:
        """Find it, or say what is wrong in the words of the parameter that named it.

        Args:
            source: a path, relative to the folder that the app runs in, or a ``file://`` URL.
            parameter: the parameter's name, for the message.
        """
        path = Path(unquote(urlparse(source).path) if source.startswith("file://") else source)
        if not path.exists():
            raise InvalidValueError(
                parameter,
                source,
                "name a file that exists",
                f"there is none at {path.resolve()}; paths are relative to the folder of cdk.json",
            )
        return cls(path.resolve())

    def upload(
        self, scope: Construct, construct_id: str, bucket: s3.IBucket, encryption_key: kms.IKey | None, folder: str
    ) -> str:
        """Have the deployment copy it into the bucket.

        Returns:
            The URI of the file; or of the folder, which is called ``folder`` there.
        """
        from cdk_sagemaker_processing.resources import LocalCode  # noqa: PLC0415 - it brings aws_lambda with it

        if self.path.is_dir():
            files, name = tree(self.path, prefix=f"{folder}/"), folder
            if not files:
                raise InvalidValueError("source", str(self.path), "be a folder with files in it")
        else:
            files, name = {self.path.name: self.path}, self.path.name
        return LocalCode(scope, construct_id, bucket=bucket, files=files, encryption_key=encryption_key).uri(name)
