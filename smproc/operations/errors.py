"""What can go wrong for somebody who operates a pipeline.

::

    RuntimeError
    └── OperationError              one sentence for people
        ├── PipelineNotFoundError        the stack is not there, or does not say where its pipeline is
        ├── NoExecutionStartedError      an object is in S3, and nothing started for it
        ├── RunTimedOutError             it started, and did not end in the time that the caller has
        └── NothingToRetryError          what shall run again has not failed, or is not there
"""

from __future__ import annotations


class OperationError(RuntimeError):
    """Something that a person who operates a pipeline has to know; the message is one sentence."""


class PipelineNotFoundError(OperationError):
    """The stack is not there, or does not say where its pipeline is."""


class NoExecutionStartedError(OperationError):
    """An object is in S3, and no execution started for it."""


class RunTimedOutError(OperationError):
    """An execution did not end in the time that the caller has."""


class NothingToRetryError(OperationError):
    """What shall run again has not failed, or is not there."""
