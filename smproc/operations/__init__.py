"""Operations on deployed pipelines through boto3: find them, follow an upload, read outputs, run again what failed."""

from smproc.operations.backfills import Backfill, Backfills
from smproc.operations.costs import LEFT_OUT, Cost, CostLine, cost_of_jobs, sums
from smproc.operations.dead_letters import DeadLetter, chosen, dead_letters, discard, redrive
from smproc.operations.doctor import Finding, examine
from smproc.operations.downloads import Download, download
from smproc.operations.errors import (
    BackfillRefusedError,
    DeadLetterNotFoundError,
    ExecutionNotFoundError,
    JobFailedError,
    JobNotFoundError,
    NoExecutionStartedError,
    NothingToRetryError,
    OperationError,
    OutputNotFoundError,
    OutputUnreadableError,
    PipelineNotFoundError,
    RedriveRefusedError,
    RunTimedOutError,
)
from smproc.operations.estimates import Estimate, estimate
from smproc.operations.execution_lists import Execution
from smproc.operations.histories import read_execution
from smproc.operations.jobs import ENDED_STATUSES, ProcessingJob, StepJob, hosts_of, jobs_in, reason_of
from smproc.operations.ledger import Ledger
from smproc.operations.logs import TAIL_MAX, JobLog, LogLine
from smproc.operations.obstacles import check_starts
from smproc.operations.outputs import OutputFile, output_directories, output_files, outputs_of_jobs
from smproc.operations.pauses import Pause, pause, resume
from smproc.operations.pipeline import Pipeline, Upload, choose_pipeline, find_pipeline, find_pipelines
from smproc.operations.pipeline_executions import (
    STATUSES,
    ExecutionDetails,
    execution_details,
    executions_of,
    find_execution,
    last_success,
    redrive_execution,
    stop_execution,
)
from smproc.operations.pipeline_jobs import JobRecord, cost_of, jobs_of
from smproc.operations.pipeline_logs import PipelineLine, PipelineLog
from smproc.operations.previews import Preview, preview
from smproc.operations.retries import Retry, RetryPlan, RetryProgress, follow_retries, plan_retries, retry, send_retries
from smproc.operations.schedules import Schedule, schedule_named, schedules_of
from smproc.operations.state_machines import choose, deployed_state_machine, state_machine_of_stack
from smproc.operations.status import PipelineDetails, PipelineStatus, details_of, status_of
from smproc.operations.traces import ObjectState, Trace, trace_in
from smproc.operations.tracing import trace
from smproc.operations.uploads import STATES, UploadReader, UploadRecord
from smproc.operations.watch import Job, Run, default_start_timeout, uses_local_aws, watch

__all__ = [
    "ENDED_STATUSES",
    "LEFT_OUT",
    "STATES",
    "STATUSES",
    "TAIL_MAX",
    "Backfill",
    "BackfillRefusedError",
    "Backfills",
    "Cost",
    "CostLine",
    "DeadLetter",
    "DeadLetterNotFoundError",
    "Download",
    "Estimate",
    "Execution",
    "ExecutionDetails",
    "ExecutionNotFoundError",
    "Finding",
    "Job",
    "JobFailedError",
    "JobLog",
    "JobNotFoundError",
    "JobRecord",
    "Ledger",
    "LogLine",
    "NoExecutionStartedError",
    "NothingToRetryError",
    "ObjectState",
    "OperationError",
    "OutputFile",
    "OutputNotFoundError",
    "OutputUnreadableError",
    "Pause",
    "Pipeline",
    "PipelineDetails",
    "PipelineLine",
    "PipelineLog",
    "PipelineNotFoundError",
    "PipelineStatus",
    "Preview",
    "ProcessingJob",
    "RedriveRefusedError",
    "Retry",
    "RetryPlan",
    "RetryProgress",
    "Run",
    "RunTimedOutError",
    "Schedule",
    "StepJob",
    "Trace",
    "Upload",
    "UploadReader",
    "UploadRecord",
    "check_starts",
    "choose",
    "choose_pipeline",
    "chosen",
    "cost_of",
    "cost_of_jobs",
    "dead_letters",
    "default_start_timeout",
    "deployed_state_machine",
    "details_of",
    "discard",
    "download",
    "estimate",
    "examine",
    "execution_details",
    "executions_of",
    "find_execution",
    "find_pipeline",
    "find_pipelines",
    "follow_retries",
    "hosts_of",
    "jobs_in",
    "jobs_of",
    "last_success",
    "output_directories",
    "output_files",
    "outputs_of_jobs",
    "pause",
    "plan_retries",
    "preview",
    "read_execution",
    "reason_of",
    "redrive",
    "redrive_execution",
    "resume",
    "retry",
    "schedule_named",
    "schedules_of",
    "send_retries",
    "state_machine_of_stack",
    "status_of",
    "stop_execution",
    "sums",
    "trace",
    "trace_in",
    "uses_local_aws",
    "watch",
]
