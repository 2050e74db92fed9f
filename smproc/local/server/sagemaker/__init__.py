"""The SageMaker service that ministack lacks, and its Step Functions integration."""

from smproc.local.server.sagemaker.api import SageMakerService
from smproc.local.server.sagemaker.step_functions_task import RESOURCE, ProcessingJobTask

__all__ = ["RESOURCE", "ProcessingJobTask", "SageMakerService"]
