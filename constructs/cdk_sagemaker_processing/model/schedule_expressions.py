"""The expressions of EventBridge Scheduler, which CloudFormation passes on unchecked.

See: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cdk_sagemaker_processing.model.errors import InvalidValueError
from cdk_sagemaker_processing.model.tokens import is_unresolved

_RATE = re.compile(r"rate\((\d+) (?:minute|hour|day)s?\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_CRON = re.compile(r"cron\((.*)\)")
_PAGE: Final = "https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html"


class _Field(NamedTuple):
    """A field of a cron expression: its name, its least and greatest numbers, their names, and what else it may be."""

    name: str
    least: int
    greatest: int
    names: Sequence[str] = ()
    special: str = r"(?!)"


_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS: Final = (
    _Field("minutes", 0, 59),
    _Field("hours", 0, 23),
    _Field("day-of-month", 1, 31, special=r"\?|L|LW|L-\d+|(?:[1-9]|[12]\d|3[01])W"),
    _Field("month", 1, 12, _MONTHS),
    _Field("day-of-week", 1, 7, _DAYS, special=rf"\?|L|(?:[1-7]|{'|'.join(_DAYS)})(?:L|#[1-5])"),
    _Field("year", 1970, 2199),
)
_DAY_OF_MONTH, _DAY_OF_WEEK = 2, 4


def check_schedule_expression(parameter: str, expression: str, time_zone: str | None) -> None:
    """Check that EventBridge Scheduler accepts an expression and its time zone.

    Args:
        parameter: the parameter's name for the message.
        expression: ``cron(...)``, ``rate(...)`` or ``at(...)``.
        time_zone: the name of a time zone, such as ``Europe/Berlin``; None for UTC.

    Raises:
        InvalidValueError: it does not; the message names the part.
    """
    if is_unresolved(expression):
        return
    problem = _problem(expression)
    if problem is not None:
        raise InvalidValueError(parameter, expression, problem, f"see {_PAGE}")
    if time_zone is not None and not is_unresolved(time_zone) and not _is_zone(time_zone):
        raise InvalidValueError(
            f"the time zone of {parameter}",
            time_zone,
            "be a name of the IANA time zone database",
            "for example TimeZone.EUROPE_BERLIN",
        )


def _problem(expression: str) -> str | None:
    """Return what an expression must be, and is not."""
    if match := _RATE.fullmatch(expression):
        return None if int(match[1]) > 0 else "have a rate of at least 1"
    if match := _AT.fullmatch(expression):
        return None if _is_time(match[1]) else "have a date that exists"
    if match := _CRON.fullmatch(expression):
        return _problem_of_cron(match[1].split())
    return "be cron(...), rate(...) or at(...), as in 'cron(0 2 * * ? *)', 'rate(6 hours)' or 'at(2027-01-31T02:00:00)'"


def _problem_of_cron(values: Sequence[str]) -> str | None:
    if len(values) != len(_FIELDS):
        names = ", ".join(field.name for field in _FIELDS)
        return f"have six fields ({names}), got {len(values)}"
    for field, value in zip(_FIELDS, values, strict=True):
        if not all(_is_part(field, part) for part in value.upper().split(",")):
            named = f", or {field.names[0]} to {field.names[-1]}" if field.names else ""
            return f"have {field.name} from {field.least} to {field.greatest}{named}, got {value!r} there"
    if (values[_DAY_OF_MONTH] == "?") == (values[_DAY_OF_WEEK] == "?"):
        return "have '?' in one of day-of-month and day-of-week, and days in the other"
    return None


def _is_part(field: _Field, part: str) -> bool:
    """Check whether a part is ``*``, a number, a range, or one of them with a step, or something special."""
    if re.fullmatch(field.special, part):
        return True
    start, slash, step = part.partition("/")
    if slash and not (step.isdecimal() and int(step) > 0):
        return False
    if start == "*":
        return True
    numbers = [_number(field, text) for text in start.split("-", 1)]
    return None not in numbers


def _number(field: _Field, text: str) -> int | None:
    if text in field.names:
        return field.least + field.names.index(text)
    if text.isdecimal() and field.least <= int(text) <= field.greatest:
        return int(text)
    return None


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo("Europe/London")
    except ZoneInfoNotFoundError:  # this machine has no database
        return True
    try:
        ZoneInfo(name)
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return False
    return True
