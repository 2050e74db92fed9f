"""Requests in the query language of a state, with values that are known only at run time.

Amazon States Language has a form for each combination of text and the values of `run_time_values`:

- JSONPath: ``"key.$": "$.path"``, and ``States.Format`` and ``States.Array`` for composed values.
- JSONata: ``"key": "{% expression %}"``, and ``&`` for composed values. Simple paths are translated, so that values
  written with ``sfn.JsonPath`` (as in the constructs of this library) work in both languages.

See: https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html and
https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing.model import (
    ConflictingValuesError,
    InvalidValueError,
    is_unresolved,
    is_whole_list_unresolved,
)
from cdk_sagemaker_processing.model.tokens import STRING_TOKEN, split_at_tokens
from cdk_sagemaker_processing.tasks.run_time_values import (
    CLOSE,
    OPEN,
    RunTimeValue,
    is_expression_alone,
    is_plain,
    parts_of,
    pieces_of,
)
from cdk_sagemaker_processing.tasks.state_paths import (
    DYNAMIC,
    check_evaluated,
    check_jsonata,
    check_jsonata_field,
    check_template,
)

# What a `{% ... %}` of a template language starts with; in JSONata these are at most names, which have no value here.
_TEMPLATE_TAG: Final = (
    r"[-+]?\s*(end)?(raw|verbatim|if|elif|elsif|else|unless|for|while|set|block|macro|call|filter|with|case|when|capture"
    r"|comment|include|extends|import|from|load|assign|autoescape|trans|blocktrans|do|break|continue)\b(?!\s*[(.\[])"
)
# A literal, a value of the execution, or the call of a function: an expression without any of these has no value.
_HAS_VALUE: Final = r"[$\"'\d(\[{]|\b(true|false|null)\b"
_SIMPLE_PATH: Final = r"(\$\$?|\$[A-Za-z_]\w*)((?:\.[A-Za-z_]\w*|\[\d+\]|\['[^'`]+'\])*)"
_STEP: Final = r"\.(?P<name>\w+)|\[(?P<index>\d+)\]|\['(?P<quoted>[^']+)'\]"
_JSONATA_KEYWORDS = frozenset({"and", "or", "in"})
_JSONATA_ROOTS = {"$": "$states.input", "$$": "$states.context"}
_JSONATA_FUNCTIONS = {"States.UUID()": "$uuid()"}
_AS_TEXT: Final = r"States\.Format\('\{\}', (?P<path>[^,]+)\)"


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
    def path(self, path: str) -> RunTimeValue:
        """Return a path or an intrinsic function."""

    @abstractmethod
    def text(self, value: str) -> str | RunTimeValue:
        """Return text that may contain run-time values."""


class _JsonPathWriter(_Writer):
    """The writer for JSONPath states."""

    def entry(self, key: str, value: Any) -> tuple[str, Any]:  # noqa: ANN401
        if isinstance(value, RunTimeValue):
            return f"{key}{DYNAMIC}", value.expression
        if key.endswith(DYNAMIC) and isinstance(value, str):
            check_evaluated(key, value)
        return key, value

    def items(self, items: list[Any]) -> Any:  # noqa: ANN401
        if not any(isinstance(item, RunTimeValue) for item in items):
            return items
        return RunTimeValue(f"States.Array({', '.join(_intrinsic_argument(item) for item in items)})")

    def path(self, path: str) -> RunTimeValue:
        check_evaluated("a value of a JSONPath state", path)
        return RunTimeValue(path)

    def text(self, value: str) -> str | RunTimeValue:
        if is_plain(value):
            return value
        if any("$" in part.text for part in parts_of(STRING_TOKEN.sub("", value)) if part.is_expression):
            raise InvalidValueError(
                "a value of a JSONPath state",
                value,
                "not be a JSONata expression",
                "give the state query_language=sfn.QueryLanguage.JSONATA, or use sfn.JsonPath; if the job itself "
                "should receive this text, write literal_text(...) around it",
            )
        pieces = list(pieces_of(value))
        run_time = [piece for piece in pieces if isinstance(piece, RunTimeValue)]
        for piece in run_time:
            check_evaluated("a value of a JSONPath state", piece.expression)
        if not run_time:
            return "".join(str(piece) for piece in pieces)
        if len(pieces) == 1:
            return run_time[0]
        template = "".join("{}" if isinstance(piece, RunTimeValue) else _escape(piece) for piece in pieces)
        return RunTimeValue(f"States.Format('{template}', {', '.join(piece.expression for piece in run_time)})")


class _JsonataWriter(_Writer):
    """The writer for JSONata states."""

    def entry(self, key: str, value: Any) -> tuple[str, Any]:  # noqa: ANN401
        if key.endswith(DYNAMIC):
            raise InvalidValueError(
                "the name of a field in a JSONata state",
                key,
                f"not end in {DYNAMIC}, which JSONPath evaluates",
                "write the name without it, and the value as {% ... %}",
            )
        return key, _as_jsonata(value)

    def items(self, items: list[Any]) -> Any:  # noqa: ANN401
        return [_as_jsonata(item) for item in items]

    def path(self, path: str) -> RunTimeValue:
        return RunTimeValue(jsonata_path(path))

    def text(self, value: str) -> str | RunTimeValue:
        if is_plain(value):
            return value
        if is_expression_alone(value):
            _checked_expression(value)
            return value
        parts: list[str] = []
        literal: list[str] = []
        has_run_time_value = False
        for part in parts_of(value):
            if part.is_expression:
                parts.append(f"({_checked_expression(part.text)})")
                has_run_time_value = True
                continue
            for piece in pieces_of(part.text):
                if isinstance(piece, RunTimeValue):
                    parts.append(jsonata_path(piece.expression))
                    has_run_time_value = True
                else:
                    literal.append(piece)
                    parts.append(jsonata_string(piece))
        text = "".join(literal)
        looks_like_expression = text.startswith(OPEN) and text.endswith(CLOSE)
        return RunTimeValue(" & ".join(parts)) if has_run_time_value or looks_like_expression else text


def _checked_expression(expression: str) -> str:
    """Return the inside of an expression, after refusing text that is certainly not JSONata."""
    inside = expression[len(OPEN) : -len(CLOSE)].strip()
    if re.match(_TEMPLATE_TAG, inside) or not (re.search(_HAS_VALUE, inside) or STRING_TOKEN.search(inside)):
        raise InvalidValueError(
            "a value of a JSONata state",
            expression,
            "be a JSONata expression",
            "values come from $states and from variables, for example {% $states.input.day %}; if the job itself "
            "should receive this text, write literal_text(...) around it",
        )
    check_jsonata("a value of a JSONata state", expression, "or write literal_text(...) around text for the job")
    return inside


def jsonata_string(text: str) -> str:
    """Return text as a string of JSONata, with nothing in it that ends the expression around it."""
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted.replace(OPEN, r"\u007b%").replace(CLOSE, r"%\u007d")


def _as_jsonata(value: Any) -> Any:  # noqa: ANN401
    return f"{{% {value.expression} %}}" if isinstance(value, RunTimeValue) else value


def _intrinsic_argument(item: Any) -> str:  # noqa: ANN401 - an item of a list
    match item:
        case RunTimeValue():
            return item.expression
        case str():
            # Only for States.Format is it certain that an escaped brace arrives as a brace.
            braces = "{" in STRING_TOKEN.sub("", item) or "}" in STRING_TOKEN.sub("", item)
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
        part if STRING_TOKEN.fullmatch(part) else re.sub(r"(['{}\\])", r"\\\1", part) for part in split_at_tokens(text)
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
    assign: Mapping[str, Any] | None,
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
        assign: the variables that the state sets.
        request: the state's request.
        machine_language: the query language of the state machine. Default: it is not known yet.

    Raises:
        ConflictingValuesError: an option of the other language.
        InvalidValueError: a value that is not in the language, or a path that cannot be translated to JSONata.
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
        check_jsonata_field("state_output", state_output)
        check_jsonata_field("assign", assign)
    elif language == sfn.QueryLanguage.JSON_PATH and state_output is not None:
        raise ConflictingValuesError(
            f"state_output is JSONata's, and the state {state!r} is JSONPath; shape what the next state sees with "
            "result_selector, result_path and output_path, or give it query_language=sfn.QueryLanguage.JSONATA"
        )
    elif language == sfn.QueryLanguage.JSON_PATH:
        check_template("assign", assign)
