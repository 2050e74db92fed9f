"""What a processing job is: its request, every limit of the API, inputs, outputs, network, images. Pure: no boto3."""

from smproc.job import framework, spark
from smproc.job._images import Framework, SageMakerImage, latest_version, sagemaker_image
from smproc.job._inputs import ProcessingInput
from smproc.job._names import base_job_name
from smproc.job._network import NetworkConfig
from smproc.job._outputs import ProcessingOutput
from smproc.job._paths import PROCESSING_ROOT
from smproc.job._request import processing_request
from smproc.job._tokens import is_unresolved
from smproc.job.errors import ConflictingValues, InvalidProcessingJob, InvalidValue

__all__ = [
    "PROCESSING_ROOT",
    "ConflictingValues",
    "Framework",
    "InvalidProcessingJob",
    "InvalidValue",
    "NetworkConfig",
    "ProcessingInput",
    "ProcessingOutput",
    "SageMakerImage",
    "base_job_name",
    "framework",
    "is_unresolved",
    "latest_version",
    "processing_request",
    "sagemaker_image",
    "spark",
]
