"""The times in descriptions of jobs."""

from __future__ import annotations

from datetime import UTC, datetime


def time_of(value: object) -> datetime | None:
    """Return a time of a description; those in the history of an execution are milliseconds since 1970.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
    """
    if isinstance(value, datetime):
        return value
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value / 1000, tz=UTC)
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found
