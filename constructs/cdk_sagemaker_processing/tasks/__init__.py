"""The Step Functions task state that runs a processing job."""

from cdk_sagemaker_processing.tasks.capacity_retry import CapacityRetry, retry_on_capacity
from cdk_sagemaker_processing.tasks.create_processing_job import SageMakerCreateProcessingJob
from cdk_sagemaker_processing.tasks.options import ProcessorOptions, RunOptions, StateOptions

__all__ = [
    "CapacityRetry",
    "ProcessorOptions",
    "RunOptions",
    "SageMakerCreateProcessingJob",
    "StateOptions",
    "retry_on_capacity",
]
