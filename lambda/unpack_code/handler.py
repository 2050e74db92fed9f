"""A custom resource that unpacks the zip of a run's code into the pipeline's bucket; every file keeps its name.

It responds to the URL of each CloudFormation request, whatever happens. Code of earlier deployments stays, for
executions that still read it; so a deletion does nothing.

See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import functools
import io
import json
import logging
import urllib.request
import zipfile
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_s3 import S3Client

# The share of the function's 512 MiB for the archive and one of its files; out of memory, it could not respond.
MEMORY_BYTES = 384 * 1024 * 1024

logger = logging.getLogger()


@functools.cache
def s3_client() -> S3Client:
    """Return the client of S3, created on first use."""
    return boto3.client("s3")


def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Respond to one request of CloudFormation."""
    properties = event["ResourceProperties"]
    response = {
        "Status": "SUCCESS",
        "PhysicalResourceId": event.get("PhysicalResourceId", f"{properties['Bucket']}/{properties['Prefix']}"),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    try:
        if event["RequestType"] != "Delete":
            unpack(s3_client(), properties)
            response["PhysicalResourceId"] = f"{properties['Bucket']}/{properties['Prefix']}"
            response["Data"] = {"Prefix": properties["Prefix"]}
    except Exception as error:
        logger.exception("cannot unpack %s", properties)
        response |= {
            "Status": "FAILED",
            "Reason": f"{type(error).__name__}: {error} (log stream {context.log_stream_name})",
        }
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own URL
        event["ResponseURL"], data=json.dumps(response).encode(), method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - the same
        pass


def unpack(s3: S3Client, properties: dict[str, Any]) -> None:
    """Put every file of the zip below the prefix.

    Raises:
        ValueError: a member of the zip is not a file below its root, or too large for the function's memory.
    """
    key = properties.get("KmsKeyId")
    encryption: dict[str, Any] = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
    source = s3.get_object(Bucket=properties["SourceBucket"], Key=properties["SourceKey"])
    check_size("the archive", source["ContentLength"])
    archive = source["Body"].read()
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        members = [member for member in files.infolist() if not member.is_dir()]
        for member in members:
            check_name(member.filename)
            check_size(f"the archive with its member {member.filename!r}", len(archive) + member.file_size)
        for member in members:
            key = f"{properties['Prefix']}/{member.filename}"
            s3.put_object(Bucket=properties["Bucket"], Key=key, Body=files.read(member), **encryption)


def check_name(name: str) -> None:
    """Check that a member lies below the root of the archive."""
    if not {"", ".", ".."}.isdisjoint(name.split("/")):
        raise ValueError(f"a member of the archive must be a file below its root, got {name!r}")


def check_size(name: str, size: int) -> None:
    """Check that a number of bytes fits into the function's memory."""
    if size > MEMORY_BYTES:
        raise ValueError(
            f"{name} must have at most {MEMORY_BYTES} bytes, got {size}; put data into an input of the job"
        )
