"""The Step Functions task state that runs a processing job."""

from cdk_sagemaker_processing.tasks.capacity_retry import CapacityRetry, retry_on_capacity
from cdk_sagemaker_processing.tasks.create_processing_job import SageMakerCreateProcessingJob
from cdk_sagemaker_processing.tasks.execution_input import register_triggered
from cdk_sagemaker_processing.tasks.job_name import unique_job_name
from cdk_sagemaker_processing.tasks.options import ProcessorOptions, RunOptions, StateOptions
from cdk_sagemaker_processing.tasks.run_time_values import literal_text
from cdk_sagemaker_processing.tasks.state_machine_policy import constructed_as
from cdk_sagemaker_processing.tasks.step_conditions import StepCondition, StepValue
from cdk_sagemaker_processing.tasks.step_outputs import StepOutputs

__all__ = [
    "CapacityRetry",
    "ProcessorOptions",
    "RunOptions",
    "SageMakerCreateProcessingJob",
    "StateOptions",
    "StepCondition",
    "StepOutputs",
    "StepValue",
    "constructed_as",
    "literal_text",
    "register_triggered",
    "retry_on_capacity",
    "unique_job_name",
]
