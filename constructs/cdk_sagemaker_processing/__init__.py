"""Typed SageMaker Processing for the AWS CDK."""

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
from cdk_sagemaker_processing.resources import ProcessingBucket, ProcessingRepository, ProcessingRole
from cdk_sagemaker_processing.trigger import S3Trigger, uploaded_objects
from cdk_sagemaker_processing.workflow import SageMakerCreateProcessingJob
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

__all__ = [
    "AthenaDatasetDefinition",
    "ConflictingValues",
    "DatasetDefinition",
    "EventDrivenProcessing",
    "ExperimentConfig",
    "FeatureStoreOutput",
    "FrameworkProcessor",
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
    "Processor",
    "PySparkProcessor",
    "PyTorchProcessor",
    "RedshiftDatasetDefinition",
    "S3Input",
    "S3Trigger",
    "SKLearnProcessor",
    "SageMakerCreateProcessingJob",
    "ScriptProcessor",
    "SparkJarProcessor",
    "TensorFlowProcessor",
    "XGBoostProcessor",
    "uploaded_objects",
]
