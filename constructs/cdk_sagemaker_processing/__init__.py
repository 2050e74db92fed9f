"""Typed SageMaker Processing for the AWS CDK."""

from cdk_sagemaker_processing.event_driven import EventDrivenProcessing
from cdk_sagemaker_processing.processors import (
    FrameworkProcessor,
    Processor,
    PySparkProcessor,
    ScriptProcessor,
    SKLearnProcessor,
    SparkJarProcessor,
)
from cdk_sagemaker_processing.resources import ProcessingBucket, ProcessingRepository, ProcessingRole
from cdk_sagemaker_processing.trigger import S3Trigger, uploaded_objects
from cdk_sagemaker_processing.workflow import SageMakerCreateProcessingJob
from smproc.job import (
    ConflictingValues,
    InvalidProcessingJob,
    InvalidValue,
    NetworkConfig,
    ProcessingInput,
    ProcessingOutput,
)

__all__ = [
    "ConflictingValues",
    "EventDrivenProcessing",
    "FrameworkProcessor",
    "InvalidProcessingJob",
    "InvalidValue",
    "NetworkConfig",
    "ProcessingBucket",
    "ProcessingInput",
    "ProcessingOutput",
    "ProcessingRepository",
    "ProcessingRole",
    "Processor",
    "PySparkProcessor",
    "S3Trigger",
    "SKLearnProcessor",
    "SageMakerCreateProcessingJob",
    "ScriptProcessor",
    "SparkJarProcessor",
    "uploaded_objects",
]
