"""The state of an alarm, from the datapoints of its evaluation range.

CloudWatch reads more datapoints than the alarm's evaluation periods. If enough of them exist it compares the most
recent ones; otherwise it fills up with missing ones, as few as possible.

See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from smproc.local.server.alarms.alarm import Alarm

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]

# What AWS reads besides the evaluation periods: its page gives a range of 5 for 3 periods.
_EXTRA_PERIODS = 2
_MINUTE_IN_SECONDS = 60
_COMPARED = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}


@dataclass(frozen=True, slots=True)
class Window:
    """A period of time.

    Attributes:
        start: its first second, since the epoch.
        end: the second after its last.
    """

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Datapoint:
    """A value of the metric that an alarm watches.

    Attributes:
        start: the start of its period, in seconds since the epoch.
        value: the value; None if it is missing.
    """

    start: float
    value: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state that an alarm should have.

    Attributes:
        state: the state.
        reason: StateReason.
        reason_data: StateReasonData.
    """

    state: State
    reason: str
    reason_data: dict[str, Any]


def windows(alarm: Alarm, now: float, *, including_current: bool) -> list[Window]:
    """Return the periods of an alarm's evaluation range, the oldest first.

    Args:
        alarm: the alarm.
        now: the time, in seconds since the epoch.
        including_current: whether the last period includes the minute that has not ended. Its end is known too early
            for a comparison with a lower limit.
    """
    step = min(alarm.period, _MINUTE_IN_SECONDS)
    end = now // step * step + (step if including_current else 0)
    count = alarm.evaluation_periods + _EXTRA_PERIODS
    return [Window(end - age * alarm.period, end - (age - 1) * alarm.period) for age in range(count, 0, -1)]


def evaluate(alarm: Alarm, datapoints: Sequence[Datapoint], state: str, now: float) -> Verdict | None:
    """Return the state that an alarm should have; None if it keeps the one that it has.

    Args:
        alarm: the alarm.
        datapoints: those of the evaluation range, the oldest first.
        state: the alarm's present state.
        now: the time, in seconds since the epoch.
    """
    real = [point for point in datapoints if point.value is not None][-alarm.evaluation_periods :]
    breaching = [point for point in real if point.value is not None and alarm.breaches(point.value)]
    filled = alarm.evaluation_periods - len(real)
    new: State | None
    if len(breaching) >= alarm.datapoints_to_alarm:
        new = "ALARM"
    elif filled and alarm.missing == "breaching":
        new = "ALARM" if len(breaching) + filled >= alarm.datapoints_to_alarm else "OK"
    elif not filled or alarm.missing == "notBreaching" or len(breaching) < len(real):
        new = "OK"
    elif alarm.missing == "ignore":
        new = None
    elif not real:
        new = "INSUFFICIENT_DATA"
    else:
        # A datapoint alone raises the alarm only when those after it have stayed away for long enough.
        oldest_age = len(datapoints) - datapoints.index(breaching[0])
        new = "ALARM" if oldest_age >= alarm.datapoints_to_alarm else None
    if new is None or new == state:
        return None
    considered = breaching if new == "ALARM" else [point for point in real if point not in breaching]
    reason = _reason(alarm, new, considered, len(real), filled, state)
    return Verdict(new, reason, _reason_data(alarm, considered, real, now))


def _reason(alarm: Alarm, new: State, considered: Sequence[Datapoint], compared: int, filled: int, old: str) -> str:
    if new == "INSUFFICIENT_DATA":
        return f"Insufficient Data: {_counted(filled, 'datapoint')} {_were(filled)} unknown."
    parts = []
    if not compared:
        parts.append(f"no datapoints were received for {_counted(alarm.evaluation_periods, 'period')}")
    if considered:
        latest_first = list(reversed(considered))
        values = ", ".join(f"{point.value} ({_short(point.start)})" for point in latest_first)
        negation = "" if new == "ALARM" else "not "
        parts.append(
            f"{len(considered)} out of the last {compared} datapoints [{values}] {_were(len(considered))} {negation}"
            f"{_COMPARED[alarm.comparison]} the threshold ({alarm.threshold})"
        )
    if filled and alarm.missing in ("breaching", "notBreaching"):
        treated = "Breaching" if alarm.missing == "breaching" else "NonBreaching"
        parts.append(f"{_counted(filled, 'missing datapoint')} {_were(filled)} treated as [{treated}]")
    minimum = ""
    if considered and old != "INSUFFICIENT_DATA":
        needed = alarm.datapoints_to_alarm
        if new == "OK":
            needed = alarm.evaluation_periods - alarm.datapoints_to_alarm + 1
        minimum = f" (minimum {_counted(needed, 'datapoint')} for {old} -> {new} transition)"
    return f"Threshold Crossed: {' and '.join(parts)}{minimum}."


def _reason_data(
    alarm: Alarm, considered: Sequence[Datapoint], real: Sequence[Datapoint], now: float
) -> dict[str, Any]:
    data: dict[str, Any] = {"version": "1.0", "queryDate": timestamp(now)}
    if real:
        data["startDate"] = timestamp(real[0].start)
    if alarm.statistic is not None:
        data["statistic"] = alarm.statistic
    return data | {
        "period": alarm.period,
        "recentDatapoints": [point.value for point in real],
        "threshold": alarm.threshold,
        "evaluatedDatapoints": [
            {"timestamp": timestamp(point.start), "value": point.value} for point in reversed(considered)
        ],
    }


def timestamp(seconds: float) -> str:
    """Return a time as CloudWatch writes it into reasons and events.

    Args:
        seconds: the seconds since the epoch.
    """
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat(timespec='milliseconds')[:23]}+0000"


def _short(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%d/%m/%y %H:%M:%S}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
