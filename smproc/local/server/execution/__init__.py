"""The execution of a processing job on this machine: inputs, ``/opt/ml``, logs, outputs, status."""

from smproc.local.server.execution.clients import AwsClients, Credentials
from smproc.local.server.execution.credentials import CredentialsEndpoint
from smproc.local.server.execution.errors import JobClientError
from smproc.local.server.execution.executor import JobExecutor
from smproc.local.server.execution.job import InjectedFault, JobStatus, ProcessingJob

__all__ = [
    "AwsClients",
    "Credentials",
    "CredentialsEndpoint",
    "InjectedFault",
    "JobClientError",
    "JobExecutor",
    "JobStatus",
    "ProcessingJob",
]
