"""A job's outputs: what its hosts leave behind, uploaded when all have ended well."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig, create_transfer_manager
from botocore.exceptions import BotoCoreError
from botocore.exceptions import ClientError as S3Error

from smproc.local.jobs._failure import ClientError
from smproc.local.jobs._opt_ml import OptMl
from smproc.local.jobs._s3_uri import S3Uri

_ONE_REQUEST_MAX_BYTES = 32 * 1024 * 1024


def upload(
    s3: Any,  # noqa: ANN401 - boto3 is untyped
    config: Mapping[str, Any],
    hosts: Sequence[OptMl],
    check_stop: Callable[[], None],
) -> None:
    """Put the files of a job's outputs into S3.

    Files of the same name from several hosts overwrite each other, as in AWS: the key is the output's S3Uri and the
    path below its LocalPath, and names no host.

    Args:
        s3: an S3 client that acts as the job's role.
        config: the request's ProcessingOutputConfig.
        hosts: every host's ``/opt/ml``, in order.
        check_stop: raises when the job is to stop; called before each file.

    Raises:
        ClientError: S3 refuses a file.
    """
    extra = {}
    if key_id := config.get("KmsKeyId"):
        extra = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id}
    for output in config.get("Outputs", ()):
        # An output that the application manages is the application's to upload.
        if output.get("AppManaged") or "S3Output" not in output:
            continue
        prefix = S3Uri.parse(output["S3Output"]["S3Uri"])
        for host in hosts:
            for relative, file in host.files(output["S3Output"]["LocalPath"]):
                check_stop()
                _put(s3, prefix, relative, file, extra)


def _put(s3: Any, prefix: S3Uri, relative: str, file: IO[bytes], extra: Mapping[str, str]) -> None:  # noqa: ANN401
    try:
        target = prefix.below(relative.encode("utf-8", "surrogateescape").decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ClientError(
            f"The output file {relative!r} has a name that is not UTF-8 and so cannot be a key"
        ) from error
    try:
        size = file.seek(0, 2)
        file.seek(0)
        if size <= _ONE_REQUEST_MAX_BYTES:
            s3.put_object(Bucket=target.bucket, Key=target.key, Body=file, **extra)
        else:
            with create_transfer_manager(s3, TransferConfig()) as parts:
                parts.upload(file, target.bucket, target.key, dict(extra)).result()
    except (S3Error, BotoCoreError, Boto3Error) as error:
        raise ClientError(f'Failed to upload output data to S3 URL "{target}": {error}') from error
