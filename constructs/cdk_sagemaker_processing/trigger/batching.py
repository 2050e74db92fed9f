"""The size of batches and the number of concurrent executions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration

from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError, is_unresolved
from cdk_sagemaker_processing.trigger.group_by import GroupBy
from cdk_sagemaker_processing.trigger.job_input import BATCH_FIELDS, OBJECT_FIELDS

BATCH_SIZE_MAX = 100_000
SLOTS_MAX = 1000
REPLAYS_MAX = 1000
_WINDOW_DEFAULT_SECONDS = 300
_WINDOW_MIN_SECONDS, _WINDOW_MAX_SECONDS = 60, 24 * 3600
DEFAULT_LOG_LINES = 20
_LOG_LINES_MAX = 100
_RECONCILE_MIN_SECONDS, _RECONCILE_MAX_SECONDS = 900, 30 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """The parameters of the same names of `S3Trigger`, checked.

    Raises:
        InvalidValueError: a number out of its range.
        ConflictingValuesError: a parameter of batches without batches.
    """

    batch_size: int = 1
    batch_window: Duration | None = None
    group_by: GroupBy | None = None
    max_concurrent_jobs: int | None = None
    max_replays: int = 50

    def __post_init__(self) -> None:
        _check_number("batch_size", self.batch_size, 1, BATCH_SIZE_MAX, "1 starts an execution for each object")
        if self.max_concurrent_jobs is not None:
            _check_number("max_concurrent_jobs", self.max_concurrent_jobs, 1, SLOTS_MAX, "leave it out for no limit")
        _check_number(
            "max_replays", self.max_replays, 0, REPLAYS_MAX, "0 sends a whole failed batch to the dead-letter queue"
        )
        if self.group_by is not None and not isinstance(self.group_by, GroupBy):
            raise InvalidValueError("group_by", self.group_by, "be a GroupBy", "for example GroupBy(folders=1)")
        if self.batch_window is not None:
            self._check_window(self.batch_window)
        for parameter in ("batch_window", "group_by"):
            if self.batch_size == 1 and getattr(self, parameter) is not None:
                raise ConflictingValuesError(
                    f"{parameter} goes only with a batch_size above 1, got batch_size=1; pass a larger batch_size"
                )

    @staticmethod
    def _check_window(window: object) -> None:
        advice = "for example Duration.minutes(5)"
        if not isinstance(window, Duration):
            raise InvalidValueError("batch_window", window, "be an aws_cdk.Duration", advice)
        if window.is_unresolved():
            return
        seconds = window.to_seconds()
        if not _WINDOW_MIN_SECONDS <= seconds <= _WINDOW_MAX_SECONDS:
            rule = "be from one minute, the interval at which batches are checked, to one day"
            raise InvalidValueError("batch_window", f"{seconds:g} seconds", rule, advice)

    @property
    def execution_input_fields(self) -> tuple[str, ...]:
        """The fields of the input of each execution."""
        return BATCH_FIELDS if self.batch_size > 1 else OBJECT_FIELDS

    @property
    def window_in_seconds(self) -> float:
        """The time that the first object of a batch waits for others; 0 without batches, or if it is not known."""
        if self.batch_size == 1 or (self.batch_window is not None and self.batch_window.is_unresolved()):
            return 0
        return self.batch_window.to_seconds() if self.batch_window is not None else _WINDOW_DEFAULT_SECONDS

    def to_settings(self) -> dict[str, Any]:
        """Return the settings of the functions."""
        window = self.batch_window.to_seconds() if self.batch_window is not None else _WINDOW_DEFAULT_SECONDS
        return {
            "batch_size": self.batch_size,
            "batch_window": window,
            "max_replays": self.max_replays,
            **({"max_concurrent_jobs": self.max_concurrent_jobs} if self.max_concurrent_jobs is not None else {}),
            **({"group_by": self.group_by.to_settings()} if self.group_by is not None else {}),
        }


def check_reconcile(interval: object, *, start_on_upload: bool) -> None:
    """Check the interval at which a bucket is listed.

    Raises:
        InvalidValueError: it is no duration, or out of its range.
        ConflictingValuesError: uploads start no executions.
    """
    advice = "for example Duration.hours(6)"
    if interval is None:
        return
    if not isinstance(interval, Duration):
        raise InvalidValueError("reconcile", interval, "be an aws_cdk.Duration", advice)
    if interval.is_unresolved():
        raise InvalidValueError("reconcile", interval, "be known at synth", advice)
    seconds = interval.to_seconds()
    if not _RECONCILE_MIN_SECONDS <= seconds <= _RECONCILE_MAX_SECONDS:
        rule = "be from 15 minutes, which an event may be late, to 30 days"
        raise InvalidValueError("reconcile", f"{seconds:.0f} seconds", rule, advice)
    if not start_on_upload:
        raise ConflictingValuesError(
            "reconcile goes only with uploads that start executions, got start_on_upload=False; leave one of them out, "
            "and start `smproc backfill` when the objects of the bucket should be processed"
        )


def check_log_lines(count: object) -> None:
    """Check the number of log lines in the notification of a failure.

    Raises:
        InvalidValueError: it is no number, or out of its range.
    """
    _check_number("failure_log_lines", count, 0, _LOG_LINES_MAX, "the link in the notification leads to the whole log")


def _check_number(parameter: str, value: object, low: int, high: int, advice: str) -> None:
    if is_unresolved(value):
        raise InvalidValueError(parameter, value, "be known at synth", "the deployed resources depend on it")
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidValueError(parameter, value, f"be a whole number from {low} to {high}", advice)
