"""Operate deployed pipelines by boto3: put a file in, follow what becomes of it, read what comes out."""

from smproc.operations.dead_letters import DeadLetter, Trigger
from smproc.operations.errors import (
    NoExecutionStartedError,
    NothingToRetryError,
    OperationError,
    PipelineNotFoundError,
    RunTimedOutError,
)
from smproc.operations.executions import failed_execution_of
from smproc.operations.outputs import OutputFile, output_files
from smproc.operations.pipeline import Pipeline, Upload
from smproc.operations.watch import LOG_GROUP, Job, Run, watch

__all__ = [
    "LOG_GROUP",
    "DeadLetter",
    "Job",
    "NoExecutionStartedError",
    "NothingToRetryError",
    "OperationError",
    "OutputFile",
    "Pipeline",
    "PipelineNotFoundError",
    "Run",
    "RunTimedOutError",
    "Trigger",
    "Upload",
    "failed_execution_of",
    "output_files",
    "watch",
]
