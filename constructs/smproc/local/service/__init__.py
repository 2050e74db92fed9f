"""The SageMaker service that ministack lacks, and its Step Functions integration."""

from smproc.local.service._sagemaker import SageMakerService
from smproc.local.service._step_functions import RESOURCE, ProcessingJobTask

__all__ = ["RESOURCE", "ProcessingJobTask", "SageMakerService"]
