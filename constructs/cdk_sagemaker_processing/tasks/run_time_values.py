"""The values of requests that are known only at run time, in the texts around them.

A value of a request is static text, a CDK token, a Step Functions path as ``sfn.JsonPath`` encodes it, a JSONata
expression (``{% ... %}``), or text that contains any of these. `query_languages` writes them.

See: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing._internal.resource_facts import is_deployment_token
from cdk_sagemaker_processing.model import check_type, is_unresolved, is_whole_list_unresolved
from cdk_sagemaker_processing.model.s3_uri import is_s3_uri, split_s3_uri
from cdk_sagemaker_processing.model.tokens import STRING_TOKEN, split_at_tokens
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.tasks.late_rendering import late

OPEN, CLOSE = "{%", "%}"
# The input, its copy in the context object, and variables; a function's name is followed by a parenthesis.
_INPUT_IN_JSONATA: Final = (
    r"(?s)^\{%.*(\$states\.(input|context\.Execution\.Input)\b|\$(?!states\b)[A-Za-z_]\w*+(?!\s*\())"
)
_INPUT_IN_PATHS: Final = r"(?s)^(?!\{%).*((?<!\$)\$(?!\$)|\$\$\.Execution\.Input\b|\$\$(?![.\w\[]))"
_QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|/\*.*?\*/""", re.DOTALL)


class RunTimeValue(NamedTuple):
    """A value that Step Functions inserts at run time: an expression of the query language."""

    expression: str


class ContextObjectValues(NamedTuple):
    """Values of the context object, and a UUID, which is a new one at each occurrence."""

    uuid: str
    execution_name: str
    state_name: str
    retry_count: str


@functools.cache
def context_object_values() -> ContextObjectValues:
    """Return the values that every task uses in its request; cached, because each call to aws-cdk costs time."""
    uuid = sfn.JsonPath.uuid()
    _ENCODED[uuid] = "States.UUID()"
    return ContextObjectValues(
        uuid=uuid,
        execution_name=path_token("$$.Execution.Name"),
        state_name=path_token("$$.State.Name"),
        retry_count=path_token("$$.State.RetryCount"),
    )


def path_token(path: str) -> str:
    """Return the token of a path, as ``sfn.JsonPath.string_at`` does; its meaning then is known without aws-cdk."""
    token: str = sfn.JsonPath.string_at(path)
    _ENCODED[token] = path
    return token


# The paths of tokens: each call to aws-cdk costs time, and the meaning of a token never changes within a process.
_ENCODED: dict[str, str | None] = {}


@functools.cache
def discard() -> str:
    """Return the path that discards a result; cached, because each call to aws-cdk costs time."""
    return sfn.JsonPath.DISCARD


@public
def literal_text(text: str) -> str:
    """Return text that reaches the job as it is written, also where it looks like an expression of Step Functions.

    A state whose query language is JSONata evaluates ``{% ... %}``, the form of a tag in Jinja, Liquid and dbt; this
    library refuses it in a JSONPath state, too, if it contains ``$``. The result may be a part of a longer text.

    Args:
        text: the text.

    Example:
        >>> arguments = ["--template", literal_text("{% if day %}{{ day }}{% endif %}")]
    """
    check_type("text", text, str)
    return _literal_token(text)


@functools.cache
def _literal_token(text: str) -> str:
    token = late(lambda: text)
    _LITERALS[token] = text
    return token


_LITERALS: dict[str, str] = {}


def static_prefix(text: str) -> str:
    """Return the text before the first part that is known only at run time."""
    prefix = ""
    for part in split_at_tokens(next(parts_of(text)).text):
        if STRING_TOKEN.fullmatch(part) and _encoded_path(part) is not None:
            break
        prefix += part
    return prefix


def static_location(uri: str) -> tuple[str, str] | None:
    """Return the bucket and key of an S3 URI as far as they are known at deployment; None if the bucket is not."""
    known = static_prefix(uri)
    bucket, key = split_s3_uri(known)
    bucket_is_cut = known != uri and not key and not known.endswith("/")
    return (bucket, key) if is_s3_uri(known) and bucket and not bucket_is_cut else None


def static_text(text: str) -> str:
    """Return the parts of a text that are known at synth."""
    return "".join(
        piece
        for part in parts_of(text)
        if not part.is_expression
        for piece in pieces_of(part.text)
        if isinstance(piece, str) and not STRING_TOKEN.search(piece)
    )


def run_time_expressions(text: str) -> list[str]:
    """Return the expressions of a text that are evaluated at run time: paths, intrinsic functions and JSONata."""
    expressions = []
    for part in parts_of(text):
        if part.is_expression:
            expressions.append(part.text[len(OPEN) : -len(CLOSE)].strip())
        else:
            expressions += [piece.expression for piece in pieces_of(part.text) if isinstance(piece, RunTimeValue)]
    return expressions


def uses_execution_input(request: Any) -> bool:  # noqa: ANN401 - any part of a request
    """Return whether a request takes a value from the execution's input, or from a variable, which may hold some of it.

    The context object does not count, except for its copy of the input: the execution's name and a UUID differ for each
    upload, and say nothing about it.
    """
    return any(
        re.search(_INPUT_IN_JSONATA, expression) or re.search(_INPUT_IN_PATHS, expression)
        for expression in expressions_of(request)
    )


def expressions_of(value: Any, name: str = "") -> Iterator[str]:  # noqa: ANN401 - any part of a request
    """Yield the expressions in a part of a request: paths, intrinsic functions and JSONata."""
    match value:
        case str() if name.endswith(".$"):
            yield value
        case str():
            yield from (part.text for part in parts_of(value) if part.is_expression)
            yield from (piece.expression for piece in pieces_of(value) if isinstance(piece, RunTimeValue))
        case Mapping():
            for key, item in value.items():
                yield from expressions_of(item, str(key))
        case list() | tuple() if not is_whole_list_unresolved(value):
            for item in value:
                yield from expressions_of(item)
        case _ if is_unresolved(value):
            rendered = sfn.FieldUtils.render_object({"value": value}) or {}
            yield from (path for key, path in rendered.items() if key.endswith(".$"))


def is_plain(value: str) -> bool:
    """Return whether a text certainly has no part that is known later, as most texts of a request."""
    return "${Token[" not in value and OPEN not in value


def is_expression_alone(value: str) -> bool:
    """Return whether the whole text is one JSONata expression."""
    return value.startswith(OPEN) and _end_of_expression(value, 0) == len(value)


class Part(NamedTuple):
    """A part of a text: an expression with its delimiters, or the text around it."""

    text: str
    is_expression: bool


def parts_of(text: str) -> Iterator[Part]:
    """Yield the parts of a text, alternately the text around expressions and the expressions."""
    position = 0
    while (start := text.find(OPEN, position)) >= 0 and (end := _end_of_expression(text, start)) > 0:
        yield Part(text[position:start], is_expression=False)
        yield Part(text[start:end], is_expression=True)
        position = end
    yield Part(text[position:], is_expression=False)


def _end_of_expression(text: str, start: int) -> int:
    """Return the end of the expression that starts at a position; its strings may contain the delimiters. 0 if none."""
    position = start + len(OPEN)
    while position < len(text):
        if text.startswith(CLOSE, position):
            return position + len(CLOSE)
        if matched := _QUOTED.match(text, position):
            position = matched.end()
        else:
            position += 1
    # A quotation mark without its partner, as in a sentence.
    return text.find(CLOSE, start) + len(CLOSE) if CLOSE in text[start:] else 0


def pieces_of(value: str) -> Iterator[str | RunTimeValue]:
    """Yield text, including tokens that CloudFormation resolves, and paths, in order."""
    literal = ""
    for part in split_at_tokens(value):
        is_token = STRING_TOKEN.fullmatch(part) and part not in _LITERALS
        path = _encoded_path(part) if is_token else None
        if path is None:
            literal += _LITERALS.get(part, part)
            continue
        if literal:
            yield literal
        literal = ""
        yield RunTimeValue(path)
    if literal:
        yield literal


def _encoded_path(token: str) -> str | None:
    """Return the path or intrinsic function that a token encodes; None for one that CloudFormation resolves."""
    if is_deployment_token(token):
        return None
    if token not in _ENCODED:
        rendered = sfn.FieldUtils.render_object({"value": token}) or {}
        _ENCODED[token] = rendered.get("value.$")
    return _ENCODED[token]
