"""The expressions that EventBridge Scheduler accepts, by its documentation.

See: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html and
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

from __future__ import annotations

import pytest

from cdk_sagemaker_processing.model import InvalidValueError
from cdk_sagemaker_processing.model.schedule_expressions import check_schedule_expression


@pytest.mark.parametrize(
    "expression",
    [
        "cron(15 10 ? * 6L 2022-2023)",
        "cron(0 10 * * ? *)",
        "cron(15 12 * * ? *)",
        "cron(0 18 ? * MON-FRI *)",
        "cron(0 8 1 * ? *)",
        "cron(0/15 * * * ? *)",
        "cron(0/10 * ? * MON-FRI *)",
        "cron(0/5 8-17 ? * mon-fri *)",
        "cron(0 9 ? * 2#1 *)",
        "cron(0 9 ? * MON#2,FRI#4 *)",
        "cron(0 9 L * ? *)",
        "cron(0 9 3W,LW JAN,JUN-AUG/2 ? 2027,2029)",
        "cron(*/5 * ? * L 1970/2)",
        "cron(0 22-4 ? * FRI-MON *)",
        "rate(1 minute)",
        "rate(35 days)",
        "rate(1 hours)",
        "at(2022-11-20T13:00:00)",
        "cron(${Token[TOKEN.1]} 10 * * ? *)",
    ],
)
@pytest.mark.parametrize("time_zone", [None, "Europe/Berlin", "UTC", "${Token[TOKEN.2]}"])
def test_expressions_of_the_documentation_are_accepted(expression: str, time_zone: str | None) -> None:
    check_schedule_expression("schedule", expression, time_zone)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("cron(0 99 * * ? *)", "have hours from 0 to 23, got '99' there"),
        ("cron(60 1 * * ? *)", "have minutes from 0 to 59, got '60' there"),
        ("cron(0 1 0 * ? *)", "have day-of-month from 1 to 31, got '0' there"),
        ("cron(0 1 32W * ? *)", "have day-of-month from 1 to 31"),
        ("cron(0 1 * 13 ? *)", "have month from 1 to 12, or JAN to DEC, got '13' there"),
        ("cron(0 1 ? * 0 *)", "have day-of-week from 1 to 7, or SUN to SAT, got '0' there"),
        ("cron(0 1 ? * MONDAY *)", "have day-of-week from 1 to 7, or SUN to SAT, got 'MONDAY' there"),
        ("cron(0 1 ? * MON#6 *)", "have day-of-week"),
        ("cron(0 1 * * ? 1969)", "have year from 1970 to 2199"),
        ("cron(0/0 1 * * ? *)", "have minutes"),
        ("cron(5- 1 * * ? *)", "have minutes"),
        ("cron(1,,2 1 * * ? *)", "have minutes"),
        ("cron(? 1 * * ? *)", "have minutes"),
        ("cron(0 1 * * * *)", "have '?' in one of day-of-month and day-of-week, and days in the other"),
        ("cron(0 1 ? * ? *)", "have '?' in one of day-of-month and day-of-week"),
        ("cron(0 1 1 * MON *)", "have '?' in one of day-of-month and day-of-week"),
        ("cron(0 2 * * *)", "have six fields (minutes, hours, day-of-month, month, day-of-week, year), got 5"),
        ("cron()", "have six fields"),
        ("rate(0 minutes)", "have a rate of at least 1"),
        ("rate(5 weeks)", "be cron(...), rate(...) or at(...), as in 'cron(0 2 * * ? *)'"),
        ("rate(1.5 hours)", "be cron(...), rate(...) or at(...)"),
        ("at(2027-02-30T00:00:00)", "have a date that exists"),
        ("at(2027-02-03T00:00:00Z)", "be cron(...), rate(...) or at(...)"),
        ("0 2 * * ? *", "be cron(...), rate(...) or at(...)"),
        ("", "be cron(...), rate(...) or at(...)"),
    ],
)
def test_other_expressions_are_refused_with_the_part_that_is_wrong(expression: str, message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        check_schedule_expression("schedule", expression, None)
    assert f"schedule must {message}" in str(caught.value)


@pytest.mark.parametrize("zone", ["Berlin", "Foo/Bar", "", "../etc/passwd", "GMT+25"])
def test_a_time_zone_that_nobody_knows_is_refused(zone: str) -> None:
    with pytest.raises(InvalidValueError, match="time zone of schedule must be a name of the IANA time zone database"):
        check_schedule_expression("schedule", "rate(1 hour)", zone)
