"""A custom resource that unpacks the zip of a run's code into the pipeline's bucket; every file keeps its name.

It responds to the URL of each CloudFormation request, whatever happens. Code of earlier deployments stays, for
executions that still read it; so a deletion does nothing.

The CDK CLI invokes it too, when it hotswaps the resource: with the request of an update that nobody waits for.

See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import functools
import io
import json
import logging
import threading
import urllib.request
import zipfile
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, Any, cast

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from unpack_code.archive import RangeFile
from unpack_code.retries import Clock, Invocation

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_s3 import S3Client

# Larger files are uploaded in parts of this size, and the archive is read in such parts.
PART_BYTES = 8 * 1024 * 1024
# In this thread, part by part. When a part fails, boto3 aborts the upload.
TRANSFER = TransferConfig(
    multipart_threshold=PART_BYTES,
    multipart_chunksize=PART_BYTES,
    use_threads=False,
    preferred_transfer_client="classic",
)
# At most so many files at a time, each with one part in memory.
UPLOADS = 10
# The function stops working so long before Lambda ends it: time for the last request with its retries, which the
# client's configuration limits to 75 seconds, and for the response.
RESPONSE_SECONDS = 120
# What the CDK CLI sends in place of a URL when it hotswaps the resource.
NO_RESPONSE_URL = "required-to-be-present-by-cfn"

logger = logging.getLogger()
clock = Clock()


@functools.cache
def s3_client() -> S3Client:
    """Return the client of S3, created on first use."""
    retries: Any = {"mode": "standard", "total_max_attempts": 3}
    return boto3.client(
        "s3", config=Config(connect_timeout=5, read_timeout=20, retries=retries, max_pool_connections=2 * UPLOADS)
    )


def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Respond to one request of CloudFormation, or carry out one of the CDK CLI.

    Raises:
        Exception: the files cannot be unpacked, and nobody waits for a response.
    """
    properties = event["ResourceProperties"]
    deleted = event["RequestType"] == "Delete"
    response = {
        "Status": "SUCCESS",
        "PhysicalResourceId": event["PhysicalResourceId"] if deleted else properties["PhysicalResourceId"],
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    try:
        # A resource without files has a physical ID alone, for those who refer to it.
        if not deleted and "SourceKey" in properties:
            seconds = context.get_remaining_time_in_millis() / 1000 - RESPONSE_SECONDS
            unpack(s3_client(), properties, Invocation(clock, seconds))
    except Exception as error:
        logger.exception("cannot unpack %s", properties)
        if event["ResponseURL"] == NO_RESPONSE_URL:
            raise
        response |= {
            "Status": "FAILED",
            "Reason": f"{type(error).__name__}: {error} (log stream {context.log_stream_name})",
        }
    if event["ResponseURL"] == NO_RESPONSE_URL:
        return
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own URL
        event["ResponseURL"], data=json.dumps(response).encode(), method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - the same
        pass


def unpack(s3: S3Client, properties: dict[str, Any], invocation: Invocation) -> None:
    """Put every file of the zip below the prefix; nothing if one of its members has no valid name.

    Raises:
        ValueError: a member of the zip is not a file below its root.
        ClientError: S3 or KMS refuses.
        TimeoutError: the files need more time than the function has.
    """
    with zipfile.ZipFile(cast("IO[bytes]", open_archive(s3, properties, invocation))) as files:
        members = [member for member in files.infolist() if not member.is_dir()]
        for member in members:
            check_name(member.filename)
        upload(s3, properties, files, members, invocation)


def open_archive(s3: S3Client, properties: dict[str, Any], invocation: Invocation) -> io.BufferedReader:
    """Return the archive as a file that reads its bytes when they are needed."""
    source: Any = {"Bucket": properties["SourceBucket"], "Key": properties["SourceKey"]}

    def read_range(first: int, last: int) -> bytes:
        def get() -> bytes:
            return s3.get_object(**source, Range=f"bytes={first}-{last}")["Body"].read()

        return invocation.retry_denied(get)

    def size() -> int:
        # Not HEAD: its error has no body, so the reason of a denial would not reach CloudFormation.
        return int(s3.get_object(**source, Range="bytes=0-0")["ContentRange"].rpartition("/")[2])

    return io.BufferedReader(RangeFile(invocation.retry_denied(size), read_range), PART_BYTES)


def upload(
    s3: S3Client,
    properties: dict[str, Any],
    files: zipfile.ZipFile,
    members: list[zipfile.ZipInfo],
    invocation: Invocation,
) -> None:
    """Put the members below the prefix: small ones in parallel, large ones part by part."""
    bucket = properties["DestinationBucketName"]
    kms_key = properties.get("KmsKeyId")
    encryption: dict[str, Any] = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
    free = threading.BoundedSemaphore(UPLOADS)
    uploads: list[Future[None]] = []

    def put(key: str, content: bytes) -> None:
        try:
            invocation.retry_denied(lambda: s3.put_object(Bucket=bucket, Key=key, Body=content, **encryption))
        finally:
            free.release()

    def put_parts(key: str, member: zipfile.ZipInfo) -> None:
        with files.open(member) as content:
            s3.upload_fileobj(content, bucket, key, ExtraArgs=encryption, Config=TRANSFER)

    with ThreadPoolExecutor(UPLOADS) as pool:
        for member in members:
            key = f"{properties['Prefix']}/{member.filename}"
            if member.file_size > PART_BYTES:
                invocation.retry_denied(lambda key=key, member=member: put_parts(key, member))  # type: ignore[misc]
                continue
            free.acquire()
            uploads.append(pool.submit(put, key, files.read(member)))
            for done in [each for each in uploads if each.done()]:
                uploads.remove(done)
                done.result()  # an error ends the loop: the other files would fail in the same way
    for done in uploads:
        done.result()


def check_name(name: str) -> None:
    """Check that a member lies below the root of the archive."""
    if not {"", ".", ".."}.isdisjoint(name.split("/")):
        raise ValueError(f"a member of the archive must be a file below its root, got {name!r}")
