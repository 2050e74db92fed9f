"""The errors that States.ALL matches, and paths that lead to nothing in a task.

AWS: States.ALL matches neither States.Runtime nor States.DataLimitExceeded. A path of a task's fields that leads to
nothing fails the execution with States.Runtime, names the field, and no event of the task precedes that.
See: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html

moto: States.ALL matches every error, and such a path fails the task.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from moto.stepfunctions.parser.asl.component.common.catch.catch_outcome import CatchOutcome
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.retry.retry_outcome import RetryOutcome
from moto.stepfunctions.parser.asl.component.common.string.string_expression import (
    StringIntrinsicFunction,
    StringJsonPath,
)
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError

from smproc.local.server.step_functions import moto_package

_UNMATCHED_BY_ALL = frozenset({"States.Runtime", "States.DataLimitExceeded"})


def apply() -> None:
    """Replace the matching, and the loop of a task's attempts."""
    moto_package.replace(ErrorEqualsDecl, "_eval_body", _eval_error_equals)
    moto_package.replace(ExecutionState, "_eval_state", _eval_state)
    moto_package.replace(StringJsonPath, "_eval_body", _naming_field(StringJsonPath._eval_body))
    moto_package.replace(StringIntrinsicFunction, "_eval_body", _naming_field(StringIntrinsicFunction._eval_body))


def matches(names: Sequence[str], error: str | None) -> bool:
    """Return whether an ErrorEquals matches an error.

    Args:
        names: the names of the ErrorEquals.
        error: the error's name.
    """
    return (
        error in names
        or ("States.ALL" in names and error not in _UNMATCHED_BY_ALL)
        or ("States.TaskFailed" in names and not str(error).startswith("States."))
    )


def _naming_field(original: Callable[..., None]) -> Callable[..., None]:
    """Return a function that notes in its error which field it evaluates, which only its environment knows."""

    def wrapped(self: object, env: Environment) -> None:
        try:
            original(self, env)
        except NoSuchJsonPathError as error:
            error.field_name = env.next_field_name
            raise

    return wrapped


def _eval_error_equals(self: ErrorEqualsDecl, env: Environment) -> None:
    error = env.stack.pop()
    names = [name.error_name for name in self.error_names]
    env.stack.append(matches(names, error.error_name if error is not None else None))


def _eval_state(self: ExecutionState, env: Environment) -> None:
    env.states.context_object.context_object_data["State"]["RetryCount"] = 0
    while env.is_running():
        try:
            self._evaluate_with_timeout(env)
        except NoSuchJsonPathError as error:
            # `CommonStateField._eval_body` fails the execution.
            env.next_field_name = getattr(error, "field_name", env.next_field_name)
            raise
        except Exception as error:  # noqa: BLE001 - every failure is an event
            failure = self._from_error(env=env, ex=error)
        else:
            return
        env.event_manager.add_event(
            context=env.event_history_context, event_type=failure.event_type, event_details=failure.event_details
        )
        output = self._construct_error_output_value(failure_event=failure)
        env.states.set_error_output(output)
        env.states.set_result(output)
        if self.retry and self._handle_retry(env=env, failure_event=failure) == RetryOutcome.CanRetry:
            continue
        if self.catch:
            self._handle_catch(env=env, failure_event=failure)
            if env.stack[-1] == CatchOutcome.Caught:
                return
        self._handle_uncaught(env=env, failure_event=failure)
