"""Waits that end: with what was waited for, or with an AssertionError."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

Found = TypeVar("Found")

_PAUSE_IN_SECONDS = 0.2


def until(condition: Callable[[], Found], *, seconds: float = 120, state: Callable[[], object] = lambda: "") -> Found:
    """Return what a condition returns as soon as that is true.

    Args:
        condition: the condition.
        seconds: the longest wait.
        state: returns what to show if the condition does not hold in time.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {state()}"
        time.sleep(_PAUSE_IN_SECONDS)
    return found


def ended_execution(states: Any, execution: str, *, seconds: float = 120) -> dict[str, Any]:  # noqa: ANN401 - boto3's client
    """Return the description of an execution once it has ended.

    Args:
        states: the client of Step Functions.
        execution: its ARN.
        seconds: the longest wait.
    """
    described: dict[str, Any] = {}

    def has_ended() -> bool:
        described.update(states.describe_execution(executionArn=execution))
        return described["status"] not in ("RUNNING", "PENDING_REDRIVE")

    until(has_ended, seconds=seconds, state=lambda: described)
    return described
