"""Operations on deployed pipelines through boto3: upload a file, follow its execution, read its outputs, redrive."""

from smproc.operations.backfills import Backfill, Backfills
from smproc.operations.dead_letters import DeadLetter, Trigger
from smproc.operations.errors import (
    BackfillRefusedError,
    NoExecutionStartedError,
    NothingToRetryError,
    OperationError,
    PipelineNotFoundError,
    RunTimedOutError,
)
from smproc.operations.estimates import Estimate, estimate
from smproc.operations.executions import failed_execution_of
from smproc.operations.histories import read_execution
from smproc.operations.outputs import OutputFile, output_files
from smproc.operations.pipeline import Pipeline, Upload
from smproc.operations.schedules import Schedule, schedule_named, schedules_of
from smproc.operations.state_machines import choose, state_machine_of_stack
from smproc.operations.watch import Job, Run, default_start_timeout, uses_local_aws, watch

__all__ = [
    "Backfill",
    "BackfillRefusedError",
    "Backfills",
    "DeadLetter",
    "Estimate",
    "Job",
    "NoExecutionStartedError",
    "NothingToRetryError",
    "OperationError",
    "OutputFile",
    "Pipeline",
    "PipelineNotFoundError",
    "Run",
    "RunTimedOutError",
    "Schedule",
    "Trigger",
    "Upload",
    "choose",
    "default_start_timeout",
    "estimate",
    "failed_execution_of",
    "output_files",
    "read_execution",
    "schedule_named",
    "schedules_of",
    "state_machine_of_stack",
    "uses_local_aws",
    "watch",
]
