"""A program that prints the image URI of SDK 3 for each case on standard input; it needs the SDK.

A case has the name of a processor's class, its arguments and a region, as for ``processor_images.py``. SDK 3 has no
processors of frameworks: its users ask for an image as this program does. Nothing leaves the machine.
"""

from __future__ import annotations

import functools
import json
import logging
import sys
from typing import Any

from sagemaker.core import common_utils, image_uris

logging.disable(logging.CRITICAL)
# The SDK reads botocore's endpoints again for each image.
resolver = common_utils._botocore_resolver()
common_utils._botocore_resolver = lambda: resolver
image_uris.config_for_framework = functools.cache(image_uris.config_for_framework)

FRAMEWORKS = {
    "SKLearnProcessor": "sklearn",
    "PySparkProcessor": "spark",
    "SparkJarProcessor": "spark",
    "PyTorchProcessor": "pytorch",
    "TensorFlowProcessor": "tensorflow",
    "XGBoostProcessor": "xgboost",
    "MXNetProcessor": "mxnet",
    "HuggingFaceProcessor": "huggingface",
}
# PyTorch 2.11 and later, under the name that SDK 3 has for them.
AMAZON_LINUX = "pytorch-amzn2023"
AMAZON_LINUX_VERSIONS = image_uris.config_for_framework(AMAZON_LINUX)["training"]["versions"]


def retrieved(case: dict[str, Any]) -> Any:  # noqa: ANN401 - the SDK has no types
    """Return the image for the arguments of a processor."""
    arguments = dict(case["arguments"])
    framework = arguments.pop("framework", None) or FRAMEWORKS[case["processor"]]
    common = {"region": case["region"], "instance_type": arguments["instance_type"]}
    if framework == "spark":
        build = arguments.get("container_version")
        return image_uris.retrieve(
            framework,
            version=arguments.get("framework_version"),
            py_version=arguments.get("py_version"),
            container_version=build and f"v{build}",
            **common,
        )
    if framework == "huggingface":
        return image_uris.get_training_image_uri(
            framework=framework,
            framework_version=arguments.get("transformers_version"),
            py_version=arguments.get("py_version", "py36"),
            tensorflow_version=arguments.get("tensorflow_version"),
            pytorch_version=arguments.get("pytorch_version"),
            **common,
        )
    version = arguments["framework_version"]
    if framework == "pytorch" and version in AMAZON_LINUX_VERSIONS:
        framework = AMAZON_LINUX
    return image_uris.get_training_image_uri(
        framework=framework, framework_version=version, py_version=arguments.get("py_version", "py3"), **common
    )


def answer(case: dict[str, Any]) -> dict[str, str]:
    """Return the image, or the error."""
    try:
        return {"uri": retrieved(case)}
    except Exception as error:  # noqa: BLE001 - every error is a refusal
        return {"error": f"{type(error).__name__}: {error}"}


# On its own line, because the SDK may print other lines first.
sys.stdout.write("\n" + json.dumps([answer(case) for case in json.load(sys.stdin)]))
