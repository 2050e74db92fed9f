"""Graphs of processing jobs and other steps, and schedules of their runs."""

from typing import TYPE_CHECKING

from cdk_sagemaker_processing.lazy_exports import lazy_getattr

if TYPE_CHECKING:
    from cdk_sagemaker_processing.workflow.processing_schedule import ProcessingSchedule
    from cdk_sagemaker_processing.workflow.processing_workflow import ProcessingWorkflow
    from cdk_sagemaker_processing.workflow.step import WorkflowStep

__all__ = ["ProcessingSchedule", "ProcessingWorkflow", "WorkflowStep"]

if not TYPE_CHECKING:  # a type checker would accept any name
    __getattr__ = lazy_getattr(
        __name__,
        {
            "ProcessingSchedule": ".processing_schedule",
            "ProcessingWorkflow": ".processing_workflow",
            "WorkflowStep": ".step",
        },
    )
