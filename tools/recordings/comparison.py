"""The comparison of an execution with its recording, aside from what the recording replaced by words."""

from __future__ import annotations

import enum
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

ROLE: Final = "arn:aws:iam::000000000000:role/recorded"
# Words for values that differ from run to run, and the word for the role, whose ARN the replay knows.
_PLACEHOLDER: Final = re.compile(r"<[^>]+>")
_TIMES: Final = ("date", "timestamp", "datetime")
_ROLE_WORD: Final = "snf_role_arn"
_ROUNDING: Final = 1e-9


class Verdict(enum.Enum):
    """The first difference of an execution from its recording."""

    SAME = "the same"
    EVENTS = "other events"
    OUTPUT = "another output"
    ERROR = "another error"
    STATUS = "another end"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The end of an execution.

    Attributes:
        event: the type of the last event.
        error: the error, if it failed.
        output: the output, if it succeeded; JSON texts inside are read.
        events: the types of all events.
    """

    event: str
    error: str | None
    output: object
    events: tuple[str, ...]


def recorded(case: Mapping[str, Any]) -> End:
    """Return the end that was recorded.

    Args:
        case: the recording.
    """
    return End(event=case["ends"], error=case["error"], output=read(case["output"]), events=tuple(case["history"]))


def compare(ours: End, theirs: End) -> Verdict:
    """Return how an execution differs from its recording.

    Args:
        ours: its end here.
        theirs: its end in AWS.
    """
    if ours.event != theirs.event:
        return Verdict.STATUS
    if not _same(ours.error, theirs.error):
        return Verdict.ERROR
    if not _same(ours.output, theirs.output):
        return Verdict.OUTPUT
    return Verdict.SAME if Counter(ours.events) == Counter(theirs.events) else Verdict.EVENTS


def read(value: object) -> object:
    """Return a value with the JSON texts inside it read.

    Args:
        value: the value.
    """
    if isinstance(value, str) and value.startswith(("{", "[", '"')):
        try:
            return read(json.loads(value))
        except ValueError:
            return value
    if isinstance(value, dict):
        return {name: read(item) for name, item in value.items()}
    return [read(item) for item in value] if isinstance(value, list) else value


def _is_replaced(value: object) -> bool:
    return isinstance(value, str) and (value in _TIMES or _PLACEHOLDER.search(value) is not None)


def _same(ours: object, theirs: object) -> bool:
    if _is_replaced(theirs):
        return True
    if theirs == _ROLE_WORD:
        return bool(ours == ROLE)
    if isinstance(ours, dict) and isinstance(theirs, dict):
        # A name may be replaced, too.
        names = {name for name in theirs if not _is_replaced(name)}
        return (
            len(ours) == len(theirs) and names <= ours.keys() and all(_same(ours[name], theirs[name]) for name in names)
        )
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    if isinstance(ours, int | float) and isinstance(theirs, float):
        return abs(ours - theirs) < _ROUNDING
    return type(ours) is type(theirs) and bool(ours == theirs)
