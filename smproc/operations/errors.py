"""The errors of operating a pipeline.

::

    RuntimeError
    └── OperationError                   one sentence for the person who operates the pipeline
        ├── PipelineNotFoundError        the stack does not exist, or does not name its pipeline
        ├── NoExecutionStartedError      an object is in S3, and no execution started for it
        ├── RunTimedOutError             an execution did not end within the caller's time limit
        ├── NothingToRetryError          the execution to retry has not failed, or does not exist
        └── BackfillRefusedError         a backfill cannot be started, stopped or resumed now
"""

from __future__ import annotations


class OperationError(RuntimeError):
    """An error that the person who operates a pipeline has to know; the message is one sentence."""


class PipelineNotFoundError(OperationError):
    """The stack does not exist, or does not name its pipeline."""


class NoExecutionStartedError(OperationError):
    """An object is in S3, and no execution started for it."""


class RunTimedOutError(OperationError):
    """An execution did not end within the caller's time limit."""


class NothingToRetryError(OperationError):
    """The execution to retry has not failed, or does not exist."""


class BackfillRefusedError(OperationError):
    """A backfill cannot be started, stopped or resumed now."""
