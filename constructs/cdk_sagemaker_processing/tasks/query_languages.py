"""Requests in the query language of a state, with values that are known only at run time.

A value of a request is static text, a CDK token, a Step Functions path as ``sfn.JsonPath`` encodes it, a JSONata
expression (``{% ... %}``), or text that contains any of these. Amazon States Language has a form for each combination:

- JSONPath: ``"key.$": "$.path"``, and ``States.Format`` and ``States.Array`` for composed values.
- JSONata: ``"key": "{% expression %}"``, and ``&`` for composed values. Simple paths are translated, so that values
  written with ``sfn.JsonPath`` (as in the constructs of this library) work in both languages.

See: https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html and
https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import functools
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing._internal.resource_facts import is_deployment_token
from cdk_sagemaker_processing.model import (
    ConflictingValuesError,
    InvalidValueError,
    check_type,
    is_unresolved,
    is_whole_list_unresolved,
)
from cdk_sagemaker_processing.model.s3_uri import is_s3_uri, split_s3_uri
from cdk_sagemaker_processing.model.tokens import STRING_TOKEN
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.tasks.late_rendering import late

_TOKEN = re.compile(f"({STRING_TOKEN.pattern})")
_OPEN, _CLOSE = "{%", "%}"
# What a `{% ... %}` of a template language starts with; in JSONata these are at most names, which have no value here.
_TEMPLATE_TAG: Final = (
    r"[-+]?\s*(end)?(raw|verbatim|if|elif|elsif|else|unless|for|while|set|block|macro|call|filter|with|case|when|capture"
    r"|comment|include|extends|import|from|load|assign|autoescape|trans|blocktrans|do|break|continue)\b(?!\s*[(.\[])"
)
# A literal, a value of the execution, or the call of a function: an expression without any of these has no value.
_HAS_VALUE: Final = r"[$\"'\d(\[{]|\b(true|false|null)\b"
_SIMPLE_PATH: Final = r"(\$\$?|\$[A-Za-z_]\w*)((?:\.[A-Za-z_]\w*|\[\d+\]|\['[^'`]+'\])*)"
# The input, its copy in the context object, and variables; a function's name is followed by a parenthesis.
_INPUT_IN_JSONATA: Final = (
    r"(?s)^\{%.*(\$states\.(input|context\.Execution\.Input)\b|\$(?!states\b)[A-Za-z_]\w*+(?!\s*\())"
)
_INPUT_IN_PATHS: Final = r"(?s)^(?!\{%).*((?<!\$)\$(?!\$)|\$\$\.Execution\.Input\b|\$\$(?![.\w\[]))"
_STEP: Final = r"\.(?P<name>\w+)|\[(?P<index>\d+)\]|\['(?P<quoted>[^']+)'\]"
_JSONATA_KEYWORDS = frozenset({"and", "or", "in"})
_JSONATA_ROOTS = {"$": "$states.input", "$$": "$states.context"}
_JSONATA_FUNCTIONS = {"States.UUID()": "$uuid()"}
_AS_TEXT: Final = r"States\.Format\('\{\}', (?P<path>[^,]+)\)"


class _RunTime(NamedTuple):
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


def to_json_path(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request as ``Parameters`` of a JSONPath state.

    Raises:
        InvalidValueError: a value is a JSONata expression, or combines run-time values in a way that JSONPath cannot
            express.
    """
    return _JsonPathWriter().structure(request)


def to_jsonata(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request as ``Arguments`` of a JSONata state.

    Raises:
        InvalidValueError: a value is a path that cannot be translated to JSONata.
    """
    return _JsonataWriter().structure(request)


def merge(request: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request with parts of it replaced; objects that are in both are merged."""
    merged = dict(request)
    for name, value in overrides.items():
        original = merged.get(name)
        both_objects = isinstance(original, Mapping) and isinstance(value, Mapping)
        merged[name] = merge(dict(original or {}), value) if both_objects else value
    return merged


def static_prefix(text: str) -> str:
    """Return the text before the first part that is known only at run time."""
    prefix = ""
    for part in _TOKEN.split(next(_parts(text)).text):
        if _TOKEN.fullmatch(part) and _encoded_path(part) is not None:
            break
        prefix += part
    return prefix


def static_location(uri: str) -> tuple[str, str] | None:
    """Return the bucket and key of an S3 URI as far as they are known at deployment; None if the bucket is not."""
    known = static_prefix(uri)
    bucket, key = split_s3_uri(known)
    bucket_is_cut = known != uri and not key and not known.endswith("/")
    return (bucket, key) if is_s3_uri(known) and bucket and not bucket_is_cut else None


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
            yield from (part.text for part in _parts(value) if part.is_expression)
            yield from (piece.expression for piece in _pieces(value) if isinstance(piece, _RunTime))
        case Mapping():
            for key, item in value.items():
                yield from expressions_of(item, str(key))
        case list() | tuple() if not is_whole_list_unresolved(value):
            for item in value:
                yield from expressions_of(item)
        case _ if is_unresolved(value):
            rendered = sfn.FieldUtils.render_object({"value": value}) or {}
            yield from (path for key, path in rendered.items() if key.endswith(".$"))


def static_text(text: str) -> str:
    """Return the parts of a text that are known at synth."""
    return "".join(
        piece
        for part in _parts(text)
        if not part.is_expression
        for piece in _pieces(part.text)
        if isinstance(piece, str) and not _TOKEN.search(piece)
    )


class _Writer(ABC):
    """A writer of requests; its subclasses contain the differences between the query languages."""

    def structure(self, value: Mapping[str, Any]) -> dict[str, Any]:
        return dict(self.entry(key, self.value(item)) for key, item in value.items())

    def value(self, value: Any) -> Any:  # noqa: ANN401 - any part of a request
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return self.structure(value)
            case list() | tuple() if is_whole_list_unresolved(value):
                return self._encoded(list(value))
            case list() | tuple():
                return self.items([self.value(item) for item in value])
            case _:
                return self._encoded(value) if is_unresolved(value) else value

    def _encoded(self, value: Any) -> Any:  # noqa: ANN401 - a number, list or object that aws-cdk encoded
        """Return the path that a number, list or object encodes; tokens for CloudFormation stay as they are."""
        rendered = sfn.FieldUtils.render_object({"value": value}) or {}
        return self.path(rendered["value.$"]) if "value.$" in rendered else value

    @abstractmethod
    def entry(self, key: str, value: Any) -> tuple[str, Any]:  # noqa: ANN401
        """Return an entry of an object."""

    @abstractmethod
    def items(self, items: list[Any]) -> Any:  # noqa: ANN401
        """Return a list."""

    @abstractmethod
    def path(self, path: str) -> _RunTime:
        """Return a path or an intrinsic function."""

    @abstractmethod
    def text(self, value: str) -> str | _RunTime:
        """Return text that may contain run-time values."""


class _JsonPathWriter(_Writer):
    """The writer for JSONPath states."""

    def entry(self, key: str, value: Any) -> tuple[str, Any]:  # noqa: ANN401
        return (f"{key}.$", value.expression) if isinstance(value, _RunTime) else (key, value)

    def items(self, items: list[Any]) -> Any:  # noqa: ANN401
        if not any(isinstance(item, _RunTime) for item in items):
            return items
        return _RunTime(f"States.Array({', '.join(_intrinsic_argument(item) for item in items)})")

    def path(self, path: str) -> _RunTime:
        return _RunTime(path)

    def text(self, value: str) -> str | _RunTime:
        if _is_plain(value):
            return value
        if any("$" in part.text for part in _parts(_TOKEN.sub("", value)) if part.is_expression):
            raise InvalidValueError(
                "a value of a JSONPath state",
                value,
                "not be a JSONata expression",
                "give the state query_language=sfn.QueryLanguage.JSONATA, or use sfn.JsonPath; if the job itself "
                "should receive this text, write literal_text(...) around it",
            )
        pieces = list(_pieces(value))
        run_time = [piece for piece in pieces if isinstance(piece, _RunTime)]
        if not run_time:
            return "".join(str(piece) for piece in pieces)
        if len(pieces) == 1:
            return run_time[0]
        template = "".join("{}" if isinstance(piece, _RunTime) else _escape(piece) for piece in pieces)
        return _RunTime(f"States.Format('{template}', {', '.join(piece.expression for piece in run_time)})")


class _JsonataWriter(_Writer):
    """The writer for JSONata states."""

    def entry(self, key: str, value: Any) -> tuple[str, Any]:  # noqa: ANN401
        return key, _as_jsonata(value)

    def items(self, items: list[Any]) -> Any:  # noqa: ANN401
        return [_as_jsonata(item) for item in items]

    def path(self, path: str) -> _RunTime:
        return _RunTime(jsonata_path(path))

    def text(self, value: str) -> str | _RunTime:
        if _is_plain(value):
            return value
        if _is_expression(value):
            _checked_expression(value)
            return value
        parts: list[str] = []
        literal: list[str] = []
        has_run_time_value = False
        for part in _parts(value):
            if part.is_expression:
                parts.append(f"({_checked_expression(part.text)})")
                has_run_time_value = True
                continue
            for piece in _pieces(part.text):
                if isinstance(piece, _RunTime):
                    parts.append(jsonata_path(piece.expression))
                    has_run_time_value = True
                else:
                    literal.append(piece)
                    parts.append(jsonata_string(piece))
        text = "".join(literal)
        looks_like_expression = text.startswith(_OPEN) and text.endswith(_CLOSE)
        return _RunTime(" & ".join(parts)) if has_run_time_value or looks_like_expression else text


def _is_plain(value: str) -> bool:
    """Return whether a text certainly has no part that is known later, as most texts of a request."""
    return "${Token[" not in value and _OPEN not in value


class _Part(NamedTuple):
    """A part of a text: an expression with its delimiters, or the text around it."""

    text: str
    is_expression: bool


def _parts(text: str) -> Iterator[_Part]:
    """Yield the parts of a text, alternately the text around expressions and the expressions."""
    position = 0
    while (start := text.find(_OPEN, position)) >= 0 and (end := _end_of_expression(text, start)) > 0:
        yield _Part(text[position:start], is_expression=False)
        yield _Part(text[start:end], is_expression=True)
        position = end
    yield _Part(text[position:], is_expression=False)


def _end_of_expression(text: str, start: int) -> int:
    """Return the end of the expression that starts at a position; its strings may contain the delimiters. 0 if none."""
    position = start + len(_OPEN)
    while position < len(text):
        if text.startswith(_CLOSE, position):
            return position + len(_CLOSE)
        if matched := _QUOTED.match(text, position):
            position = matched.end()
        else:
            position += 1
    # A quotation mark without its partner, as in a sentence.
    return text.find(_CLOSE, start) + len(_CLOSE) if _CLOSE in text[start:] else 0


_QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|/\*.*?\*/""", re.DOTALL)


def _is_expression(value: str) -> bool:
    """Return whether the whole text is one JSONata expression."""
    return value.startswith(_OPEN) and _end_of_expression(value, 0) == len(value)


def _checked_expression(expression: str) -> str:
    """Return the inside of an expression, after refusing text that is certainly not JSONata."""
    inside = expression[len(_OPEN) : -len(_CLOSE)].strip()
    if re.match(_TEMPLATE_TAG, inside) or not (re.search(_HAS_VALUE, inside) or _TOKEN.search(inside)):
        raise InvalidValueError(
            "a value of a JSONata state",
            expression,
            "be a JSONata expression",
            "values come from $states and from variables, for example {% $states.input.day %}; if the job itself "
            "should receive this text, write literal_text(...) around it",
        )
    return inside


def jsonata_string(text: str) -> str:
    """Return text as a string of JSONata, with nothing in it that ends the expression around it."""
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted.replace(_OPEN, r"\u007b%").replace(_CLOSE, r"%\u007d")


def run_time_expressions(text: str) -> list[str]:
    """Return the expressions of a text that are evaluated at run time: paths, intrinsic functions and JSONata."""
    expressions = []
    for part in _parts(text):
        if part.is_expression:
            expressions.append(part.text[len(_OPEN) : -len(_CLOSE)].strip())
        else:
            expressions += [piece.expression for piece in _pieces(part.text) if isinstance(piece, _RunTime)]
    return expressions


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


def _as_jsonata(value: Any) -> Any:  # noqa: ANN401
    return f"{{% {value.expression} %}}" if isinstance(value, _RunTime) else value


def _pieces(value: str) -> Iterator[str | _RunTime]:
    """Yield text, including tokens that CloudFormation resolves, and paths, in order."""
    literal = ""
    for part in _TOKEN.split(value):
        is_token = _TOKEN.fullmatch(part) and part not in _LITERALS
        path = _encoded_path(part) if is_token else None
        if path is None:
            literal += _LITERALS.get(part, part)
            continue
        if literal:
            yield literal
        literal = ""
        yield _RunTime(path)
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


def _intrinsic_argument(item: Any) -> str:  # noqa: ANN401 - an item of a list
    match item:
        case _RunTime():
            return item.expression
        case str():
            # Only for States.Format is it certain that an escaped brace arrives as a brace.
            braces = "{" in _TOKEN.sub("", item) or "}" in _TOKEN.sub("", item)
            return f"States.Format('{_escape(item)}')" if braces else f"'{_escape(item)}'"
        case _:
            raise InvalidValueError(
                "a list with values known at run time",
                item,
                "contain only text in JSONPath",
                "use JSONata for the list",
            )


def _escape(text: str) -> str:
    r"""Return text for an intrinsic function, with ``' { } \`` escaped, except in tokens, which aws-cdk replaces."""
    return "".join(
        part if _TOKEN.fullmatch(part) else re.sub(r"(['{}\\])", r"\\\1", part) for part in _TOKEN.split(text)
    )


def jsonata_path(path: str) -> str:
    """Return a simple path in JSONata.

    Args:
        path: a path of names and indexes, the text of one by ``States.Format('{}', ...)``, or ``States.UUID()``.

    Raises:
        InvalidValueError: the path has another form.
    """
    if path in _JSONATA_FUNCTIONS:
        return _JSONATA_FUNCTIONS[path]
    if as_text := re.fullmatch(_AS_TEXT, path):
        return f"$string({jsonata_path(as_text['path'])})"
    matched = re.fullmatch(_SIMPLE_PATH, path)
    if matched is None:
        raise InvalidValueError(
            "a value of a JSONata state",
            path,
            "be JSONata, or a path of names and indexes",
            "write it as {% ... %}",
        )
    root, steps = matched.groups()
    return _JSONATA_ROOTS.get(root, root) + "".join(_jsonata_step(step) for step in re.finditer(_STEP, steps))


def _jsonata_step(step: re.Match[str]) -> str:
    if step["index"] is not None:
        return f"[{step['index']}]"
    name = step["name"] or step["quoted"]
    plain = name.isidentifier() and name not in _JSONATA_KEYWORDS
    return f".{name}" if plain else f".`{name}`"


def check_language(
    state: str,
    language: sfn.QueryLanguage | None,
    paths: Mapping[str, object],
    state_output: object,
    request: Mapping[str, Any],
    *,
    machine_language: sfn.QueryLanguage | None = None,
) -> None:
    """Check that a state uses only features of its query language, as soon as the language is known.

    Args:
        state: the state's ID.
        language: the state's query language; None while it is not known.
        paths: the state's JSONPath options, by parameter.
        state_output: the state's JSONata output.
        request: the state's request.
        machine_language: the query language of the state machine. Default: it is not known yet.

    Raises:
        ConflictingValuesError: an option of the other language.
        InvalidValueError: a path that cannot be translated to JSONata.
    """
    if language == sfn.QueryLanguage.JSON_PATH and machine_language == sfn.QueryLanguage.JSONATA:
        # https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html
        raise ConflictingValuesError(
            f"the state {state!r} is JSONPath, and its state machine JSONata, where no state may be JSONPath; "
            "leave query_language out, or make the state machine JSONPath"
        )
    if language == sfn.QueryLanguage.JSONATA:
        if used := [name for name, value in paths.items() if value is not None]:
            raise ConflictingValuesError(
                f"{used[0]} is JSONPath's, and the state {state!r} is JSONata; "
                "shape what the next state sees with state_output"
            )
        to_jsonata(request)
    elif language == sfn.QueryLanguage.JSON_PATH and state_output is not None:
        raise ConflictingValuesError(
            f"state_output is JSONata's, and the state {state!r} is JSONPath; shape what the next state sees with "
            "result_selector, result_path and output_path, or give it query_language=sfn.QueryLanguage.JSONATA"
        )
