"""Waits: of Wait states and between retries.

AWS: a wait can last a year, and ends when the execution does. A JSONata expression gives a whole number of seconds, or
a time of RFC 3339, with any offset.
See: https://docs.aws.amazon.com/step-functions/latest/dg/state-wait.html

moto: the wait before a retry is a sleep that nothing ends, and a wait of more than the platform's limit fails. Results
of expressions are not checked, a time is compared with this machine's local time, and one with an offset is refused.
The variable SFN_WAIT_SCALE of ministack, which shortens waits in tests, is ministack's own.
"""

from __future__ import annotations

import re
import threading
import time
from datetime import UTC, datetime

from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.common.retry.max_attempts_decl import MaxAttemptsOutcome
from moto.stepfunctions.parser.asl.component.common.retry.retrier_decl import RetrierDecl
from moto.stepfunctions.parser.asl.component.common.retry.retrier_outcome import RetrierOutcome
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.seconds import SecondsJSONata
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import Timestamp
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.environment import Environment

from smproc.local.server import patches
from smproc.local.server.step_functions import failures, moto_package

# A wait looks this often whether its execution goes on, beside being woken.
_POLL_IN_SECONDS = 60.0
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def apply() -> None:
    """Replace both waits, and the reading of expressions and times."""
    moto_package.replace(RetrierDecl, "_eval_body", _eval_retrier)
    moto_package.replace(WaitFunction, "_eval_body", _eval_wait)
    moto_package.replace(SecondsJSONata, "_get_wait_seconds", _seconds)
    moto_package.replace(Timestamp, "_from_timestamp_string", staticmethod(_moment))
    moto_package.replace(Timestamp, "_get_wait_seconds", _seconds_until)


def wait(env: Environment, seconds: float) -> None:
    """Wait, at most as long as the execution, branch or iteration runs.

    Args:
        env: its environment.
        seconds: the time to wait.
    """
    ends_at = time.monotonic() + min(seconds * patches.wait_scale(), threading.TIMEOUT_MAX)
    while env.is_running() and (rest := ends_at - time.monotonic()) > 0:
        env.program_state_event.wait(min(rest, _POLL_IN_SECONDS))


def _eval_retrier(self: RetrierDecl, env: Environment) -> None:
    self.error_equals.eval(env)
    if not env.stack.pop():
        env.stack.append(RetrierOutcome.Skipped)
        return
    self.max_attempts.eval(env=env)
    if env.stack.pop() == MaxAttemptsOutcome.EXHAUSTED:
        env.stack.append(RetrierOutcome.Failed)
        return
    for part in (self.interval_seconds, self.backoff_rate, self.max_delay_seconds, self.jitter_strategy):
        part.eval(env=env)
    wait(env, env.stack.pop())
    env.stack.append(RetrierOutcome.Executed)


def _eval_wait(self: WaitFunction, env: Environment) -> None:
    wait(env, self._get_wait_seconds(env=env))


def _seconds(self: SecondsJSONata, env: Environment) -> int:
    self.string_jsonata.eval(env=env)
    seconds = env.stack.pop()
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise failures.result_type(env, self.string_jsonata.expression, "Seconds", "number", seconds)
    if isinstance(seconds, float):
        raise failures.query(env, f"The Seconds field cannot be parsed as an integer: {seconds}")
    if seconds < 0:
        raise failures.query(env, f"Seconds cannot be negative but was: {seconds}")
    return seconds


def _moment(timestamp: object) -> datetime | None:
    if not isinstance(timestamp, str) or not _TIMESTAMP.fullmatch(timestamp):
        return None
    try:
        return datetime.fromisoformat(timestamp)
    except ValueError:  # such as a month 13
        return None


def _seconds_until(self: Timestamp, env: Environment) -> float:
    self.string.eval(env=env)
    timestamp = env.stack.pop()
    jsonata = isinstance(self.string, StringJSONata)
    if jsonata and not isinstance(timestamp, str):
        raise failures.result_type(env, self.string.expression, "Timestamp", "string", timestamp)
    moment = _moment(timestamp)
    if moment is None and jsonata:
        raise failures.query(
            env,
            f"The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: {timestamp}",
        )
    if moment is None:
        raise FailureEventException(self._create_failure_event(env, timestamp))
    return (moment - datetime.now(UTC)).total_seconds()
