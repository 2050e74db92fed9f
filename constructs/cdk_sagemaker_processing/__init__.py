"""Typed SageMaker Processing for the AWS CDK."""

from typing import TYPE_CHECKING

from cdk_sagemaker_processing._internal.lazily import lazily
from smproc.job import (
    AthenaDatasetDefinition,
    ConflictingValues,
    DatasetDefinition,
    ExperimentConfig,
    FeatureStoreOutput,
    InstancePreference,
    InvalidProcessingJob,
    InvalidValue,
    NetworkConfig,
    ProcessingInput,
    ProcessingOutput,
    RedshiftDatasetDefinition,
    S3Input,
)

if TYPE_CHECKING:
    from cdk_sagemaker_processing.event_driven import EventDrivenProcessing
    from cdk_sagemaker_processing.processors import (
        FrameworkProcessor,
        HuggingFaceProcessor,
        MXNetProcessor,
        Processor,
        PySparkProcessor,
        PyTorchProcessor,
        ScriptProcessor,
        SKLearnProcessor,
        SparkJarProcessor,
        TensorFlowProcessor,
        XGBoostProcessor,
    )
    from cdk_sagemaker_processing.resources import (
        ProcessingBucket,
        ProcessingRepository,
        ProcessingRole,
        ProcessingVpcEndpoints,
    )
    from cdk_sagemaker_processing.safeguards import Safeguards
    from cdk_sagemaker_processing.trigger import GroupBy, S3Trigger, uploaded_objects
    from cdk_sagemaker_processing.workflow import CapacityRetry, SageMakerCreateProcessingJob, retry_on_capacity

__all__ = [
    "AthenaDatasetDefinition",
    "CapacityRetry",
    "ConflictingValues",
    "DatasetDefinition",
    "EventDrivenProcessing",
    "ExperimentConfig",
    "FeatureStoreOutput",
    "FrameworkProcessor",
    "GroupBy",
    "HuggingFaceProcessor",
    "InstancePreference",
    "InvalidProcessingJob",
    "InvalidValue",
    "MXNetProcessor",
    "NetworkConfig",
    "ProcessingBucket",
    "ProcessingInput",
    "ProcessingOutput",
    "ProcessingRepository",
    "ProcessingRole",
    "ProcessingVpcEndpoints",
    "Processor",
    "PySparkProcessor",
    "PyTorchProcessor",
    "RedshiftDatasetDefinition",
    "S3Input",
    "S3Trigger",
    "SKLearnProcessor",
    "Safeguards",
    "SageMakerCreateProcessingJob",
    "ScriptProcessor",
    "SparkJarProcessor",
    "TensorFlowProcessor",
    "XGBoostProcessor",
    "retry_on_capacity",
    "uploaded_objects",
]

if not TYPE_CHECKING:  # a checker would take any name for one that is there
    __getattr__ = lazily(
        __name__,
        {
            "CapacityRetry": ".workflow",
            "EventDrivenProcessing": ".event_driven",
            "FrameworkProcessor": ".processors",
            "GroupBy": ".trigger",
            "HuggingFaceProcessor": ".processors",
            "MXNetProcessor": ".processors",
            "ProcessingBucket": ".resources",
            "ProcessingRepository": ".resources",
            "ProcessingRole": ".resources",
            "ProcessingVpcEndpoints": ".resources",
            "Processor": ".processors",
            "PySparkProcessor": ".processors",
            "PyTorchProcessor": ".processors",
            "S3Trigger": ".trigger",
            "SKLearnProcessor": ".processors",
            "Safeguards": ".safeguards",
            "SageMakerCreateProcessingJob": ".workflow",
            "ScriptProcessor": ".processors",
            "SparkJarProcessor": ".processors",
            "TensorFlowProcessor": ".processors",
            "XGBoostProcessor": ".processors",
            "retry_on_capacity": ".workflow",
            "uploaded_objects": ".trigger",
        },
    )
