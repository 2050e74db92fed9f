"""A program that prints the SageMaker SDK's image URI for each case on standard input; it needs the SDK."""

from __future__ import annotations

import functools
import json
import logging
import sys
from typing import Any

import sagemaker.image_uris
import sagemaker.utils

logging.disable(logging.CRITICAL)
# The SDK reads botocore's endpoints and its own configuration again for each image.
resolver = sagemaker.utils._botocore_resolver()
sagemaker.utils._botocore_resolver = lambda: resolver
sagemaker.image_uris.config_for_framework = functools.cache(sagemaker.image_uris.config_for_framework)


def image_uri(case: dict[str, Any]) -> str | None:
    """Return the image URI of the SDK, or None if the SDK raises an error."""
    deep_learning = case["framework"] in ("pytorch", "tensorflow", "mxnet", "huggingface")
    try:
        uri: str = sagemaker.image_uris.retrieve(
            framework=case["framework"],
            region=case["region"],
            version=case["version"],
            py_version=case["py_version"],
            instance_type=case["instance_type"],
            container_version=case["container_version"],
            base_framework_version=case["base_framework"],
            image_scope="training" if deep_learning else None,
        )
    except (ValueError, KeyError):
        return None
    return uri


# On its own line, because the SDK prints other lines first.
sys.stdout.write("\n" + json.dumps([image_uri(case) for case in json.load(sys.stdin)]))
