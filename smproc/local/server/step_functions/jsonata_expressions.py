"""Evaluation of JSONata expressions.

The interpreter writes the values of ``$states`` and of variables into the expression's text and hands it to a function
that moto leaves empty. Here values are bound, which is exact and ten times as fast for large inputs, and jsonata-python
evaluates the expression. An expression that fails fails its state with States.QueryEvaluationError.

See: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import jsonata
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata, StringVariableSample
from moto.stepfunctions.parser.asl.eval.environment import Environment

from smproc.local.server import patches
from smproc.local.server.step_functions import failures, json_paths, moto_package

# The limit of an evaluation in AWS is not documented; a runaway expression must not occupy a core for ever.
_TIMEOUT_IN_MILLISECONDS = 20_000
_VARIABLE = re.compile(r"\$([^\W\d]\w*)(.*)", re.DOTALL)


class UndefinedResultError(Exception):
    """An expression evaluates to undefined, which JSON cannot represent."""


class UnsupportedResultError(Exception):
    """An expression evaluates to a function or another value that JSON cannot represent."""


def evaluate(expression: str, bindings: Mapping[str, Any]) -> Any:
    """Return the value of an expression.

    Args:
        expression: the expression, without ``{%`` and ``%}``.
        bindings: the values of variables, by name without ``$``.

    Raises:
        UndefinedResultError: the value is undefined.
        UnsupportedResultError: the value is a function.
        Exception: the evaluation fails.
    """
    bound = {name: _NULL if value is None else value for name, value in bindings.items()}
    value = _compiled(expression).evaluate(None, bound)
    if value is None and not _compiled(f"$exists(({expression}))").evaluate(None, bound):
        raise UndefinedResultError
    return _as_json(value)


def apply() -> None:
    """Replace the interpreter's evaluation of JSONata expressions and of variables in JSONPath states."""
    moto_package.replace(StringJSONata, "_eval_body", _evaluate_expression)
    moto_package.replace(StringVariableSample, "_eval_body", _evaluate_variable)


_NULL = jsonata.utils.Utils.NULL_VALUE


def _compiled(expression: str) -> Any:
    compiled = jsonata.Jsonata.jsonata(expression, timeout=_TIMEOUT_IN_MILLISECONDS)
    patches.register_jsonata_functions(compiled)
    return compiled


def _as_json(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return int(value) if value.is_integer() else value
        case dict():
            return {str(name): _as_json(member) for name, member in value.items()}
        case list() | tuple() | range():
            return [_as_json(member) for member in value]
    if value is _NULL:
        return None
    if hasattr(value, "__iter__") and hasattr(value, "__len__"):  # jsonata-python's ranges
        return [_as_json(member) for member in value]
    raise UnsupportedResultError


def _evaluate_expression(self: StringJSONata, env: Environment) -> None:
    env.stack.append(_evaluated(self.expression, env))


def _evaluate_variable(self: StringVariableSample, env: Environment) -> None:
    if self.query_language_mode.name == "JSONata":
        env.stack.append(_evaluated(self.expression, env))
        return
    # In a JSONPath state, what follows the variable's name is a path in its value.
    match = _VARIABLE.fullmatch(self.expression)
    name, rest = match.groups() if match else (self.expression, "")
    env.stack.append(json_paths.extract(f"${rest}", env.variable_store.get(name)))


def _evaluated(expression: str, env: Environment) -> Any:
    store = env.variable_store
    bindings = {**store._outer_scope, **store._inner_scope, "states": env.states._states_data}
    try:
        return evaluate(expression, bindings)
    except UndefinedResultError:
        problem = "returned nothing (undefined)."
    except UnsupportedResultError:
        problem = "returned an unsupported result type."
    except Exception as error:  # noqa: BLE001 - jsonata-python raises errors of any kind
        # jsonata-python keeps the code of JSONata's errors apart from their message.
        code = getattr(error, "error", None)
        problem = f"threw an error during evaluation. {f'{code}: ' if code else ''}{error}"
    failure = failures.standard(
        env,
        "States.QueryEvaluationError",
        f"The JSONata expression '{expression}' specified for the field '{env.next_field_name}' {problem}",
        HistoryEventType.EvaluationFailed,
        "evaluationFailedEventDetails",
    )
    env.event_manager.add_event(
        context=env.event_history_context,
        event_type=HistoryEventType.EvaluationFailed,
        event_details={"evaluationFailedEventDetails": failure.get_evaluation_failed_event_details()},
    )
    raise failure
