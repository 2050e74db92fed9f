"""The engine: the running executions, and the callbacks that they wait for."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackNotifyConsumerError,
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
)

from smproc.local.server.patches import CallbackResult
from smproc.local.server.step_functions import activities
from smproc.local.server.step_functions.execution import Execution
from smproc.local.server.step_functions.state_tests import run_state

# A late answer to a task of an ended execution is refused as such for so many tasks.
_KEPT_TOKENS = 10_000


class Engine:
    """Executions of state machines; see `smproc.local.server.patches.stepfunctions_engine.Engine`."""

    def __init__(self) -> None:
        self._running: dict[str, Execution] = {}
        self._ended_tokens: deque[str] = deque(maxlen=_KEPT_TOKENS)
        self._lock = threading.Lock()

    def run(self, record: MutableMapping[str, Any], machine: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Run an execution to its end; return its status and output or error, None if it was stopped.

        Args:
            record: ministack's record of the execution, to which its events are written.
            machine: ministack's record of the state machine.
        """
        execution = Execution(record, machine)
        with self._lock:
            self._running[execution.arn] = execution
        try:
            return execution.run()
        finally:
            with self._lock:
                self._running.pop(execution.arn, None)
                self._ended_tokens.extend(execution.env.callback_pool_manager._pool)

    def stop(self, execution_arn: str, error: str | None, cause: str | None) -> bool:
        """Stop an execution; return False if it does not run.

        Args:
            execution_arn: its ARN.
            error: the error to report.
            cause: the cause to report.
        """
        execution = self._running.get(execution_arn)
        return execution is not None and execution.stop(error, cause)

    def test_state(self, request: Mapping[str, Any], account: str, region: str) -> Mapping[str, Any]:
        """Run a state alone; return the response of TestState.

        Args:
            request: the request of TestState.
            account: the account of the caller.
            region: the region of the request.

        Raises:
            StateTestError: the request is refused.
        """
        return run_state(request, account, region)

    def succeed(self, token: str, output: str) -> CallbackResult:
        """End the task that waits for a token with success.

        Args:
            token: the task token.
            output: the task's output, in JSON.
        """
        json.loads(output)
        outcome = CallbackOutcomeSuccess(token, output)
        return self._notify(token, lambda pool: bool(pool.notify(callback_id=token, outcome=outcome)))

    def fail(self, token: str, error: str | None, cause: str | None) -> CallbackResult:
        """End the task that waits for a token with an error.

        Args:
            token: the task token.
            error: the error's name.
            cause: its cause.
        """
        outcome = CallbackOutcomeFailure(token, error, cause)
        return self._notify(token, lambda pool: bool(pool.notify(callback_id=token, outcome=outcome)))

    def start_activity_task(self, token: str, worker_name: str | None) -> bool:
        """Start an activity task that a worker got; return False if nothing waits for it any more.

        Args:
            token: the task token.
            worker_name: the worker's name, None if it gave none.
        """
        pools = (execution.env.callback_pool_manager for execution in self._executions() if not execution.closed)
        return any(activities.start(pool.get(token), worker_name) for pool in pools)

    def heartbeat(self, token: str) -> CallbackResult:
        """Reset the heartbeat of the task that waits for a token.

        Args:
            token: the task token.
        """
        # A task without a heartbeat accepts them all the same.
        return self._notify(
            token, lambda pool: pool.get(token) is not None and (pool.heartbeat(callback_id=token) or True)
        )

    def _executions(self) -> list[Execution]:
        with self._lock:
            return list(self._running.values())

    def _notify(self, token: str, notify: Callable[[Any], bool]) -> CallbackResult:
        for execution in self._executions():
            try:
                if notify(execution.env.callback_pool_manager):
                    return CallbackResult.ACCEPTED
            except CallbackNotifyConsumerError:
                return CallbackResult.TIMED_OUT
        return CallbackResult.TIMED_OUT if token in self._ended_tokens else CallbackResult.UNKNOWN
