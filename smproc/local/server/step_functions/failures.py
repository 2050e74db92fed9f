"""The exceptions that fail a state of moto's interpreter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.eval.environment import Environment

_JSON_TYPES = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def standard(env: Environment, error: str, cause: str, event_type: str, details: str) -> FailureEventException:
    """Return the exception for an error that Step Functions itself names.

    Args:
        env: the environment of the state.
        error: the error's name: ``States.Runtime``.
        cause: its cause.
        event_type: the type of the event that records it.
        details: the field of the event's details.
    """
    return _exception(env, StatesErrorName.from_name(error), event_type, {details: {"error": error, "cause": cause}})


def query(env: Environment, cause: str) -> FailureEventException:
    """Return the exception for a value that a field cannot take, of a query or of a JSONata expression.

    Args:
        env: the environment of the state.
        cause: the cause.
    """
    return standard(env, "States.QueryEvaluationError", cause, "EvaluationFailed", "evaluationFailedEventDetails")


def result_type(env: Environment, expression: str, field: str, expected: str, value: object) -> FailureEventException:
    """Return the exception for a JSONata expression whose result has the wrong type.

    Args:
        env: the environment of the state.
        expression: the expression, without its braces.
        field: the field of the state.
        expected: the type in JSON that the field takes: ``string``.
        value: the result.
    """
    return query(
        env,
        f"The JSONata expression '{expression}' specified for the field '{field}' returned an unexpected result type. "
        f"Expected '{expected}', but was '{_JSON_TYPES.get(type(value), 'object')}' for value: {compact(value)}",
    )


def compact(value: object) -> str:
    """Return a value as causes cite it: JSON without insignificant spaces.

    Args:
        value: the value.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def task(env: Environment, resource_type: str, resource: str, error: str, cause: str) -> FailureEventException:
    """Return the exception for a failed task.

    Args:
        env: the environment of the state.
        resource_type: the service: ``sagemaker``.
        resource: the action with its suffix: ``createProcessingJob.sync``.
        error: the error's name, which Retry and Catch match.
        cause: its cause.
    """
    name = StatesErrorName.from_name(error) if error.startswith("States.") else CustomErrorName(error)
    members = {"resourceType": resource_type, "resource": resource, "error": error, "cause": cause}
    return _exception(env, name, "TaskFailed", {"taskFailedEventDetails": members})


def inner(env: Environment, details: Mapping[str, str]) -> FailureEventException:
    """Return the exception for a Map or Parallel state that fails with the error of what is inside of it.

    Args:
        env: the environment of the state.
        details: the error and its cause.
    """
    name = CustomErrorName(details["error"])
    return _exception(env, name, "ExecutionFailed", {"executionFailedEventDetails": details})


def _exception(env: Environment, name: object, event_type: str, details: Mapping[str, Any]) -> FailureEventException:
    return FailureEventException(FailureEvent(env=env, error_name=name, event_type=event_type, event_details=details))
