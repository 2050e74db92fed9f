"""Retries of requests that S3 denies because the function's new permissions are not effective yet."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from botocore.exceptions import ClientError

# IAM and KMS are eventually consistent: a new policy takes effect within seconds, now and then within a minute.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
PROPAGATION_SECONDS = 90
FIRST_PAUSE_SECONDS = 1
LONGEST_PAUSE_SECONDS = 10
# S3 reports a denial by KMS as its own AccessDenied; a HEAD request has no body, so botocore knows the status alone.
DENIALS = frozenset({"AccessDenied", "AccessDeniedException", "KMS.AccessDeniedException", "403"})

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Clock:
    """A source of time and pauses, replaced in tests."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Invocation:
    """The time of one invocation: until when denials are retried, and until when it works.

    Attributes:
        clock: the clock.
        seconds: the time that the invocation may work, in seconds; it responds after that.
    """

    clock: Clock
    seconds: float
    _started: float = field(init=False)

    def __post_init__(self) -> None:
        """Start the time."""
        object.__setattr__(self, "_started", self.clock.now())

    def elapsed(self) -> float:
        """Return the seconds since the start."""
        return self.clock.now() - self._started

    def check_time(self) -> None:
        """Check that there is time left.

        Raises:
            TimeoutError: there is none.
        """
        if self.elapsed() >= self.seconds:
            raise TimeoutError(
                f"the files must be unpacked within {self.seconds:.0f} seconds; upload data with `aws s3 sync` and "
                "pass its s3:// URI"
            )

    def retry_denied(self, call: Callable[[], Result]) -> Result:
        """Return a call's result; repeat the call while it is denied, until new permissions must be in force.

        Raises:
            ClientError: another error, or a denial for longer than `PROPAGATION_SECONDS` after the start.
            TimeoutError: no time is left.
        """
        pause: float = FIRST_PAUSE_SECONDS
        while True:
            self.check_time()
            try:
                return call()
            except ClientError as error:
                left = min(PROPAGATION_SECONDS, self.seconds) - self.elapsed()
                if error.response.get("Error", {}).get("Code") not in DENIALS or left <= 0:
                    raise
            self.clock.sleep(min(pause, left))
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
