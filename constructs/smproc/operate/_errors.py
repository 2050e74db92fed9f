"""What can go wrong for somebody who operates a pipeline.

::

    RuntimeError
    └── OperationError              one sentence for people
        ├── PipelineNotFound        the stack is not there, or does not say where its pipeline is
        ├── NoExecutionStarted      an object is in S3, and nothing started for it
        ├── RunTimedOut             it started, and did not end in the time that the caller has
        └── NothingToRetry          what shall run again has not failed, or is not there
"""

from __future__ import annotations


class OperationError(RuntimeError):
    """Something that a person who operates a pipeline has to know; the message is one sentence."""


class PipelineNotFound(OperationError):  # noqa: N818 - reads as the sentence it is
    """The stack is not there, or does not say where its pipeline is."""


class NoExecutionStarted(OperationError):  # noqa: N818 - the same
    """An object is in S3, and no execution started for it."""


class RunTimedOut(OperationError):  # noqa: N818 - the same
    """An execution did not end in the time that the caller has."""


class NothingToRetry(OperationError):  # noqa: N818 - the same
    """What shall run again has not failed, or is not there."""
