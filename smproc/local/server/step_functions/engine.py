"""The engine: the running executions, and the callbacks that they wait for."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackNotifyConsumerError,
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
)

from smproc.local.server.patches import CallbackResult
from smproc.local.server.step_functions.execution import Execution


class Engine:
    """Executions of state machines; see `smproc.local.server.patches.stepfunctions_engine.Engine`."""

    def __init__(self) -> None:
        self._running: dict[str, Execution] = {}
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

    def stop(self, execution_arn: str, error: str | None, cause: str | None) -> bool:
        """Stop an execution; return False if it does not run.

        Args:
            execution_arn: its ARN.
            error: the error to report.
            cause: the cause to report.
        """
        execution = self._running.get(execution_arn)
        return execution is not None and execution.stop(error, cause)

    def succeed(self, token: str, output: str) -> CallbackResult:
        """End the task that waits for a token with success.

        Args:
            token: the task token.
            output: the task's output, in JSON.
        """
        json.loads(output)
        outcome = CallbackOutcomeSuccess(token, output)
        return self._notify(lambda pool: bool(pool.notify(callback_id=token, outcome=outcome)))

    def fail(self, token: str, error: str | None, cause: str | None) -> CallbackResult:
        """End the task that waits for a token with an error.

        Args:
            token: the task token.
            error: the error's name.
            cause: its cause.
        """
        outcome = CallbackOutcomeFailure(token, error, cause)
        return self._notify(lambda pool: bool(pool.notify(callback_id=token, outcome=outcome)))

    def heartbeat(self, token: str) -> CallbackResult:
        """Reset the heartbeat of the task that waits for a token.

        Args:
            token: the task token.
        """
        # A task without a heartbeat accepts them all the same.
        return self._notify(lambda pool: pool.get(token) is not None and (pool.heartbeat(callback_id=token) or True))

    def _notify(self, notify: Callable[[Any], bool]) -> CallbackResult:
        with self._lock:
            executions = list(self._running.values())
        for execution in executions:
            try:
                if notify(execution.env.callback_pool_manager):
                    return CallbackResult.ACCEPTED
            except CallbackNotifyConsumerError:
                return CallbackResult.TIMED_OUT
        return CallbackResult.UNKNOWN
