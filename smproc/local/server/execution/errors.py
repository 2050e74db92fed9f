"""Why a job fails before or after its program."""

from __future__ import annotations


class JobFailedError(Exception):
    """Ends the job as Failed; the message is its FailureReason."""


class JobClientError(JobFailedError):
    """The caller's data, image or permissions are at fault."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"ClientError: {reason}")


class JobInterruptedError(Exception):
    """The job was asked to stop, or ran out of time, while it was not running its program."""
