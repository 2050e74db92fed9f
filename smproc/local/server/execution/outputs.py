"""A job's outputs: files of its hosts, uploaded while they run or after all of them have succeeded."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig, create_transfer_manager
from botocore.exceptions import BotoCoreError
from botocore.exceptions import ClientError as S3Error

from smproc.local.server.execution.archives import archived
from smproc.local.server.execution.errors import JobClientError
from smproc.local.server.execution.job_parts import Archive
from smproc.local.server.execution.opt_ml import OptMl
from smproc.local.server.execution.parallel import in_parallel
from smproc.local.server.execution.s3_uri import S3Uri

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_ONE_REQUEST_MAX_BYTES = 32 * 1024 * 1024
_INTERVAL_IN_SECONDS = 1.0
# A growing file is uploaded as a whole each time: the longer that takes, the longer the pause between passes.
_PAUSE_PER_PASS = 5
_log = logging.getLogger(__name__)


class Outputs:
    """A job's outputs.

    Files of the same name from several hosts overwrite each other, as in AWS: the key is the output's S3Uri and the
    path below its LocalPath, and names no host.

    Args:
        s3: an S3 client that acts as the job's role.
        config: the job's outputs, as a ProcessingOutputConfig.
        hosts: the hosts' ``/opt/ml``, in order.
        archives: the archives to upload at the end. Default: none.
    """

    def __init__(
        self, s3: S3Client, config: Mapping[str, Any], hosts: Sequence[OptMl], archives: Sequence[Archive] = ()
    ) -> None:
        self._archives = archives
        self._s3 = s3
        self._hosts = hosts
        # Without a key, AWS takes the managed key of S3, not that of the bucket. Documented for training alone:
        # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_OutputDataConfig.html
        self._extra: dict[str, Any] = {"ServerSideEncryption": "aws:kms"}
        if key_id := config.get("KmsKeyId"):
            self._extra["SSEKMSKeyId"] = key_id
        # The application uploads the outputs that it manages.
        uploads = [
            output["S3Output"]
            for output in config.get("Outputs", ())
            if not output.get("AppManaged") and "S3Output" in output
        ]
        self._at_end = [output for output in uploads if output["S3UploadMode"] == "EndOfJob"]
        self._continuous = [output for output in uploads if output["S3UploadMode"] == "Continuous"]
        self._uploaded: dict[tuple[OptMl, str], tuple[int, ...]] = {}

    @property
    def continuous(self) -> bool:
        """True if the job has outputs that are uploaded while the programs run."""
        return bool(self._continuous)

    def keep_uploading(self, ended: threading.Event) -> None:
        """Upload new and changed files repeatedly until the programs have ended.

        A failed upload is tried again, and fails the job only if it still fails at the end.

        Args:
            ended: set when the programs have ended.
        """
        pause = _INTERVAL_IN_SECONDS
        while not ended.wait(pause):
            started = time.monotonic()
            try:
                self.upload_changes()
            except JobClientError as error:
                _log.warning("A continuous upload failed and will be tried again: %s", error)
            pause = max(_INTERVAL_IN_SECONDS, _PAUSE_PER_PASS * (time.monotonic() - started))

    def upload_changes(self) -> None:
        """Upload the new and changed files of the continuous outputs.

        Raises:
            JobClientError: the upload of a file failed.
        """

        def put(item: tuple[OptMl, Mapping[str, Any], str, IO[bytes]]) -> None:
            host, output, relative, file = item
            with file:
                status = os.fstat(file.fileno())
                version = (status.st_ino, status.st_mtime_ns, status.st_size)
                path = host, f"{output['LocalPath']}/{relative}"
                if self._uploaded.get(path) != version:
                    self._put(S3Uri.parse(output["S3Uri"]), relative, file)
                    self._uploaded[path] = version

        if self._continuous:
            in_parallel(self._files(self._continuous), put)

    def upload(self, check_stop: Callable[[], None]) -> None:
        """Upload the outputs that are uploaded at the end of the job, and the archives.

        Args:
            check_stop: raises if the job must stop; called before each file.

        Raises:
            JobClientError: the upload of a file failed.
        """

        def put(item: tuple[OptMl, Mapping[str, Any], str, IO[bytes]]) -> None:
            _host, output, relative, file = item
            with file:
                check_stop()
                self._put(S3Uri.parse(output["S3Uri"]), relative, file)

        if self._at_end:
            in_parallel(self._files(self._at_end), put)
        for archive in self._archives:
            with archived(self._hosts, archive.local_path, check_stop) as file:
                if file is not None:
                    self._send(S3Uri.parse(archive.s3_uri), file)

    def _files(self, outputs: Sequence[Mapping[str, Any]]) -> Iterator[tuple[OptMl, Mapping[str, Any], str, IO[bytes]]]:
        for output in outputs:
            for host in self._hosts:
                for relative, file in host.files(output["LocalPath"]):
                    yield host, output, relative, file

    def _put(self, prefix: S3Uri, relative: str, file: IO[bytes]) -> None:
        try:
            target = prefix.below(relative.encode("utf-8", "surrogateescape").decode("utf-8"))
        except UnicodeDecodeError as error:
            raise JobClientError(
                f"The output file {relative!r} has a name that is not UTF-8 and so cannot be a key"
            ) from error
        self._send(target, file)

    def _send(self, target: S3Uri, file: IO[bytes]) -> None:
        try:
            size = file.seek(0, 2)
            file.seek(0)
            if size <= _ONE_REQUEST_MAX_BYTES:
                # Read into memory first: a file that grows meanwhile would exceed the announced length.
                self._s3.put_object(Bucket=target.bucket, Key=target.key, Body=file.read(size), **self._extra)
            else:
                with create_transfer_manager(self._s3, TransferConfig()) as parts:
                    parts.upload(file, target.bucket, target.key, dict(self._extra)).result()
        except (S3Error, BotoCoreError, Boto3Error) as error:
            raise JobClientError(f'Failed to upload output data to S3 URL "{target}": {error}') from error
