"""Waits: of Wait states and between retries.

AWS: a wait can last a year, and ends when the execution does.

moto: the wait before a retry is a sleep that nothing ends, and a wait of more than the platform's limit fails. The
variable SFN_WAIT_SCALE of ministack, which shortens waits in tests, is ministack's own.
"""

from __future__ import annotations

import threading
import time

from moto.stepfunctions.parser.asl.component.common.retry.max_attempts_decl import MaxAttemptsOutcome
from moto.stepfunctions.parser.asl.component.common.retry.retrier_decl import RetrierDecl
from moto.stepfunctions.parser.asl.component.common.retry.retrier_outcome import RetrierOutcome
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.environment import Environment

from smproc.local.server import patches
from smproc.local.server.step_functions import moto_package

# A wait looks this often whether its execution goes on, beside being woken.
_POLL_IN_SECONDS = 60.0


def apply() -> None:
    """Replace both waits."""
    moto_package.replace(RetrierDecl, "_eval_body", _eval_retrier)
    moto_package.replace(WaitFunction, "_eval_body", _eval_wait)


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
