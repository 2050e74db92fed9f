"""The errors of operating a pipeline.

::

    RuntimeError
    └── OperationError                   one sentence for the person who operates the pipeline
        ├── PipelineNotFoundError        there is no such pipeline or stack, or there are several
        ├── ExecutionNotFoundError       there is no such execution, or there are several
        ├── RedriveRefusedError          an execution cannot go on from the step that failed
        ├── JobNotFoundError             there is no such job
        ├── JobFailedError               a job failed or was stopped while somebody waited for it
        ├── OutputNotFoundError          there is no such output, or nothing has succeeded yet
        ├── OutputUnreadableError        an output is not what its name says, or needs a package to read it
        ├── NoExecutionStartedError      an object is in S3, and no execution started for it
        ├── RunTimedOutError             an execution did not end within the caller's time limit
        ├── DeadLetterNotFoundError      there is no such dead letter, or there are several
        ├── NothingToRetryError          the execution to retry has not failed, or does not exist
        └── BackfillRefusedError         a backfill cannot be started, stopped or resumed now
"""

from __future__ import annotations


def denied_object(uri: str) -> str:
    """Return the sentence for an object that may not be read, as AWS words that for other requests."""
    return f"not authorized to perform: s3:GetObject on {uri}"


class OperationError(RuntimeError):
    """An error that the person who operates a pipeline has to know; the message is one sentence."""


class PipelineNotFoundError(OperationError):
    """There is no such pipeline or stack, or there are several."""


class ExecutionNotFoundError(OperationError):
    """There is no such execution, or there are several."""


class RedriveRefusedError(OperationError):
    """An execution cannot go on from the step that failed."""


class JobNotFoundError(OperationError):
    """There is no such processing job."""


class JobFailedError(OperationError):
    """A job failed or was stopped while somebody waited for it."""


class OutputNotFoundError(OperationError):
    """There is no such output, or nothing has succeeded yet."""


class OutputUnreadableError(OperationError):
    """An output is not what its name says, or needs a package to read it."""


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
