"""A program that prints the image URI of the SDK's processor for each case on standard input; it needs the SDK.

A case has the name of a processor's class, its arguments and a region. Nothing leaves the machine: the constructors of
the SDK's processors call no service.
"""

from __future__ import annotations

import copy
import functools
import importlib
import json
import logging
import sys
from typing import Any

import boto3
import sagemaker.image_uris
import sagemaker.utils
from sagemaker.session import Session

logging.disable(logging.CRITICAL)
# The SDK reads botocore's endpoints and its own configuration again for each image.
resolver = sagemaker.utils._botocore_resolver()
sagemaker.utils._botocore_resolver = lambda: resolver
sagemaker.image_uris.config_for_framework = functools.cache(sagemaker.image_uris.config_for_framework)

ROLE = "arn:aws:iam::111122223333:role/ProcessingRole"
MODULES = {
    "FrameworkProcessor": "sagemaker.processing",
    "SKLearnProcessor": "sagemaker.sklearn.processing",
    "PySparkProcessor": "sagemaker.spark.processing",
    "SparkJarProcessor": "sagemaker.spark.processing",
    "PyTorchProcessor": "sagemaker.pytorch.processing",
    "TensorFlowProcessor": "sagemaker.tensorflow.processing",
    "XGBoostProcessor": "sagemaker.xgboost.processing",
    "MXNetProcessor": "sagemaker.mxnet.processing",
    "HuggingFaceProcessor": "sagemaker.huggingface.processing",
}
ESTIMATORS = {
    "sklearn": "sagemaker.sklearn.estimator.SKLearn",
    "pytorch": "sagemaker.pytorch.estimator.PyTorch",
    "tensorflow": "sagemaker.tensorflow.estimator.TensorFlow",
    "xgboost": "sagemaker.xgboost.estimator.XGBoost",
    "mxnet": "sagemaker.mxnet.estimator.MXNet",
}


boto = boto3.Session(region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106
# The SDK creates a client for each estimator, which takes most of the time.
boto3.client = functools.cache(boto.client)
session = Session(boto_session=boto, sagemaker_client=boto.client("sagemaker"), default_bucket="sagemaker-x")


@functools.cache
def session_in(region: str) -> Session:
    """Return the session as one of a region: new clients for each of forty regions take half a minute."""
    other = copy.copy(session)
    other._region_name = region
    return other


@functools.cache
def named(module: str, name: str) -> Any:  # noqa: ANN401 - a class
    return getattr(importlib.import_module(module), name)


def image_uri(case: dict[str, Any]) -> dict[str, str]:
    """Return the image URI of the SDK's processor, or its error."""
    arguments = dict(case["arguments"])
    if "framework" in arguments:
        module, _, name = ESTIMATORS[arguments.pop("framework")].rpartition(".")
        arguments["estimator_cls"] = named(module, name)
    try:
        kind = named(MODULES[case["processor"]], case["processor"])
        processor = kind(role=ROLE, sagemaker_session=session_in(case["region"]), instance_count=1, **arguments)
    except Exception as error:  # noqa: BLE001 - every error is a refusal
        return {"error": f"{type(error).__name__}: {error}"}
    return {"uri": processor.image_uri}


# On its own line, because the SDK prints other lines first.
sys.stdout.write("\n" + json.dumps([image_uri(case) for case in json.load(sys.stdin)]))
