"""A program that prints the request of SDK 3, and its uploads, for each call on standard input; it needs the SDK.

Nothing leaves the machine: a handler of botocore's before-send event answers every request. The parameters of
CreateProcessingJob are recorded as the SDK passes them.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import sys
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from sagemaker.core import processing, shapes
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.network import NetworkConfig
from sagemaker.core.spark import processing as spark_processing
from sagemaker.core.telemetry import telemetry_logging

logging.disable(logging.CRITICAL)
# It would report each run over the network, past botocore.
telemetry_logging._requests_helper = lambda *_, **__: None
ROLE = "arn:aws:iam::111122223333:role/ProcessingRole"
CLASSES: dict[str, Any] = {
    "Processor": processing.Processor,
    "ScriptProcessor": processing.ScriptProcessor,
    "FrameworkProcessor": processing.FrameworkProcessor,
    "PySparkProcessor": spark_processing.PySparkProcessor,
    "SparkJarProcessor": spark_processing.SparkJarProcessor,
    "NetworkConfig": NetworkConfig,
    "FeatureStoreOutput": shapes.ProcessingFeatureStoreOutput,
    **{
        name: getattr(shapes, name)
        for name in ("ProcessingInput", "ProcessingS3Input", "ProcessingOutput", "ProcessingS3Output")
    },
    **{name: getattr(shapes, name) for name in ("DatasetDefinition", "AthenaDatasetDefinition")},
}
REQUESTS: list[Any] = []
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
    headers: Any = {"ETag": '"x"', "Content-Length": str(len(body))}
    return AWSResponse(request.url, 200, headers, _Body(body))


def build(value: Any) -> Any:  # noqa: ANN401 - any argument
    """Replace the descriptions of objects in a value with the objects."""
    if isinstance(value, dict):
        if "$" in value:
            rest = {key: item for key, item in value.items() if key != "$"}
            return CLASSES[value["$"]](**build(rest))
        return {key: build(item) for key, item in value.items()}
    return [build(item) for item in value] if isinstance(value, list) else value


boto = boto3.Session(region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106
boto.events.register("before-send.*", answer)
boto.events.register("provide-client-params.s3.PutObject", record_upload)
client = boto.client("sagemaker")
client.meta.events.register(
    "provide-client-params.sagemaker.CreateProcessingJob", lambda params, **_: REQUESTS.append(params)
)
session = Session(boto_session=boto, sagemaker_client=client, default_bucket="sagemaker-us-west-2-x")


def sent_by(call: dict[str, Any]) -> dict[str, Any]:
    """Return the request, or the message of the error, and the uploads of a call."""
    REQUESTS.clear()
    UPLOADS.clear()
    try:
        processor = CLASSES[call["processor"]](role=ROLE, sagemaker_session=session, **build(call["init"]))
        processor.run(wait=False, logs=False, job_name="golden-job-1", **build(call["run"]))
    except Exception as error:  # noqa: BLE001 - the comparison needs every error
        if not REQUESTS:
            return {"request": f"{type(error).__name__}: {error}", "uploads": {}}
    return {"request": REQUESTS[0], "uploads": dict(UPLOADS)}


# On its own line, because the SDK may print other lines first.
sys.stdout.write("\n" + json.dumps([sent_by(call) for call in json.load(sys.stdin)]))
