"""Checks of the paths and expressions in a state's own fields: what it takes from its input, and where its result goes.

See: https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeGuard

from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing.model import InvalidValueError, is_unresolved
from cdk_sagemaker_processing.model.tokens import STRING_TOKEN
from cdk_sagemaker_processing.tasks.run_time_values import CLOSE, OPEN, RunTimeValue, pieces_of

# What marks a field of a payload template whose value is evaluated.
DYNAMIC = ".$"


def check_paths(*, input_path: str | None, output_path: str | None, result_path: str | None) -> None:
    """Check the paths that select a part of a state's input or output, or the place of its result in the input.

    Raises:
        InvalidValueError: a text is no such path.
    """
    if input_path is output_path is result_path is None:
        return
    from cdk_sagemaker_processing.model.json_paths import is_path, is_result_path  # noqa: PLC0415 - few have paths

    for parameter, path in (("input_path", input_path), ("output_path", output_path)):
        if _is_text(path) and not is_path(path):
            raise InvalidValueError(parameter, path, "be a JSONPath", "it starts with $, for example $.detail")
    if _is_text(result_path) and not is_result_path(result_path):
        raise InvalidValueError(
            "result_path",
            result_path,
            "be a JSONPath of one place in the state's input",
            "for example $.result, or sfn.JsonPath.DISCARD to keep the input as it is",
        )


def check_timeout_source(parameter: str, timeout: sfn.Timeout | None) -> None:
    """Check that a timeout that is known at run time is valid JSONata, or at a path that leads to one value.

    Raises:
        InvalidValueError: it is neither.
    """
    if timeout is None:
        return
    if timeout.jsonata_expression is not None:
        check_jsonata(parameter, timeout.jsonata_expression)
    from cdk_sagemaker_processing.model.json_paths import is_reference_path  # noqa: PLC0415 - few have paths

    path = timeout.path
    if _is_text(path) and not is_reference_path(path):
        raise InvalidValueError(
            parameter, path, "be at a JSONPath of one value", "for example sfn.Timeout.at('$.seconds')"
        )


def check_template(parameter: str, template: object) -> None:
    """Check the values in a payload template of a JSONPath state that Step Functions evaluates.

    Args:
        parameter: the parameter's name for the message.
        template: a part of the template.

    Raises:
        InvalidValueError: a value is neither a path nor the call of an intrinsic function.
    """
    for text in texts_in(parameter, template):
        if text.key.endswith(DYNAMIC):
            check_evaluated(text.parameter, text.value)
        for piece in pieces_of(text.value):
            if isinstance(piece, RunTimeValue):
                check_evaluated(text.parameter, piece.expression)


def check_jsonata_field(parameter: str, value: object) -> None:
    """Check that a field of a JSONata state has valid expressions, and no path, which would remain as it is.

    Raises:
        InvalidValueError: a value is a path, or certainly not JSONata.
    """
    for text in texts_in(parameter, value):
        if text.value.startswith(OPEN) and text.value.endswith(CLOSE):
            check_jsonata(text.parameter, text.value)
        paths = [piece.expression for piece in pieces_of(text.value) if isinstance(piece, RunTimeValue)]
        if text.key.endswith(DYNAMIC):
            paths.append(text.value)
        for path in paths:
            raise InvalidValueError(
                text.parameter,
                path,
                "not be a JSONPath in a JSONata state",
                "write it as {% ... %}, for example {% $states.input.day %}",
            )


def check_jsonata(parameter: str, expression: str, advice: str = "") -> None:
    """Check an expression of JSONata, unless a part of it is known only when it is deployed.

    Args:
        parameter: the parameter's name for the message.
        expression: the expression, with ``{%`` and ``%}``.
        advice: what the message ends in, beside the problem. Default: nothing.

    Raises:
        InvalidValueError: it is certainly not JSONata.
    """
    if STRING_TOKEN.search(expression):
        return
    from cdk_sagemaker_processing.model.jsonata_syntax import jsonata_problem  # noqa: PLC0415 - few have expressions

    problem = jsonata_problem(expression)
    if problem is not None:
        raise InvalidValueError(
            parameter, expression, "be a JSONata expression", f"{problem}; {advice}" if advice else problem
        )


class Text(NamedTuple):
    """A text in a value.

    Attributes:
        parameter: where it is.
        key: its name, if it is in a mapping.
        value: the text.
    """

    parameter: str
    key: str
    value: str


def texts_in(parameter: str, value: object, key: str = "") -> Iterator[Text]:
    """Yield the texts in a value, in mappings and lists."""
    if isinstance(value, str):
        yield Text(parameter, key, value)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from texts_in(f"{parameter}[{name!r}]", item, str(name))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from texts_in(f"{parameter}[{index}]", item)


def check_evaluated(parameter: str, value: str) -> None:
    """Check a text that a JSONPath state evaluates.

    Raises:
        InvalidValueError: it is neither a path nor the call of an intrinsic function.
    """
    if not _is_text(value):
        return
    from cdk_sagemaker_processing.model.json_paths import is_intrinsic, is_path  # noqa: PLC0415 - few have paths

    if not is_path(value) and not is_intrinsic(value):
        raise InvalidValueError(
            parameter,
            value,
            "be a JSONPath or a call of an intrinsic function",
            f"for example $.detail or States.Format('{{}}', $.name); the name of a constant does not end in {DYNAMIC}",
        )


def _is_text(value: object) -> TypeGuard[str]:
    """Return whether a value is text that is known at synth; a JSONata expression is no path whatever its value is."""
    return isinstance(value, str) and (OPEN in value or not is_unresolved(value))
