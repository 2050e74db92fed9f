"""Why a job fails before or after its program."""

from __future__ import annotations


class JobFailure(Exception):  # noqa: N818 - a job's ending, not an error of ours
    """Ends the job as Failed; the message is its FailureReason."""


class ClientError(JobFailure):
    """The caller's data, image or permissions are at fault."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"ClientError: {reason}")


class JobInterrupted(Exception):  # noqa: N818 - a job's ending, not an error of ours
    """The job was asked to stop, or ran out of time, while it was not running its program."""
