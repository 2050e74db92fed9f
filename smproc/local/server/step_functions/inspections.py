"""The inspection data of TestState: a state's data after each of its fields, and the rule that handled its error.

See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_InspectionData.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from moto.stepfunctions.parser.asl.component.common.catch.catch_outcome import CatchOutcome
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.common.retry.retry_outcome import RetryOutcome
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_map.state_map import StateMap
from moto.stepfunctions.parser.asl.component.state.state_pass.state_pass import StatePass
from moto.stepfunctions.parser.asl.eval.environment import Environment

from smproc.local.server.step_functions.corrections.error_matching import matches

_MAX_ATTEMPTS: Final = 3
_INTERVAL_IN_SECONDS: Final = 1
_BACKOFF_RATE: Final = 2.0


class _RetriableError(Exception):
    """A retrier would run the state again."""


class Inspection:
    """The inspection of a state.

    Args:
        state: the state's component, which no other execution shares.
        fields: the state's definition.
        configuration: the ``stateConfiguration`` of the request.
    """

    def __init__(self, state: Any, fields: Mapping[str, Any], configuration: Mapping[str, Any]) -> None:
        self._state = state
        self._fields = fields
        self._configuration = configuration
        self._data: dict[str, Any] = {}
        self.retry: dict[str, int] | None = None
        self.catch_index: int | None = None
        self.error: dict[str, str] = {}

    def install(self) -> None:
        """Observe the fields of the state, and keep it from retrying."""
        state, is_jsonpath = self._state, self._state._is_language_query_jsonpath()
        self._observe(state.input_path, "afterInputPath")
        self._observe(
            getattr(state, "parameters" if isinstance(state, StatePass) else "parargs", None),
            "afterParameters" if is_jsonpath else "afterArguments",
        )
        if is_jsonpath:
            self._observe(getattr(state, "result_selector", None), "afterResultSelector")
            self._observe(getattr(state, "result_path", None), "afterResultPath", before="result")
        if isinstance(state, StateMap):
            self._observe(state.items_path, "afterItemsPath")
        if isinstance(state, ExecutionState):
            self._observe_execution()
            state._handle_retry = self._handle_retry
            handle_catch = state._handle_catch
            state._handle_catch = lambda env, failure_event: self._handle_catch(handle_catch, env, failure_event)

    def data(self, env: Environment, state_input: object) -> dict[str, Any]:
        """Return the inspection data.

        Args:
            env: the environment in which the state ran.
            state_input: its input.
        """
        data = {"input": _text(state_input), **self._data}
        if self._state._is_language_query_jsonpath() and isinstance(self._state, ExecutionState | StatePass):
            if "afterInputPath" in data:
                data.setdefault("afterParameters", data["afterInputPath"])
            if "result" in data and isinstance(self._state, ExecutionState):
                data.setdefault("afterResultSelector", data["result"])
        variables = {**env.variable_store._outer_scope, **env.variable_store._inner_scope}
        details = {
            **({} if self.catch_index is None else {"catchIndex": self.catch_index}),
            **(self.retry or {}),
        }
        return {
            **data,
            **({"variables": _text(variables)} if variables else {}),
            **({"errorDetails": details} if details else {}),
        }

    def _observe(self, component: Any, member: str, *, before: str | None = None) -> None:
        if component is None:
            return
        original = component._eval_body

        def wrapped(env: Environment) -> None:
            if before is not None:
                self._data.setdefault(before, _text(env.stack[-1]))
            original(env)
            self._data[member] = _text(env.stack[-1])

        component._eval_body = wrapped

    def _observe_execution(self) -> None:
        state, original = self._state, self._state._eval_execution

        def wrapped(env: Environment) -> None:
            if isinstance(state, StateMap):
                for member, declaration in (
                    ("maxConcurrency", state.max_concurrency_decl),
                    ("toleratedFailureCount", state.tolerated_failure_count_decl),
                    ("toleratedFailurePercentage", state.tolerated_failure_percentage_decl),
                ):
                    declaration.eval(env=env)
                    self._data[member] = env.stack.pop()
            original(env)
            self._data["result"] = _text(env.stack[-1])

        state._eval_execution = wrapped

    def _handle_retry(self, env: Environment, failure_event: FailureEvent) -> RetryOutcome:
        count = self._configuration.get("retrierRetryCount", 0)
        index = self._note(failure_event, "Retry")
        if index is None:
            return RetryOutcome.NoRetrier
        retrier = self._fields["Retry"][index]
        if count >= retrier.get("MaxAttempts", _MAX_ATTEMPTS):
            return RetryOutcome.CannotRetry
        interval = (
            retrier.get("IntervalSeconds", _INTERVAL_IN_SECONDS) * retrier.get("BackoffRate", _BACKOFF_RATE) ** count
        )
        interval = min(interval, retrier.get("MaxDelaySeconds", interval))
        self.retry = {"retryIndex": index, "retryBackoffIntervalSeconds": int(interval)}
        raise _RetriableError

    def _handle_catch(self, original: Any, env: Environment, failure_event: FailureEvent) -> None:
        index = self._note(failure_event, "Catch")
        original(env=env, failure_event=failure_event)
        if env.stack[-1] == CatchOutcome.Caught:
            self.catch_index = index

    def _note(self, failure_event: FailureEvent, field: str) -> int | None:
        """Note the error; return the index of the rule that handles it, None if there is none."""
        output = self._state._construct_error_output_value(failure_event=failure_event)
        self.error = {"error": output["Error"], "cause": output["Cause"]}
        for index, rule in enumerate(self._fields[field]):
            if matches(rule["ErrorEquals"], output["Error"]):
                return index
        return None


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
