"""The SageMaker service that ministack lacks."""

from smproc.local.server.sagemaker.api import SageMakerService

__all__ = ["SageMakerService"]
