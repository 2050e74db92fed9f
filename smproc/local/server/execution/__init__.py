"""The execution of a job on this machine: inputs, ``/opt/ml``, logs, outputs, status."""

from smproc.local.server.execution.clients import AwsClients, Credentials
from smproc.local.server.execution.credentials import CredentialsEndpoint
from smproc.local.server.execution.errors import JobClientError
from smproc.local.server.execution.executor import JobExecutor
from smproc.local.server.execution.job import Job
from smproc.local.server.execution.job_parts import InjectedFault, JobStatus
from smproc.local.server.execution.processing_job import ProcessingJob
from smproc.local.server.execution.training_job import TrainingJob

__all__ = [
    "AwsClients",
    "Credentials",
    "CredentialsEndpoint",
    "InjectedFault",
    "Job",
    "JobClientError",
    "JobExecutor",
    "JobStatus",
    "ProcessingJob",
    "TrainingJob",
]
