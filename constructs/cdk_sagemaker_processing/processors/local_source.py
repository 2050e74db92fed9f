"""Local files and directories that the deployment uploads for a job."""

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
    """A local file, or a directory with everything below it."""

    path: Path

    @classmethod
    def of(cls, source: str, *, parameter: str) -> LocalSource:
        """Return the source at a path.

        Args:
            source: a path, relative to the app's working directory, or a ``file://`` URL.
            parameter: the parameter's name, for the message.

        Raises:
            InvalidValueError: no file or directory exists there.
        """
        path = Path(unquote(urlparse(source).path) if source.startswith("file://") else source)
        if not path.exists():
            raise InvalidValueError(
                parameter,
                source,
                "name a file that exists",
                f"none exists at {path.resolve()}; paths are relative to the directory of cdk.json",
            )
        return cls(path.resolve())

    def upload(
        self, scope: Construct, construct_id: str, bucket: s3.IBucket, encryption_key: kms.IKey | None, directory: str
    ) -> str:
        """Upload the source to the bucket at deployment.

        Args:
            scope: the parent construct of the upload.
            construct_id: unique in the scope.
            bucket: the destination.
            encryption_key: encrypts the files; None for the bucket's own encryption.
            directory: the name of a directory in S3; a file keeps its own name.

        Returns:
            The URI of the file or of the directory.
        """
        from cdk_sagemaker_processing.resources import LocalCode  # noqa: PLC0415 - it imports aws_lambda

        if self.path.is_dir():
            files, name = tree(self.path, prefix=f"{directory}/"), directory
            if not files:
                raise InvalidValueError("source", str(self.path), "be a directory that contains files")
        else:
            files, name = {self.path.name: self.path}, self.path.name
        return LocalCode(scope, construct_id, bucket=bucket, files=files, encryption_key=encryption_key).uri(name)
