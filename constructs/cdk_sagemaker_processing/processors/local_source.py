"""Local files and directories that the deployment uploads for a job."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct, IConstruct

from cdk_sagemaker_processing._internal.local_tree import LocalTree, output_directory
from cdk_sagemaker_processing.model import InvalidValueError, is_unresolved
from cdk_sagemaker_processing.model.s3_uri import is_s3_uri, split_s3_uri

_FILE_URL: Final = r"file:(?://(?:localhost)?(?=/))?"
# The CDK CLI writes a backslash as a slash, and refuses what looks like a drive.
_NOT_IN_A_ZIP: Final = r"(?s)[A-Za-z]:|.*\\"


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A local file, or a directory with everything below it.

    Attributes:
        path: the location; a link is not resolved, because the job finds the file under the link's name.
        text: the location as the caller wrote it, without ``file://``.
        parameter: the parameter's name, for messages.
    """

    path: Path
    text: str
    parameter: str

    @classmethod
    def of(cls, source: str, *, parameter: str) -> LocalSource:
        """Return the source at a path.

        Args:
            source: a path, relative to the app's working directory, or a ``file://`` URL.
            parameter: the parameter's name, for the message.

        Raises:
            InvalidValueError: no file or directory exists there.
        """
        scheme = re.match(_FILE_URL, source)
        text = unquote(source[scheme.end() :]) if scheme else source
        path = Path(text).absolute()
        if scheme and text.startswith("//"):
            raise InvalidValueError(parameter, source, "name an absolute path", "for example file:///directory/file")
        if not text or not os.path.exists(text):  # noqa: PTH110 - for pathlib, "file.py/" exists
            raise InvalidValueError(parameter, source, "name a file that exists", _why_missing(text, path))
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidValueError(parameter, source, "be in UTF-8", "rename the file") from None
        kind = path.stat().st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            raise InvalidValueError(parameter, source, "name a file or a directory", "it is a pipe, socket or device")
        return cls(path, text, parameter)

    @property
    def name(self) -> str:
        """The last part of the path as the caller wrote it: a link's own name, not that of its target."""
        return os.path.basename(os.path.normpath(self.text))  # noqa: PTH119 - the text, as in the SageMaker SDK

    @property
    def is_dir(self) -> bool:
        """True for a directory or a link to one."""
        return self.path.is_dir()

    def tree(self, scope: IConstruct, *, exclude: Sequence[str] | None = None) -> LocalTree:
        """Return the content of the directory, for a construct of the app that uploads it.

        Args:
            scope: a construct of the app, whose output directory is left out.
            exclude: glob patterns of what else is left out. Default: nothing.
        """
        return LocalTree(root=self.path, parameter=self.parameter, output=output_directory(scope), exclude=exclude)

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

        if self.is_dir:
            files, name = {f"{directory}/{file}": path for file, path in self.tree(scope).files().items()}, directory
            if not files:
                raise InvalidValueError("source", str(self.path), "be a directory that contains files")
        else:
            files, name = {self.name: self.path}, self.name
        check_names(self.parameter, files)
        return LocalCode(scope, construct_id, bucket=bucket, files=files, encryption_key=encryption_key).uri(name)


def check_names(parameter: str, names: Iterable[str]) -> None:
    """Check that files keep their names in the zip that the CDK CLI uploads.

    Raises:
        InvalidValueError: a name contains a backslash or starts like a drive.
    """
    for name in names:
        if re.match(_NOT_IN_A_ZIP, name):
            raise InvalidValueError(parameter, name, "be a name without a backslash or a drive", "rename the file")


def script_name(code: str) -> str:
    """Return the name of a script or application in the container; empty for a whole S3 prefix.

    Raises:
        InvalidValueError: the whole URI is known only later, so nothing is known about its last part.
    """
    if is_s3_uri(code):
        return split_s3_uri(code)[1].rpartition("/")[2]
    if not is_unresolved(code):
        return LocalSource.of(code, parameter="code").name
    if "/" not in code:
        raise InvalidValueError(
            "code", code, "be a URI whose last part is given by itself", 'for example f"s3://{bucket}/{name}"'
        )
    return code.rpartition("/")[2]


def _why_missing(text: str, path: Path) -> str:
    if path.is_symlink():
        return f"it is a link to {str(path.readlink())!r}, where nothing is"
    if text.endswith("/") and path.is_file():
        return "it is a file; remove the slash"
    if text.startswith("~"):
        return "'~' is not expanded, as in the SageMaker SDK: pass os.path.expanduser(...)"
    return f"none exists at {path}; paths are relative to the directory of cdk.json"
