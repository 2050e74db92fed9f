"""Unpack the zip of a run's code into the pipeline's bucket, so that every file keeps its name.

A custom resource of CloudFormation: it answers to the URL that each request brings, whatever happens. Code of earlier
deployments stays, for executions that still read it; so a deletion has nothing to do.

See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import io
import json
import logging
import urllib.request
import zipfile
from typing import Any

import boto3

# The archive and one file of it are in the function's memory at a time, of which it has 512 MiB.
MEMBER_MAX_BYTES = 256 * 1024 * 1024

logger = logging.getLogger()
s3 = boto3.client("s3")


def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ANN401 - Lambda's own object
    """Answer one request of CloudFormation."""
    properties = event["ResourceProperties"]
    answer = {
        "Status": "SUCCESS",
        "PhysicalResourceId": event.get("PhysicalResourceId", f"{properties['Bucket']}/{properties['Prefix']}"),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    try:
        if event["RequestType"] != "Delete":
            unpack(properties)
            answer["PhysicalResourceId"] = f"{properties['Bucket']}/{properties['Prefix']}"
            answer["Data"] = {"Prefix": properties["Prefix"]}
    except Exception as error:
        logger.exception("cannot unpack %s", properties)
        answer |= {
            "Status": "FAILED",
            "Reason": f"{type(error).__name__}: {error} (log stream {context.log_stream_name})",
        }
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own URL
        event["ResponseURL"], data=json.dumps(answer).encode(), method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - the same
        pass


def unpack(properties: dict[str, Any]) -> None:
    """Put every file of the zip below the prefix."""
    key = properties.get("KmsKeyId")
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
    archive = s3.get_object(Bucket=properties["SourceBucket"], Key=properties["SourceKey"])["Body"].read()
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        members = [member for member in files.infolist() if not member.is_dir()]
        for member in members:
            check(member)
        for member in members:
            place = f"{properties['Prefix']}/{member.filename}"
            s3.put_object(Bucket=properties["Bucket"], Key=place, Body=files.read(member), **encryption)


def check(member: zipfile.ZipInfo) -> None:
    """Refuse a member that would not lie in the folder, or fill the function's memory.

    Raises:
        ValueError: it does.
    """
    if not {"", ".", ".."}.isdisjoint(member.filename.split("/")):
        raise ValueError(f"the archive's member {member.filename!r} is no file of its folder")
    if member.file_size > MEMBER_MAX_BYTES:
        raise ValueError(
            f"the archive's member {member.filename!r} has {member.file_size} bytes; at most {MEMBER_MAX_BYTES}"
        )
