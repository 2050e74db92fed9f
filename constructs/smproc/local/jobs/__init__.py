"""A processing job's life on this machine: inputs, ``/opt/ml``, logs, outputs, status."""

from smproc.local.jobs._aws import AwsClients, Credentials
from smproc.local.jobs._credentials import CredentialsEndpoint
from smproc.local.jobs._failure import ClientError
from smproc.local.jobs._job import Injected, JobStatus, ProcessingJob
from smproc.local.jobs._life import JobLife
from smproc.local.jobs._opt_ml import inside_processing

__all__ = [
    "AwsClients",
    "ClientError",
    "Credentials",
    "CredentialsEndpoint",
    "Injected",
    "JobLife",
    "JobStatus",
    "ProcessingJob",
    "inside_processing",
]
