"""Operate deployed pipelines by boto3: put a file in, follow what becomes of it, read what comes out."""

from smproc.operate._errors import NoExecutionStarted, NothingToRetry, OperationError, PipelineNotFound, RunTimedOut
from smproc.operate._outputs import OutputFile, output_files
from smproc.operate._pipeline import Pipeline, Upload
from smproc.operate._run import LOG_GROUP, Job, Run, watch
from smproc.operate._trigger import DeadLetter, Trigger, failed_execution_of

__all__ = [
    "LOG_GROUP",
    "DeadLetter",
    "Job",
    "NoExecutionStarted",
    "NothingToRetry",
    "OperationError",
    "OutputFile",
    "Pipeline",
    "PipelineNotFound",
    "Run",
    "RunTimedOut",
    "Trigger",
    "Upload",
    "failed_execution_of",
    "output_files",
    "watch",
]
