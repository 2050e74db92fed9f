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

# Of the function's 512 MiB, what the archive and one file of it may take; without memory it would end with no answer.
ROOM_BYTES = 384 * 1024 * 1024

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
    found = s3.get_object(Bucket=properties["SourceBucket"], Key=properties["SourceKey"])
    check_room("the archive", found["ContentLength"])
    archive = found["Body"].read()
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        members = [member for member in files.infolist() if not member.is_dir()]
        for member in members:
            check_place(member.filename)
            check_room(f"the archive with its member {member.filename!r}", len(archive) + member.file_size)
        for member in members:
            place = f"{properties['Prefix']}/{member.filename}"
            s3.put_object(Bucket=properties["Bucket"], Key=place, Body=files.read(member), **encryption)


def check_place(name: str) -> None:
    """Refuse a member that would not lie in the folder."""
    if not {"", ".", ".."}.isdisjoint(name.split("/")):
        raise ValueError(f"the archive's member {name!r} is no file of its folder")


def check_room(what: str, size: int) -> None:
    """Refuse what does not fit into the function's memory."""
    if size > ROOM_BYTES:
        raise ValueError(
            f"{what} has {size} bytes, and {ROOM_BYTES} can be unpacked; put data into an input of the job"
        )
