"""The times of a schedule, from its expression.

See: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from smproc.local.server import patches

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")


class InvalidExpressionError(ValueError):
    """An expression or a time zone that Scheduler refuses; the message is that of the refusal."""


@dataclass(frozen=True, slots=True)
class Times:
    """The times of a schedule.

    Attributes:
        expression: ``at(...)``, ``rate(...)`` or ``cron(...)``.
        zone: the time zone of ``at`` and ``cron``.
        anchor: the first time of ``rate``.
    """

    expression: str
    zone: ZoneInfo
    anchor: datetime

    @classmethod
    def parse(cls, expression: str, zone: str, anchor: datetime) -> Times:
        """Return the times of an expression.

        Args:
            expression: the expression.
            zone: the name of the time zone, such as ``Europe/Berlin``.
            anchor: the first time of ``rate``: when the schedule was created, or its start date.

        Raises:
            InvalidExpressionError: the expression or the zone is not valid.
        """
        try:
            times = cls(expression.strip(), ZoneInfo(zone), anchor)
        except (OSError, ValueError, KeyError) as error:
            raise InvalidExpressionError(f"Invalid Schedule Expression Timezone {zone}.") from error
        rate = _RATE.fullmatch(times.expression)
        is_valid = int(rate[1]) > 0 if rate else times.is_one_time or patches.cron_fields(times.expression) is not None
        problem = InvalidExpressionError(f"Invalid Schedule Expression {expression}.")
        if not is_valid:
            raise problem
        try:
            times.after(anchor)
        except ValueError as error:  # a day that no month has
            raise problem from error
        return times

    @property
    def is_one_time(self) -> bool:
        """True if there is one time only."""
        return _AT.fullmatch(self.expression) is not None

    def after(self, moment: datetime) -> datetime | None:
        """Return the first time after a moment, None if there is none.

        Args:
            moment: the moment, with a time zone.
        """
        if match := _AT.fullmatch(self.expression):
            time = datetime.fromisoformat(match[1]).replace(tzinfo=self.zone).astimezone(UTC)
            return time if time > moment else None
        if match := _RATE.fullmatch(self.expression):
            interval = timedelta(**{f"{match[2]}s": int(match[1])})
            if moment < self.anchor:
                return self.anchor
            return self.anchor + ((moment - self.anchor) // interval + 1) * interval
        fields = patches.cron_fields(self.expression)
        # The fields are those of the zone's clock; what the clock skips in spring happens an hour later.
        clock = moment.astimezone(self.zone).replace(tzinfo=UTC)
        on_clock = None if fields is None else patches.next_cron_time(fields, clock)
        return None if on_clock is None else on_clock.replace(tzinfo=self.zone).astimezone(UTC)

    def latest(self, after: datetime, until: datetime) -> datetime | None:
        """Return the last time after a moment and until another one, None if there is none.

        Args:
            after: the moment, which itself does not count.
            until: the other moment, which counts.
        """
        found, time = None, self.after(after)
        while time is not None and time <= until:
            found, time = time, self.after(time)
        return found
