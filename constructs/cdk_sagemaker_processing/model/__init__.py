"""The model of a processing job: its request with every limit of the API, inputs, outputs, network and images.

It imports neither boto3 nor aws_cdk, and each of its modules on first use.
"""

from typing import TYPE_CHECKING

from cdk_sagemaker_processing.lazy_exports import lazy_getattr

# It explains arguments that public names do not take, from their import on.
from cdk_sagemaker_processing.model import call_checks

if TYPE_CHECKING:
    from cdk_sagemaker_processing.model import framework_container, spark_container
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
    from cdk_sagemaker_processing.model.inputs import ProcessingInput, ProcessingS3Input, S3Input
    from cdk_sagemaker_processing.model.instances import InstancePreference, InstancePreferences, preferences_of
    from cdk_sagemaker_processing.model.job_names import base_job_name
    from cdk_sagemaker_processing.model.lint import lint_request
    from cdk_sagemaker_processing.model.locations import INPUTS_DIRECTORY, PROCESSING_ROOT, check_s3_uri
    from cdk_sagemaker_processing.model.network import NetworkConfig
    from cdk_sagemaker_processing.model.outputs import FeatureStoreOutput, ProcessingOutput, ProcessingS3Output
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
    "InstancePreferences",
    "InvalidCallError",
    "InvalidProcessingJobError",
    "InvalidValueError",
    "NetworkConfig",
    "ProcessingInput",
    "ProcessingOutput",
    "ProcessingS3Input",
    "ProcessingS3Output",
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
    "preferences_of",
    "processing_request",
    "sagemaker_accounts",
    "sagemaker_image",
    "spark_container",
]

if not TYPE_CHECKING:  # a type checker would accept any name
    __getattr__ = lazy_getattr(
        __name__,
        {
            "AthenaDatasetDefinition": ".datasets",
            "DatasetDefinition": ".datasets",
            "RedshiftDatasetDefinition": ".datasets",
            "ConflictingValuesError": ".errors",
            "InvalidCallError": ".errors",
            "InvalidProcessingJobError": ".errors",
            "InvalidValueError": ".errors",
            "ExperimentConfig": ".experiment",
            "Framework": ".images",
            "ImageBuild": ".images",
            "SageMakerImage": ".images",
            "check_own_image": ".images",
            "latest_version": ".images",
            "sagemaker_accounts": ".images",
            "sagemaker_image": ".images",
            "ProcessingInput": ".inputs",
            "ProcessingS3Input": ".inputs",
            "S3Input": ".inputs",
            "InstancePreference": ".instances",
            "InstancePreferences": ".instances",
            "preferences_of": ".instances",
            "base_job_name": ".job_names",
            "lint_request": ".lint",
            "INPUTS_DIRECTORY": ".locations",
            "PROCESSING_ROOT": ".locations",
            "check_s3_uri": ".locations",
            "NetworkConfig": ".network",
            "FeatureStoreOutput": ".outputs",
            "ProcessingOutput": ".outputs",
            "ProcessingS3Output": ".outputs",
            "PropertyFile": ".property_files",
            "processing_request": ".request",
            "is_unresolved": ".tokens",
            "is_whole_list_unresolved": ".tokens",
            "check_bucket": ".type_checks",
            "check_command": ".type_checks",
            "check_each": ".type_checks",
            "check_type": ".type_checks",
            "path_text": ".type_checks",
            "path_texts": ".type_checks",
        },
    )
