"""The Step Functions state that runs a processing job."""

from cdk_sagemaker_processing.workflow._create_processing_job import SageMakerCreateProcessingJob

__all__ = ["SageMakerCreateProcessingJob"]
