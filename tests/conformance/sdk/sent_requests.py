"""A program that prints the request of the SageMaker SDK for each call on standard input; it needs the SDK.

With ``--uploads``, it also prints what the SDK uploads.

Nothing leaves the machine: a handler of botocore's before-send event answers every request. The parameters of
CreateProcessingJob are recorded as the SDK passes them.
"""

from __future__ import annotations

import base64
import functools
import importlib
import io
import json
import logging
import sys
from typing import Any

import boto3
import sagemaker.utils
from botocore.awsrequest import AWSResponse
from sagemaker.session import Session

logging.disable(logging.CRITICAL)
ROLE = "arn:aws:iam::111122223333:role/ProcessingRole"
MODULES = (
    "sagemaker.processing",
    "sagemaker.sklearn.processing",
    "sagemaker.spark.processing",
    "sagemaker.pytorch.processing",
    "sagemaker.tensorflow.processing",
    "sagemaker.xgboost.processing",
    "sagemaker.mxnet.processing",
    "sagemaker.huggingface.processing",
    "sagemaker.dataset_definition",
    "sagemaker.network",
)
CLASSES = {name: getattr(module, name) for module in map(importlib.import_module, MODULES) for name in dir(module)}
ESTIMATORS = {
    "sklearn": "sagemaker.sklearn.estimator.SKLearn",
    "pytorch": "sagemaker.pytorch.estimator.PyTorch",
    "tensorflow": "sagemaker.tensorflow.estimator.TensorFlow",
    "xgboost": "sagemaker.xgboost.estimator.XGBoost",
    "mxnet": "sagemaker.mxnet.estimator.MXNet",
}


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


def build(value: Any) -> Any:  # noqa: ANN401 - any argument
    """Replace the descriptions of objects in a value with the objects."""
    if isinstance(value, dict):
        if "$" in value:
            rest = {key: item for key, item in value.items() if key != "$"}
            return CLASSES[value["$"]](**build(rest))
        return {key: build(item) for key, item in value.items()}
    return [build(item) for item in value] if isinstance(value, list) else value


def estimator(framework: str) -> Any:  # noqa: ANN401 - a class
    module, _, name = ESTIMATORS[framework].rpartition(".")
    return getattr(importlib.import_module(module), name)


@functools.cache
def session_in(region: str) -> tuple[Session, list[Any]]:
    """Return a session of a region and the requests sent in it; cached, as a client takes most of a second."""
    boto = boto3.Session(region_name=region, aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106
    boto.events.register("before-send.*", answer)
    boto.events.register("provide-client-params.s3.PutObject", record_upload)
    client = boto.client("sagemaker")
    requests: list[Any] = []
    client.meta.events.register(
        "provide-client-params.sagemaker.CreateProcessingJob", lambda params, **_: requests.append(params)
    )
    return Session(boto_session=boto, sagemaker_client=client, default_bucket=f"sagemaker-{region}-x"), requests


def sent_by(call: dict[str, Any]) -> Any:  # noqa: ANN401 - a request, or an error message
    """Return the request that the SDK sends, or the message of its error."""
    session, requests = session_in(call["region"])
    requests.clear()
    init, run = build(call["init"]), build(call["run"])
    if "framework" in init:
        init["estimator_cls"] = estimator(init.pop("framework"))
    try:
        processor = CLASSES[call["processor"]](role=ROLE, sagemaker_session=session, **init)
        processor.run(wait=False, logs=False, job_name="golden-job-1", **run)
    except Exception as error:  # noqa: BLE001 - the comparison needs every error
        return f"{type(error).__name__}: {error}"
    return requests[0]


def staged_by(call: dict[str, Any]) -> dict[str, Any]:
    """Return the request, or the message of the error, and the uploads of a call."""
    UPLOADS.clear()
    return {"request": sent_by(call), "uploads": dict(UPLOADS)}


# The SDK reads botocore's endpoints again for each image.
resolver = sagemaker.utils._botocore_resolver()
sagemaker.utils._botocore_resolver = lambda: resolver
answer_to = staged_by if "--uploads" in sys.argv else sent_by
sys.stdout.write("\n" + json.dumps([answer_to(call) for call in json.load(sys.stdin)]))
