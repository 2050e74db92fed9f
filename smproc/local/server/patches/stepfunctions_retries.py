"""Step Functions, Retry: MaxDelaySeconds, JitterStrategy, and waits of more than a minute.

AWS: a retrier waits IntervalSeconds times BackoffRate to the power of the retries so far, at most MaxDelaySeconds, and
with the JitterStrategy FULL a random part of that.
See: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html

ministack 1.5.33: `ministack.services.stepfunctions._with_retry_and_catch` and
`ministack.services.stepfunctions._execute_task` ignore MaxDelaySeconds and JitterStrategy, wait 60 seconds at most, and
are not woken by an abort.

Removable when: a release of ministack reads both fields, does not limit the wait, and ends it when the execution is
aborted (1.5.33 does not).
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Mapping
from typing import Any

from smproc.local.server.patches.registry import Names, Wrappers, service, takes
from smproc.local.server.patches.stepfunctions_executions import aborted, call_on_abort, executing

NAMES: Names = {
    "ministack.services.stepfunctions": {
        "_find_matching_retrier": takes("retriers", "error", "retry_counts"),
        "_SFN_WAIT_SCALE": lambda value: isinstance(value, int | float),
    }
}

_DEFAULT_INTERVAL_IN_SECONDS = 1
_DEFAULT_BACKOFF_RATE = 2.0


def _find_matching_retrier(
    original: Callable[..., Any], retriers: object, error: str, retry_counts: Mapping[int, int]
) -> tuple[Mapping[str, Any] | None, int]:
    # Wait here, where ministack looks for the retrier, and return one after which it does not wait.
    retrier, index = original(retriers, error, retry_counts)
    if retrier is None or not executing():
        return retrier, index
    _wait(_delay_in_seconds(retrier, retry_counts.get(index, 0)))
    return (None, -1) if aborted() else ({**retrier, "IntervalSeconds": 0}, index)


def _delay_in_seconds(retrier: Mapping[str, Any], retries: int) -> float:
    try:
        delay = float(
            retrier.get("IntervalSeconds", _DEFAULT_INTERVAL_IN_SECONDS)
            * retrier.get("BackoffRate", _DEFAULT_BACKOFF_RATE) ** retries
        )
    except OverflowError:
        delay = math.inf
    delay = min(delay, float(retrier.get("MaxDelaySeconds", math.inf)))
    if retrier.get("JitterStrategy") == "FULL":
        delay = random.uniform(0, delay)  # noqa: S311 - no secret
    return delay * float(service("stepfunctions")._SFN_WAIT_SCALE)


def _wait(seconds: float) -> None:
    woken = threading.Event()
    cancel = call_on_abort(woken.set)
    try:
        woken.wait(min(seconds, threading.TIMEOUT_MAX))
    finally:
        cancel()


WRAPPERS: Wrappers = {"ministack.services.stepfunctions": {"_find_matching_retrier": _find_matching_retrier}}
