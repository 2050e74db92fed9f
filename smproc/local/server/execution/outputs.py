"""A job's outputs: what its hosts leave behind, uploaded when all have ended well, or while they run."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig, create_transfer_manager
from botocore.exceptions import BotoCoreError
from botocore.exceptions import ClientError as S3Error

from smproc.local.server.execution.errors import JobClientError
from smproc.local.server.execution.opt_ml import OptMl
from smproc.local.server.execution.parallel import in_parallel
from smproc.local.server.execution.s3_uri import S3Uri

_ONE_REQUEST_MAX_BYTES = 32 * 1024 * 1024
_INTERVAL_IN_SECONDS = 1.0
# A file that grows is uploaded whole each time: the longer that takes, the seldomer.
_REST_PER_PASS = 5
_log = logging.getLogger(__name__)


class Outputs:
    """A job's outputs.

    Files of the same name from several hosts overwrite each other, as in AWS: the key is the output's S3Uri and the
    path below its LocalPath, and names no host.

    Args:
        s3: an S3 client that acts as the job's role.
        config: the request's ProcessingOutputConfig.
        hosts: every host's ``/opt/ml``, in order.
    """

    def __init__(self, s3: Any, config: Mapping[str, Any], hosts: Sequence[OptMl]) -> None:  # noqa: ANN401 - untyped
        self._s3 = s3
        self._hosts = hosts
        self._extra: dict[str, str] = {}
        if key_id := config.get("KmsKeyId"):
            self._extra = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id}
        # An output that the application manages is the application's to upload.
        ours = [
            output["S3Output"]
            for output in config.get("Outputs", ())
            if not output.get("AppManaged") and "S3Output" in output
        ]
        self._at_end = [output for output in ours if output["S3UploadMode"] == "EndOfJob"]
        self._continuous = [output for output in ours if output["S3UploadMode"] == "Continuous"]
        self._uploaded: dict[tuple[OptMl, str], tuple[int, ...]] = {}

    @property
    def continuous(self) -> bool:
        """Whether something is to be uploaded while the programs run."""
        return bool(self._continuous)

    def keep_uploading(self, ended: threading.Event) -> None:
        """Upload what is new or has changed, again and again, until the programs have ended.

        What S3 refuses now may succeed at the end, and fails the job only if it does not.
        """
        rest = _INTERVAL_IN_SECONDS
        while not ended.wait(rest):
            begun = time.monotonic()
            try:
                self.upload_changes()
            except JobClientError as error:
                _log.warning("a continuous upload failed and will be tried again: %s", error)
            rest = max(_INTERVAL_IN_SECONDS, _REST_PER_PASS * (time.monotonic() - begun))

    def upload_changes(self) -> None:
        """Upload what of the continuous outputs is new or has changed.

        Raises:
            ClientError: S3 refuses a file.
        """

        def put(task: tuple[OptMl, Mapping[str, Any], str, IO[bytes]]) -> None:
            host, output, relative, file = task
            with file:
                about = os.fstat(file.fileno())
                version = (about.st_ino, about.st_mtime_ns, about.st_size)
                place = host, f"{output['LocalPath']}/{relative}"
                if self._uploaded.get(place) != version:
                    self._put(S3Uri.parse(output["S3Uri"]), relative, file)
                    self._uploaded[place] = version

        if self._continuous:
            in_parallel(self._files(self._continuous), put)

    def upload(self, check_stop: Callable[[], None]) -> None:
        """Upload what is to be uploaded at the end.

        Args:
            check_stop: raises when the job is to stop; called before each file.

        Raises:
            ClientError: S3 refuses a file.
        """

        def put(task: tuple[OptMl, Mapping[str, Any], str, IO[bytes]]) -> None:
            _host, output, relative, file = task
            with file:
                check_stop()
                self._put(S3Uri.parse(output["S3Uri"]), relative, file)

        if self._at_end:
            in_parallel(self._files(self._at_end), put)

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
        try:
            size = file.seek(0, 2)
            file.seek(0)
            if size <= _ONE_REQUEST_MAX_BYTES:
                # Read first: a file that grows meanwhile would be longer than was announced.
                self._s3.put_object(Bucket=target.bucket, Key=target.key, Body=file.read(size), **self._extra)
            else:
                with create_transfer_manager(self._s3, TransferConfig()) as parts:
                    parts.upload(file, target.bucket, target.key, dict(self._extra)).result()
        except (S3Error, BotoCoreError, Boto3Error) as error:
            raise JobClientError(f'Failed to upload output data to S3 URL "{target}": {error}') from error
