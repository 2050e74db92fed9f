"""The errors of operating a pipeline.

::

    RuntimeError
    └── OperationError                   one sentence for the person who operates the pipeline
        ├── PipelineNotFoundError        there is no such pipeline or stack, or there are several
        ├── UploadNotFoundError          the pipeline knows no such upload
        ├── JobNotFoundError             there is no such job
        ├── JobFailedError               a job failed or was stopped while somebody waited for it
        ├── NoExecutionStartedError      an object is in S3, and no execution started for it
        ├── RunTimedOutError             an execution did not end within the caller's time limit
        ├── DeadLetterNotFoundError      there is no such dead letter, or there are several
        ├── NothingToRetryError          the execution to retry has not failed, or does not exist
        └── BackfillRefusedError         a backfill cannot be started, stopped or resumed now
"""

from __future__ import annotations


class OperationError(RuntimeError):
    """An error that the person who operates a pipeline has to know; the message is one sentence."""


class PipelineNotFoundError(OperationError):
    """There is no such pipeline or stack, or there are several."""


class UploadNotFoundError(OperationError):
    """The pipeline knows no such upload."""


class JobNotFoundError(OperationError):
    """There is no such processing job."""


class JobFailedError(OperationError):
    """A job failed or was stopped while somebody waited for it."""


class NoExecutionStartedError(OperationError):
    """An object is in S3, and no execution started for it."""


class RunTimedOutError(OperationError):
    """An execution did not end within the caller's time limit."""


class DeadLetterNotFoundError(OperationError):
    """There is no such dead letter, or there are several."""


class NothingToRetryError(OperationError):
    """The execution to retry has not failed, or does not exist."""


class BackfillRefusedError(OperationError):
    """A backfill cannot be started, stopped or resumed now."""
