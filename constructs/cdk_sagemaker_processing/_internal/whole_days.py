"""The check of durations that services count in days."""

from __future__ import annotations

from aws_cdk import Duration

from cdk_sagemaker_processing.model import InvalidValueError

_SECONDS = 24 * 3600


def check_days(parameter: str, duration: Duration | None) -> None:
    """Check that a duration is a whole number of days, at least one; None and what is known only later pass.

    Raises:
        InvalidValueError: it is not.
    """
    if not isinstance(duration, Duration) or duration.is_unresolved():
        return
    seconds = duration.to_milliseconds() / 1000
    if seconds < _SECONDS or seconds % _SECONDS:
        raise InvalidValueError(
            parameter,
            f"{seconds / _SECONDS:g} days",
            "be a whole number of days, at least one",
            "for example Duration.days(30)",
        )
