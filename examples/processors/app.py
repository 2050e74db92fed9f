"""Each processor in a stack of its own: deploy the one that you want to see, such as SKLearnExample."""

from __future__ import annotations

import aws_cdk as cdk
from stacks.framework_processor import FrameworkExample
from stacks.huggingface_processor import HuggingFaceExample
from stacks.mxnet_processor import MXNetExample
from stacks.processor import ProcessorExample
from stacks.pyspark_processor import PySparkExample
from stacks.pytorch_processor import PyTorchExample
from stacks.script_processor import ScriptExample
from stacks.sklearn_processor import SKLearnExample
from stacks.spark_jar_processor import SparkJarExample
from stacks.tensorflow_processor import TensorFlowExample
from stacks.xgboost_processor import XGBoostExample

app = cdk.App()
for example in (
    FrameworkExample,
    HuggingFaceExample,
    MXNetExample,
    ProcessorExample,
    PySparkExample,
    PyTorchExample,
    ScriptExample,
    SKLearnExample,
    SparkJarExample,
    TensorFlowExample,
    XGBoostExample,
):
    example(app, example.__name__)
app.synth()
