"""How long Step Functions waits between a state's tries: MaxDelaySeconds, jitter, and waits of more than a minute."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Mapping
from typing import Any

from smproc.local.server.patches.registry import Names, service, takes, wrap
from smproc.local.server.patches.stepfunctions_executions import aborted, call_on_abort, executing

NAMES: Names = {
    "ministack.services.stepfunctions": {
        "_find_matching_retrier": takes("retriers", "error", "retry_counts"),
        "_SFN_WAIT_SCALE": lambda value: isinstance(value, int | float),
    }
}

_DEFAULT_INTERVAL_IN_SECONDS = 1
_DEFAULT_BACKOFF_RATE = 2.0


def apply() -> None:
    """Wait here, where ministack looks for the retrier, and leave it nothing to wait for."""
    wrap(service("stepfunctions"), "_find_matching_retrier", _find)


def _find(
    original: Callable[..., Any], retriers: object, error: str, retry_counts: Mapping[int, int]
) -> tuple[Mapping[str, Any] | None, int]:
    retrier, index = original(retriers, error, retry_counts)
    if retrier is None or not executing():
        return retrier, index
    _wait(_delay_in_seconds(retrier, retry_counts.get(index, 0)))
    return (None, -1) if aborted() else ({**retrier, "IntervalSeconds": 0}, index)


def _delay_in_seconds(retrier: Mapping[str, Any], tries: int) -> float:
    try:
        delay = float(
            retrier.get("IntervalSeconds", _DEFAULT_INTERVAL_IN_SECONDS)
            * retrier.get("BackoffRate", _DEFAULT_BACKOFF_RATE) ** tries
        )
    except OverflowError:
        delay = math.inf
    delay = min(delay, float(retrier.get("MaxDelaySeconds", math.inf)))
    if retrier.get("JitterStrategy") == "FULL":
        delay = random.uniform(0, delay)  # noqa: S311 - no secret
    return delay * float(service("stepfunctions")._SFN_WAIT_SCALE)


def _wait(seconds: float) -> None:
    woken = threading.Event()
    forget = call_on_abort(woken.set)
    try:
        woken.wait(min(seconds, threading.TIMEOUT_MAX))
    finally:
        forget()
