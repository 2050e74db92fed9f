"""The times of EventBridge Scheduler's expressions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from smproc.local.server.scheduler import Schedules
from smproc.local.server.scheduler.times import Times


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "zone", "after", "expected"),
    [
        ("rate(5 minutes)", "UTC", "2026-01-01T00:00:00", "2026-01-01T00:05:00"),
        ("rate(5 minutes)", "UTC", "2026-01-01T00:07:30", "2026-01-01T00:10:00"),
        ("rate(1 day)", "UTC", "2025-12-30T00:00:00", "2026-01-01T00:00:00"),
        ("cron(0 8 * * ? *)", "UTC", "2026-01-01T09:00:00", "2026-01-02T08:00:00"),
        # Eight in New York is 13:00 in winter, 12:00 in summer.
        ("cron(0 8 * * ? *)", "America/New_York", "2026-01-01T09:00:00", "2026-01-01T13:00:00"),
        ("cron(0 8 * * ? *)", "America/New_York", "2026-07-01T09:00:00", "2026-07-01T12:00:00"),
        ("cron(0 12 ? * MON-FRI *)", "UTC", "2026-01-02T12:00:00", "2026-01-05T12:00:00"),
        ("cron(0 0 L * ? *)", "UTC", "2026-02-01T00:00:00", "2026-02-28T00:00:00"),
        # Half past two does not exist on that day.
        ("cron(30 2 * * ? *)", "Europe/Berlin", "2026-03-28T12:00:00", "2026-03-29T01:30:00"),
        ("at(2026-03-01T00:00:00)", "Asia/Tokyo", "2026-01-01T00:00:00", "2026-02-28T15:00:00"),
        ("at(2026-03-01T00:00:00)", "UTC", "2026-03-01T00:00:00", None),
    ],
)
def test_the_next_time(expression: str, zone: str, after: str, expected: str | None) -> None:
    times = Times.parse(expression, zone, moment("2026-01-01T00:00:00"))
    assert times.after(moment(after)) == (None if expected is None else moment(expected))


def test_of_missed_times_the_last_one_counts() -> None:
    times = Times.parse("rate(1 hour)", "UTC", moment("2026-01-01T00:00:00"))
    assert times.latest(moment("2026-01-01T00:00:00"), moment("2026-01-01T05:30:00")) == moment("2026-01-01T05:00:00")
    assert times.latest(moment("2026-01-01T05:00:00"), moment("2026-01-01T05:30:00")) is None


def test_the_missed_times_of_a_disabled_schedule_are_not_computed() -> None:
    # An expression that nothing can parse shows that it is not read.
    disabled = {"State": "DISABLED", "ScheduleExpression": "never", "EndDate": 0}
    assert not Schedules().fire_if_due(disabled, moment("2026-01-01T00:00:00"))
    assert set(disabled) == {"State", "ScheduleExpression", "EndDate"}
