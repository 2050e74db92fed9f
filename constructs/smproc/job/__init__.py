"""What a processing job is: its request, every limit of the API, inputs, outputs, network, images. Pure: no boto3."""

from smproc.job import framework, spark
from smproc.job._datasets import AthenaDatasetDefinition, DatasetDefinition, RedshiftDatasetDefinition
from smproc.job._doubts import doubts
from smproc.job._images import (
    Framework,
    ImageBuild,
    SageMakerImage,
    latest_version,
    sagemaker_accounts,
    sagemaker_image,
)
from smproc.job._inputs import ProcessingInput, S3Input
from smproc.job._kinds import check_each, check_kind, path_text, path_texts
from smproc.job._names import base_job_name
from smproc.job._network import NetworkConfig
from smproc.job._outputs import FeatureStoreOutput, ProcessingOutput
from smproc.job._paths import PROCESSING_ROOT, check_s3_uri
from smproc.job._request import processing_request
from smproc.job._resources import ExperimentConfig, InstancePreference
from smproc.job._tokens import is_unresolved, is_whole_list_unresolved
from smproc.job.errors import ConflictingValues, InvalidProcessingJob, InvalidValue

__all__ = [
    "PROCESSING_ROOT",
    "AthenaDatasetDefinition",
    "ConflictingValues",
    "DatasetDefinition",
    "ExperimentConfig",
    "FeatureStoreOutput",
    "Framework",
    "ImageBuild",
    "InstancePreference",
    "InvalidProcessingJob",
    "InvalidValue",
    "NetworkConfig",
    "ProcessingInput",
    "ProcessingOutput",
    "RedshiftDatasetDefinition",
    "S3Input",
    "SageMakerImage",
    "base_job_name",
    "check_each",
    "check_kind",
    "check_s3_uri",
    "doubts",
    "framework",
    "is_unresolved",
    "is_whole_list_unresolved",
    "latest_version",
    "path_text",
    "path_texts",
    "processing_request",
    "sagemaker_accounts",
    "sagemaker_image",
    "spark",
]
