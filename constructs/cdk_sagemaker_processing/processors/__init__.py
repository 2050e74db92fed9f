"""The processors of the SageMaker SDK as constructs."""

from cdk_sagemaker_processing.processors._processor import Processor
from cdk_sagemaker_processing.processors._script_processor import ScriptProcessor
from cdk_sagemaker_processing.processors._sklearn_processor import SKLearnProcessor

__all__ = ["Processor", "SKLearnProcessor", "ScriptProcessor"]
