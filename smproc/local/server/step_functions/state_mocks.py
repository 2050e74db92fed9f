"""The mock of a state that TestState runs: the result or the error in the place of what the state does.

See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_MockInput.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.stepfunctions.parser.asl.component.state.exec.state_map.state_map import StateMap
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.state_parallel import StateParallel
from moto.stepfunctions.parser.asl.eval.environment import Environment

from smproc.local.server.patches import StateTestError
from smproc.local.server.step_functions import failures


@dataclass(frozen=True, slots=True)
class Mock:
    """A mock.

    Attributes:
        result: the result, unless there is an error.
        error: the error's name.
        cause: its cause.
        failed_iterations: how many iterations of a Map state failed.
    """

    result: Any
    error: str | None
    cause: str | None
    failed_iterations: int

    @classmethod
    def of(cls, request: Mapping[str, Any], fields: Mapping[str, Any]) -> Mock | None:
        """Return the mock of a request, None if it has none.

        Args:
            request: the request of TestState.
            fields: the definition of the state.

        Raises:
            StateTestError: it has none or both of a result and an error, or the result is not what the state returns.
        """
        mock = request.get("mock")
        if mock is None:
            return None
        result, failure = mock.get("result"), mock.get("errorOutput")
        if (result is None) == (failure is None):
            raise StateTestError("ValidationException", "A mock must have either a result or an errorOutput")
        failed = (request.get("stateConfiguration") or {}).get("mapIterationFailureCount", 0)
        if failure is not None:
            if not failure.get("error"):
                raise StateTestError("ValidationException", "The errorOutput of a mock must have an error")
            return cls(None, failure["error"], failure.get("cause"), failed)
        try:
            parsed = json.loads(result)
        except ValueError as error:
            raise StateTestError(
                "ValidationException", f"The result of a mock must be JSON, got {result!r}: {error}"
            ) from error
        if fields["Type"] in ("Map", "Parallel") and not isinstance(parsed, list) and "ResultWriter" not in fields:
            raise StateTestError(
                "ValidationException", f"The result of a {fields['Type']} state must be an array, got {result!r}"
            )
        return cls(parsed, None, None, failed)

    def install(self, state: Any) -> None:
        """Put the mock in the place of what a state does.

        Args:
            state: the state's component, which no other execution shares.
        """
        state._eval_execution = lambda env: self._eval(state, env)

    def _eval(self, state: Any, env: Environment) -> None:
        if isinstance(state, StateMap):
            self._check_tolerated(state, env)
            if state.items_path and state.item_reader is None:
                state.items_path.eval(env)
            if state.items:
                state.items.eval(env)
        elif not isinstance(state, StateParallel) and state.parargs is not None:
            state.parargs.eval(env)
            env.stack.pop()
        if self.error is not None:
            kind = type(state).__name__
            if isinstance(state, StateMap | StateParallel):
                details = {"error": self.error, "cause": self.cause or ""}
                raise failures.inner(env, details)
            raise failures.task(env, kind, kind, self.error, self.cause or "")
        env.stack.append(self.result)

    def _check_tolerated(self, state: StateMap, env: Environment) -> None:
        state.tolerated_failure_count_decl.eval(env=env)
        count = env.stack.pop()
        state.tolerated_failure_percentage_decl.eval(env=env)
        percentage = env.stack.pop()
        failed, total = self.failed_iterations, len(self.result) if isinstance(self.result, list) else 0
        if failed > count and (not percentage or failed * 100 > percentage * total):
            details = {
                "error": "States.ExceedToleratedFailureThreshold",
                "cause": "The specified tolerated failure threshold was exceeded",
            }
            raise failures.inner(env, details)
