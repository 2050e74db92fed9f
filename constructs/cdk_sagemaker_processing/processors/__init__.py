"""The processors of the SageMaker SDK as constructs."""

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
