"""The Step Functions state that runs a processing job."""

from cdk_sagemaker_processing.workflow._capacity_retry import CapacityRetry, retry_on_capacity
from cdk_sagemaker_processing.workflow._create_processing_job import SageMakerCreateProcessingJob
from cdk_sagemaker_processing.workflow._options import ProcessorOptions, RunOptions, StateOptions

__all__ = [
    "CapacityRetry",
    "ProcessorOptions",
    "RunOptions",
    "SageMakerCreateProcessingJob",
    "StateOptions",
    "retry_on_capacity",
]
