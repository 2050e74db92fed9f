"""A program that prints the arguments and defaults of an SDK's classes and their `run`; it needs the SDK.

Standard input names the classes by module; null stands for those of SDK 2.
"""

from __future__ import annotations

import importlib
import inspect
import json
import logging
import sys
from typing import Any

logging.disable(logging.CRITICAL)
CLASSES = {
    "sagemaker.processing": (
        "Processor",
        "ScriptProcessor",
        "FrameworkProcessor",
        "ProcessingInput",
        "ProcessingOutput",
    ),
    "sagemaker.sklearn.processing": ("SKLearnProcessor",),
    "sagemaker.spark.processing": ("PySparkProcessor", "SparkJarProcessor"),
    "sagemaker.pytorch.processing": ("PyTorchProcessor",),
    "sagemaker.tensorflow.processing": ("TensorFlowProcessor",),
    "sagemaker.xgboost.processing": ("XGBoostProcessor",),
    "sagemaker.mxnet.processing": ("MXNetProcessor",),
    "sagemaker.huggingface.processing": ("HuggingFaceProcessor",),
    "sagemaker.network": ("NetworkConfig",),
    "sagemaker.dataset_definition": (
        *("S3Input", "DatasetDefinition", "AthenaDatasetDefinition", "RedshiftDatasetDefinition"),
    ),
}


def arguments(call: Any) -> dict[str, Any]:  # noqa: ANN401 - a function
    """Return the default of each argument, ``<required>`` if it has none."""
    return {
        name: "<required>" if parameter.default is inspect.Parameter.empty else parameter.default
        for name, parameter in inspect.signature(call).parameters.items()
        if name not in ("self", "kwargs")
    }


found = {}
for module, names in (json.load(sys.stdin) or CLASSES).items():
    for name in names:
        kind = getattr(importlib.import_module(module), name)
        found[name] = {"init": arguments(kind.__init__)}
        if hasattr(kind, "run"):
            found[name]["run"] = arguments(kind.run)
sys.stdout.write("\n" + json.dumps(found))
