"""A boto3 session that sends nothing, and records the requests and uploads of a SageMaker SDK: those of both SDKs.

A handler of botocore's before-send event answers every request. The parameters of CreateProcessingJob are recorded as
the SDK passes them. The programs beside this module import it by its name, from their own directory.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse

ROLE = "arn:aws:iam::111122223333:role/ProcessingRole"
# The objects that the SDK uploads, base64 by URI.
UPLOADS: dict[str, str] = {}


def record_upload(params: dict[str, Any], **_: object) -> None:
    """Record an upload as botocore receives it, before it is encoded for the wire."""
    content = params["Body"]
    if not isinstance(content, bytes | str):
        content = content.read()
        params["Body"].seek(0)
    content = content.encode() if isinstance(content, str) else content
    UPLOADS[f"s3://{params['Bucket']}/{params['Key']}"] = base64.b64encode(content).decode()


class _Body(io.BytesIO):
    def stream(self, *_: object, **__: object) -> list[bytes]:
        return [self.read()]


def answer(request: Any, **_: object) -> Any:  # noqa: ANN401 - botocore's own objects
    """Return a successful response to any request."""
    body = b'{"ProcessingJobArn": "arn"}' if "://api.sagemaker" in request.url else b"<R/>"
    if request.method == "GET" and "://s3" in request.url:
        body = b"<R><Buckets><Bucket><Name>b</Name></Bucket></Buckets></R>"
    if "sts" in request.url:
        body = (
            b"<R><GetCallerIdentityResult><Account>111122223333</Account><Arn>a</Arn><UserId>u</UserId>"
            b"</GetCallerIdentityResult></R>"
        )
    headers: Any = {"ETag": '"x"', "Content-Length": str(len(body))}
    return AWSResponse(request.url, 200, headers, _Body(body))


def build(value: Any, classes: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any argument
    """Replace the descriptions of objects in a value with the objects."""
    if isinstance(value, dict):
        if "$" in value:
            rest = {key: item for key, item in value.items() if key != "$"}
            return classes[value["$"]](**build(rest, classes))
        return {key: build(item, classes) for key, item in value.items()}
    return [build(item, classes) for item in value] if isinstance(value, list) else value


def recording_session(region: str) -> tuple[boto3.Session, Any, list[Any]]:
    """Return a session of a region, its client of SageMaker, and the list of the requests for jobs."""
    session = boto3.Session(region_name=region, aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106
    session.events.register("before-send.*", answer)
    session.events.register("provide-client-params.s3.PutObject", record_upload)
    client = session.client("sagemaker")
    requests: list[Any] = []
    client.meta.events.register(
        "provide-client-params.sagemaker.CreateProcessingJob", lambda params, **_: requests.append(params)
    )
    return session, client, requests
