"""Operations on deployed pipelines through boto3: find them, follow an upload, read outputs, run again what failed."""

from smproc.operations.backfills import Backfill, Backfills
from smproc.operations.dead_letters import DeadLetter, chosen, dead_letters, discard, redrive
from smproc.operations.doctor import Finding, examine
from smproc.operations.errors import (
    BackfillRefusedError,
    DeadLetterNotFoundError,
    JobFailedError,
    JobNotFoundError,
    NoExecutionStartedError,
    NothingToRetryError,
    OperationError,
    PipelineNotFoundError,
    RunTimedOutError,
    UploadNotFoundError,
)
from smproc.operations.estimates import Estimate, estimate
from smproc.operations.histories import read_execution
from smproc.operations.jobs import ProcessingJob, StepJob, jobs_in
from smproc.operations.ledger import Ledger
from smproc.operations.logs import JobLog, LogLine
from smproc.operations.outputs import OutputFile, output_files
from smproc.operations.pauses import Pause, pause, resume
from smproc.operations.pipeline import Pipeline, Upload, choose_pipeline, find_pipeline, find_pipelines
from smproc.operations.retries import (
    Retry,
    RetryPlan,
    RetryProgress,
    follow_retries,
    plan_retries,
    retry,
    send_retries,
)
from smproc.operations.schedules import Schedule, schedule_named, schedules_of
from smproc.operations.state_machines import choose, state_machine_of_stack
from smproc.operations.status import PipelineDetails, PipelineStatus, details_of, status_of
from smproc.operations.traces import ObjectState, Trace, trace, trace_in
from smproc.operations.uploads import STATES, Execution, UploadReader, UploadRecord
from smproc.operations.watch import Job, Run, default_start_timeout, uses_local_aws, watch

__all__ = [
    "STATES",
    "Backfill",
    "BackfillRefusedError",
    "Backfills",
    "DeadLetter",
    "DeadLetterNotFoundError",
    "Estimate",
    "Execution",
    "Finding",
    "Job",
    "JobFailedError",
    "JobLog",
    "JobNotFoundError",
    "Ledger",
    "LogLine",
    "NoExecutionStartedError",
    "NothingToRetryError",
    "ObjectState",
    "OperationError",
    "OutputFile",
    "Pause",
    "Pipeline",
    "PipelineDetails",
    "PipelineNotFoundError",
    "PipelineStatus",
    "ProcessingJob",
    "Retry",
    "RetryPlan",
    "RetryProgress",
    "Run",
    "RunTimedOutError",
    "Schedule",
    "StepJob",
    "Trace",
    "Upload",
    "UploadNotFoundError",
    "UploadReader",
    "UploadRecord",
    "choose",
    "choose_pipeline",
    "chosen",
    "dead_letters",
    "default_start_timeout",
    "details_of",
    "discard",
    "estimate",
    "examine",
    "find_pipeline",
    "find_pipelines",
    "follow_retries",
    "jobs_in",
    "output_files",
    "pause",
    "plan_retries",
    "read_execution",
    "redrive",
    "resume",
    "retry",
    "schedule_named",
    "schedules_of",
    "send_retries",
    "state_machine_of_stack",
    "status_of",
    "trace",
    "trace_in",
    "uses_local_aws",
    "watch",
]
