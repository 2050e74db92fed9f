"""The failures of a job before or after its program.

::

    Exception
    ├── JobFailedError           the job ends as Failed
    │   └── JobClientError       the caller's data, image or permissions are at fault
    └── JobInterruptedError      the job ends as Stopped
"""

from __future__ import annotations


class JobFailedError(Exception):
    """A failure that ends the job as Failed; the message is its FailureReason."""


class JobClientError(JobFailedError):
    """A failure that the caller's data, image or permissions cause.

    Args:
        reason: the FailureReason after ``ClientError: ``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"ClientError: {reason}")


class JobInterruptedError(Exception):
    """A stop or a time-out of the job while its program is not running."""
