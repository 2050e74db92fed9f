"""The work of an execution in each state: the values that a picture shows, wherever they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from smproc.terminal_text import counted

Status = Literal["RUNNING", "SUCCEEDED", "CAUGHT", "FAILED", "TIMED_OUT", "ABORTED"]

# A state that an execution has not entered has no run.
STATUS_WORDS: Mapping[Status | None, str] = {
    "SUCCEEDED": "succeeded",
    "RUNNING": "running",
    "CAUGHT": "failed, caught",
    "FAILED": "failed",
    "TIMED_OUT": "timed out",
    "ABORTED": "aborted",
    None: "not entered",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRun:
    """The work of an execution in one state.

    Attributes:
        status: that of the last time the execution entered the state. ``CAUGHT`` is a failure that a catcher handled.
        entries: how often the execution entered it: more than once in a loop, in a Map state and after a redrive.
        tries: how often its work was started, of all entries: more than the entries after retries.
        seconds: the time in it, of all entries, without the time before a redrive.
        error: the name of the error that it failed with; empty without one.
        cause: the text beside the name.
        iterations: the iterations of a Map state by their status (``started``, ``succeeded``, ``failed``, ...).
    """

    status: Status
    entries: int = 1
    tries: int = 1
    seconds: float = 0.0
    error: str = ""
    cause: str = ""
    iterations: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionRun:
    """An execution, and what it has done in each state.

    Attributes:
        name: the execution's name.
        status: as DescribeExecution reports it: ``RUNNING``, ``SUCCEEDED``, ``FAILED``, ...
        seconds: the time since its start, or until its end.
        redrives: how often it was redriven.
        error: the name of the error that it failed with; empty without one.
        states: the runs of the states that it has entered, by their names, which are unique in a state machine.
    """

    name: str
    status: str
    seconds: float
    redrives: int = 0
    error: str = ""
    states: Mapping[str, StateRun] = field(default_factory=dict)


def duration(seconds: float) -> str:
    """Return a time in words, such as ``0.42 s``, ``12 s``, ``3 min 20 s`` or ``2 h 5 min``."""
    if seconds < 10:  # noqa: PLR2004 - tenths and hundredths say something only of short times
        return f"{max(seconds, 0.0):.2f} s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes_of_hour = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{hours} h {minutes_of_hour} min" if minutes_of_hour else f"{hours} h"


def notes(run: StateRun) -> list[str]:
    """Return what a picture says of a run besides its status: its time, entries, tries, iterations."""
    found = [duration(run.seconds)]
    if run.entries > 1:
        found.append(f"entered {run.entries} times")
    if run.tries > run.entries:
        found.append(f"{run.tries} tries")
    if run.iterations:
        words = ", ".join(f"{count:,} {word}" for word, count in run.iterations.items() if count and word != "started")
        total = run.iterations.get("started", 0)
        found.append(counted(total, "iteration") + (f": {words}" if words else ""))
    return found
