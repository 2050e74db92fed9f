"""A program that prints the request of the SageMaker SDK for each call on standard input; it needs the SDK.

With ``--uploads``, it also prints what the SDK uploads.

Nothing leaves the machine.
"""

from __future__ import annotations

import functools
import importlib
import json
import logging
import sys
from typing import Any

import sagemaker.utils
from recorder import ROLE, UPLOADS, build, recording_session  # type: ignore[import-not-found] # it lies beside this
from sagemaker.session import Session

logging.disable(logging.CRITICAL)
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


def estimator(framework: str) -> Any:  # noqa: ANN401 - a class
    module, _, name = ESTIMATORS[framework].rpartition(".")
    return getattr(importlib.import_module(module), name)


@functools.cache
def session_in(region: str) -> tuple[Session, list[Any]]:
    """Return a session of a region and the requests sent in it; cached, as a client takes most of a second."""
    boto, client, requests = recording_session(region)
    return Session(boto_session=boto, sagemaker_client=client, default_bucket=f"sagemaker-{region}-x"), requests


def sent_by(call: dict[str, Any]) -> Any:  # noqa: ANN401 - a request, or an error message
    """Return the request that the SDK sends, or the message of its error."""
    session, requests = session_in(call["region"])
    requests.clear()
    init, run = build(call["init"], CLASSES), build(call["run"], CLASSES)
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
