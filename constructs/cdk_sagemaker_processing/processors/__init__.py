"""The processors of the SageMaker SDK, as constructs."""

from typing import TYPE_CHECKING

from cdk_sagemaker_processing.lazy_exports import lazy_getattr

if TYPE_CHECKING:
    from cdk_sagemaker_processing.processors.framework_processor import FrameworkProcessor
    from cdk_sagemaker_processing.processors.huggingface_processor import HuggingFaceProcessor
    from cdk_sagemaker_processing.processors.processor import Processor
    from cdk_sagemaker_processing.processors.pyspark_processor import PySparkProcessor
    from cdk_sagemaker_processing.processors.script_processor import ScriptProcessor
    from cdk_sagemaker_processing.processors.single_framework_processors import (
        MXNetProcessor,
        PyTorchProcessor,
        TensorFlowProcessor,
        XGBoostProcessor,
    )
    from cdk_sagemaker_processing.processors.sklearn_processor import SKLearnProcessor
    from cdk_sagemaker_processing.processors.spark_jar_processor import SparkJarProcessor

__all__ = [
    "FrameworkProcessor",
    "HuggingFaceProcessor",
    "MXNetProcessor",
    "Processor",
    "PySparkProcessor",
    "PyTorchProcessor",
    "SKLearnProcessor",
    "ScriptProcessor",
    "SparkJarProcessor",
    "TensorFlowProcessor",
    "XGBoostProcessor",
]

if not TYPE_CHECKING:  # a type checker would accept any name
    __getattr__ = lazy_getattr(
        __name__,
        {
            "FrameworkProcessor": ".framework_processor",
            "HuggingFaceProcessor": ".huggingface_processor",
            "MXNetProcessor": ".single_framework_processors",
            "Processor": ".processor",
            "PySparkProcessor": ".pyspark_processor",
            "PyTorchProcessor": ".single_framework_processors",
            "ScriptProcessor": ".script_processor",
            "SKLearnProcessor": ".sklearn_processor",
            "SparkJarProcessor": ".spark_jar_processor",
            "TensorFlowProcessor": ".single_framework_processors",
            "XGBoostProcessor": ".single_framework_processors",
        },
    )
