"""Operate deployed pipelines by boto3: put a file in, follow what becomes of it, read what comes out."""

from smproc.operate._errors import NoExecutionStarted, OperationError, PipelineNotFound, RunTimedOut
from smproc.operate._outputs import OutputFile, output_files
from smproc.operate._pipeline import Pipeline, Upload
from smproc.operate._run import LOG_GROUP, Job, Run, watch

__all__ = [
    "LOG_GROUP",
    "Job",
    "NoExecutionStarted",
    "OperationError",
    "OutputFile",
    "Pipeline",
    "PipelineNotFound",
    "Run",
    "RunTimedOut",
    "Upload",
    "output_files",
    "watch",
]
