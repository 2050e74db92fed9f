"""Typed SageMaker Processing for the AWS CDK."""

from typing import TYPE_CHECKING

from cdk_sagemaker_processing.lazy_exports import lazy_getattr
from cdk_sagemaker_processing.model import (
    AthenaDatasetDefinition,
    ConflictingValuesError,
    DatasetDefinition,
    ExperimentConfig,
    FeatureStoreOutput,
    InstancePreference,
    InvalidCallError,
    InvalidProcessingJobError,
    InvalidValueError,
    NetworkConfig,
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
    PropertyFile,
    RedshiftDatasetDefinition,
    S3Input,
)

if TYPE_CHECKING:
    from cdk_sagemaker_processing.event_driven import EventDrivenProcessing
    from cdk_sagemaker_processing.monitoring import PipelineMonitoring
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
    from cdk_sagemaker_processing.tasks import (
        CapacityRetry,
        SageMakerCreateProcessingJob,
        literal_text,
        retry_on_capacity,
        unique_job_name,
    )
    from cdk_sagemaker_processing.trigger import GroupBy, S3Trigger, uploaded_objects
    from cdk_sagemaker_processing.workflow import ProcessingSchedule, ProcessingWorkflow, WorkflowStep

__all__ = [
    "AthenaDatasetDefinition",
    "CapacityRetry",
    "ConflictingValuesError",
    "DatasetDefinition",
    "EventDrivenProcessing",
    "ExperimentConfig",
    "FeatureStoreOutput",
    "FrameworkProcessor",
    "GroupBy",
    "HuggingFaceProcessor",
    "InstancePreference",
    "InvalidCallError",
    "InvalidProcessingJobError",
    "InvalidValueError",
    "MXNetProcessor",
    "NetworkConfig",
    "PipelineMonitoring",
    "ProcessingBucket",
    "ProcessingInput",
    "ProcessingOutput",
    "ProcessingRepository",
    "ProcessingRole",
    "ProcessingS3Input",
    "ProcessingS3Output",
    "ProcessingSchedule",
    "ProcessingVpcEndpoints",
    "ProcessingWorkflow",
    "Processor",
    "PropertyFile",
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
    "WorkflowStep",
    "XGBoostProcessor",
    "literal_text",
    "retry_on_capacity",
    "unique_job_name",
    "uploaded_objects",
]

if not TYPE_CHECKING:  # a type checker would accept any name
    __getattr__ = lazy_getattr(
        __name__,
        {
            "CapacityRetry": ".tasks",
            "EventDrivenProcessing": ".event_driven",
            "FrameworkProcessor": ".processors",
            "GroupBy": ".trigger",
            "HuggingFaceProcessor": ".processors",
            "MXNetProcessor": ".processors",
            "PipelineMonitoring": ".monitoring",
            "ProcessingBucket": ".resources",
            "ProcessingRepository": ".resources",
            "ProcessingRole": ".resources",
            "ProcessingSchedule": ".workflow",
            "ProcessingVpcEndpoints": ".resources",
            "ProcessingWorkflow": ".workflow",
            "Processor": ".processors",
            "PySparkProcessor": ".processors",
            "PyTorchProcessor": ".processors",
            "S3Trigger": ".trigger",
            "SKLearnProcessor": ".processors",
            "Safeguards": ".safeguards",
            "SageMakerCreateProcessingJob": ".tasks",
            "ScriptProcessor": ".processors",
            "SparkJarProcessor": ".processors",
            "TensorFlowProcessor": ".processors",
            "WorkflowStep": ".workflow",
            "XGBoostProcessor": ".processors",
            "literal_text": ".tasks",
            "retry_on_capacity": ".tasks",
            "unique_job_name": ".tasks",
            "uploaded_objects": ".trigger",
        },
    )
