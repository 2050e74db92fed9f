"""The processors of the SageMaker SDK as constructs."""

from typing import TYPE_CHECKING

from cdk_sagemaker_processing._internal.lazily import lazily

if TYPE_CHECKING:
    from cdk_sagemaker_processing.processors._framework_processor import FrameworkProcessor
    from cdk_sagemaker_processing.processors._huggingface_processor import HuggingFaceProcessor
    from cdk_sagemaker_processing.processors._mxnet_processor import MXNetProcessor
    from cdk_sagemaker_processing.processors._processor import Processor
    from cdk_sagemaker_processing.processors._pyspark_processor import PySparkProcessor
    from cdk_sagemaker_processing.processors._pytorch_processor import PyTorchProcessor
    from cdk_sagemaker_processing.processors._script_processor import ScriptProcessor
    from cdk_sagemaker_processing.processors._sklearn_processor import SKLearnProcessor
    from cdk_sagemaker_processing.processors._spark_jar_processor import SparkJarProcessor
    from cdk_sagemaker_processing.processors._tensorflow_processor import TensorFlowProcessor
    from cdk_sagemaker_processing.processors._xgboost_processor import XGBoostProcessor

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

if not TYPE_CHECKING:  # a checker would take any name for one that is there
    __getattr__ = lazily(
        __name__,
        {
            "FrameworkProcessor": "._framework_processor",
            "HuggingFaceProcessor": "._huggingface_processor",
            "MXNetProcessor": "._mxnet_processor",
            "Processor": "._processor",
            "PySparkProcessor": "._pyspark_processor",
            "PyTorchProcessor": "._pytorch_processor",
            "ScriptProcessor": "._script_processor",
            "SKLearnProcessor": "._sklearn_processor",
            "SparkJarProcessor": "._spark_jar_processor",
            "TensorFlowProcessor": "._tensorflow_processor",
            "XGBoostProcessor": "._xgboost_processor",
        },
    )
