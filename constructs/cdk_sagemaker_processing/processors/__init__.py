"""The processors of the SageMaker SDK as constructs."""

from cdk_sagemaker_processing.processors._framework_processor import FrameworkProcessor
from cdk_sagemaker_processing.processors._processor import Processor
from cdk_sagemaker_processing.processors._pyspark_processor import PySparkProcessor
from cdk_sagemaker_processing.processors._script_processor import ScriptProcessor
from cdk_sagemaker_processing.processors._sklearn_processor import SKLearnProcessor
from cdk_sagemaker_processing.processors._spark_jar_processor import SparkJarProcessor

__all__ = [
    "FrameworkProcessor",
    "Processor",
    "PySparkProcessor",
    "SKLearnProcessor",
    "ScriptProcessor",
    "SparkJarProcessor",
]
