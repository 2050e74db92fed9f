"""Graphs of processing jobs and other steps."""

from cdk_sagemaker_processing.workflow.processing_schedule import ProcessingSchedule
from cdk_sagemaker_processing.workflow.processing_workflow import ProcessingWorkflow
from cdk_sagemaker_processing.workflow.step import WorkflowStep

__all__ = ["ProcessingSchedule", "ProcessingWorkflow", "WorkflowStep"]
