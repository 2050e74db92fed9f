"""The model of a processing job: its request with every limit of the API, inputs, outputs, network and images.

It imports neither boto3 nor aws_cdk.
"""

from cdk_sagemaker_processing.model import call_checks, framework_container, spark_container
from cdk_sagemaker_processing.model.datasets import (
    AthenaDatasetDefinition,
    DatasetDefinition,
    RedshiftDatasetDefinition,
)
from cdk_sagemaker_processing.model.errors import (
    ConflictingValuesError,
    InvalidCallError,
    InvalidProcessingJobError,
    InvalidValueError,
)
from cdk_sagemaker_processing.model.experiment import ExperimentConfig
from cdk_sagemaker_processing.model.images import (
    Framework,
    ImageBuild,
    SageMakerImage,
    check_own_image,
    latest_version,
    sagemaker_accounts,
    sagemaker_image,
)
from cdk_sagemaker_processing.model.inputs import ProcessingInput, S3Input
from cdk_sagemaker_processing.model.instances import InstancePreference
from cdk_sagemaker_processing.model.job_names import base_job_name
from cdk_sagemaker_processing.model.lint import lint_request
from cdk_sagemaker_processing.model.locations import INPUTS_DIRECTORY, PROCESSING_ROOT, check_s3_uri
from cdk_sagemaker_processing.model.network import NetworkConfig
from cdk_sagemaker_processing.model.outputs import FeatureStoreOutput, ProcessingOutput
from cdk_sagemaker_processing.model.property_files import PropertyFile
from cdk_sagemaker_processing.model.request import processing_request
from cdk_sagemaker_processing.model.tokens import is_unresolved, is_whole_list_unresolved
from cdk_sagemaker_processing.model.type_checks import (
    check_bucket,
    check_command,
    check_each,
    check_type,
    path_text,
    path_texts,
)

__all__ = [
    "INPUTS_DIRECTORY",
    "PROCESSING_ROOT",
    "AthenaDatasetDefinition",
    "ConflictingValuesError",
    "DatasetDefinition",
    "ExperimentConfig",
    "FeatureStoreOutput",
    "Framework",
    "ImageBuild",
    "InstancePreference",
    "InvalidCallError",
    "InvalidProcessingJobError",
    "InvalidValueError",
    "NetworkConfig",
    "ProcessingInput",
    "ProcessingOutput",
    "PropertyFile",
    "RedshiftDatasetDefinition",
    "S3Input",
    "SageMakerImage",
    "base_job_name",
    "call_checks",
    "check_bucket",
    "check_command",
    "check_each",
    "check_own_image",
    "check_s3_uri",
    "check_type",
    "framework_container",
    "is_unresolved",
    "is_whole_list_unresolved",
    "latest_version",
    "lint_request",
    "path_text",
    "path_texts",
    "processing_request",
    "sagemaker_accounts",
    "sagemaker_image",
    "spark_container",
]
