"""Write a request in a state's query language, with values that are only known at run time anywhere in it.

A value of a request is static text, a CDK token, a Step Functions path as ``sfn.JsonPath`` encodes it, a JSONata
expression (``{% ... %}``), or text with any of these inside. Amazon States Language has another form for each mixture:

- JSONPath: ``"key.$": "$.path"``, and ``States.Format`` and ``States.Array`` for what is put together.
- JSONata: ``"key": "{% expression %}"``, and ``&`` for what is put together. Simple paths are translated, so that what
  is written with ``sfn.JsonPath`` (as the constructs of this library do) works in both.

See: https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html and
https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import functools
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing.model import (
    ConflictingValuesError,
    InvalidValueError,
    is_unresolved,
    is_whole_list_unresolved,
)

_TOKEN = re.compile(r"(\$\{Token\[[^]]+\]\})")
_JSONATA = re.compile(r"(\{%.*?%\})", re.DOTALL)
_SIMPLE_PATH = re.compile(r"(\$\$?|\$[A-Za-z_]\w*)((?:\.[A-Za-z_]\w*|\[\d+\]|\['[^'`]+'\])*)")
_STEP = re.compile(r"\.(?P<name>\w+)|\[(?P<index>\d+)\]|\['(?P<quoted>[^']+)'\]")
_JSONATA_WORDS = frozenset({"and", "or", "in"})
_JSONATA_ROOTS = {"$": "$states.input", "$$": "$states.context"}
_JSONATA_FUNCTIONS = {"States.UUID()": "$uuid()"}


@dataclass(frozen=True, slots=True)
class _RunTime:
    """A value that Step Functions puts in: an expression of the query language."""

    expression: str


@dataclass(frozen=True, slots=True)
class ContextObjectValues:
    """Values of the context object, and a UUID, which is a new one wherever it is written."""

    uuid: str
    execution_name: str
    state_name: str
    entered_time: str
    retry_count: str


@functools.cache
def context_object_values() -> ContextObjectValues:
    """What every task mixes into its request; asked of aws-cdk once."""
    path = sfn.JsonPath
    return ContextObjectValues(
        uuid=path.uuid(),
        execution_name=path.execution_name,
        state_name=path.state_name,
        entered_time=path.state_entered_time,
        retry_count=str(path.state_retry_count),
    )


def in_json_path(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request as ``Parameters`` of a JSONPath state.

    Raises:
        InvalidValueError: a value is a JSONata expression, or mixes run-time values in a way that JSONPath cannot
            write.
    """
    return _JsonPathWriter().structure(request)


def in_jsonata(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request as ``Arguments`` of a JSONata state.

    Raises:
        InvalidValueError: a value is a JSONPath that JSONata cannot write.
    """
    return _JsonataWriter().structure(request)


def merged(request: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The request with parts of it replaced; what is an object in both is merged."""
    found = dict(request)
    for name, value in overrides.items():
        known = found.get(name)
        both_objects = isinstance(known, Mapping) and isinstance(value, Mapping)
        found[name] = merged(dict(known or {}), value) if both_objects else value
    return found


def static_prefix(text: str) -> str:
    """What stands before the first part that is only known at run time."""
    head = ""
    for part in _TOKEN.split(_JSONATA.split(text)[0]):
        if _TOKEN.fullmatch(part) and _path_behind(part) is not None:
            break
        head += part
    return head


class _Writer(ABC):
    """Walks through a request; what differs between the query languages is below."""

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
        """The path behind a number, a list or an object; what CloudFormation resolves stays as it is."""
        rendered = sfn.FieldUtils.render_object({"value": value}) or {}
        return self.path(rendered["value.$"]) if "value.$" in rendered else value

    @abstractmethod
    def entry(self, key: str, value: Any) -> tuple[str, Any]:  # noqa: ANN401
        """An entry of an object."""

    @abstractmethod
    def items(self, items: list[Any]) -> Any:  # noqa: ANN401
        """A list."""

    @abstractmethod
    def path(self, path: str) -> _RunTime:
        """A path or an intrinsic function."""

    @abstractmethod
    def text(self, value: str) -> str | _RunTime:
        """Text with values inside."""


class _JsonPathWriter(_Writer):
    def entry(self, key: str, value: Any) -> tuple[str, Any]:  # noqa: ANN401
        return (f"{key}.$", value.expression) if isinstance(value, _RunTime) else (key, value)

    def items(self, items: list[Any]) -> Any:  # noqa: ANN401
        if not any(isinstance(item, _RunTime) for item in items):
            return items
        return _RunTime(f"States.Array({', '.join(_intrinsic_argument(item) for item in items)})")

    def path(self, path: str) -> _RunTime:
        return _RunTime(path)

    def text(self, value: str) -> str | _RunTime:
        if _is_expression(value):
            raise InvalidValueError(
                "a value of a JSONPath state",
                value,
                "be no JSONata expression",
                "give the state query_language=sfn.QueryLanguage.JSONATA, or write it with sfn.JsonPath",
            )
        pieces = list(_pieces(value))
        found = [piece for piece in pieces if isinstance(piece, _RunTime)]
        if not found:
            return value
        if len(pieces) == 1:
            return found[0]
        template = "".join("{}" if isinstance(piece, _RunTime) else _escaped(piece) for piece in pieces)
        return _RunTime(f"States.Format('{template}', {', '.join(piece.expression for piece in found)})")


class _JsonataWriter(_Writer):
    def entry(self, key: str, value: Any) -> tuple[str, Any]:  # noqa: ANN401
        return key, _as_jsonata(value)

    def items(self, items: list[Any]) -> Any:  # noqa: ANN401
        return [_as_jsonata(item) for item in items]

    def path(self, path: str) -> _RunTime:
        return _RunTime(_translated(path))

    def text(self, value: str) -> str | _RunTime:
        if _is_expression(value):
            return value
        parts: list[str] = []
        found = False
        for part in _JSONATA.split(value):
            if _JSONATA.fullmatch(part):
                parts.append(f"({part[2:-2].strip()})")
                found = True
                continue
            for piece in _pieces(part):
                if isinstance(piece, _RunTime):
                    parts.append(_translated(piece.expression))
                    found = True
                else:
                    parts.append(json.dumps(piece, ensure_ascii=False))
        return _RunTime(" & ".join(parts)) if found else value


def _is_expression(value: str) -> bool:
    """Whether the whole text is one JSONata expression."""
    return value.startswith("{%") and value.endswith("%}") and value.count("{%") == 1


def _as_jsonata(value: Any) -> Any:  # noqa: ANN401
    return f"{{% {value.expression} %}}" if isinstance(value, _RunTime) else value


def _pieces(value: str) -> Iterator[str | _RunTime]:
    """Text (with the tokens in it that CloudFormation resolves) and paths, in order."""
    literal = ""
    for part in _TOKEN.split(value):
        path = _path_behind(part) if _TOKEN.fullmatch(part) else None
        if path is None:
            literal += part
            continue
        if literal:
            yield literal
        literal = ""
        yield _RunTime(path)
    if literal:
        yield literal


@functools.cache
def _path_behind(token: str) -> str | None:
    """The path or intrinsic function that a token stands for; None for one that CloudFormation resolves.

    Asked once: a token stands for the same as long as the process lives.
    """
    if not sfn.JsonPath.is_encoded_json_path(token):
        return None
    rendered = sfn.FieldUtils.render_object({"value": token}) or {}
    return str(rendered["value.$"])


def _intrinsic_argument(item: Any) -> str:  # noqa: ANN401 - an item of a list
    match item:
        case _RunTime():
            return item.expression
        case str():
            return f"'{_escaped(item)}'"
        case _:
            raise InvalidValueError(
                "a list with values known at run time", item, "hold text alone in JSONPath", "write the list in JSONata"
            )


def _escaped(text: str) -> str:
    r"""Text inside an intrinsic function: ``' { } \`` are escaped, but not in a token, which aws-cdk replaces."""
    return "".join(
        part if _TOKEN.fullmatch(part) else re.sub(r"(['{}\\])", r"\\\1", part) for part in _TOKEN.split(text)
    )


def _translated(path: str) -> str:
    """A simple path in JSONata."""
    if path in _JSONATA_FUNCTIONS:
        return _JSONATA_FUNCTIONS[path]
    matched = _SIMPLE_PATH.fullmatch(path)
    if matched is None:
        raise InvalidValueError(
            "a value of a JSONata state",
            path,
            "be JSONata, or a path of names and indexes alone",
            "write it as {% ... %}",
        )
    root, steps = matched.groups()
    return _JSONATA_ROOTS.get(root, root) + "".join(_jsonata_step(step) for step in _STEP.finditer(steps))


def _jsonata_step(step: re.Match[str]) -> str:
    if step["index"] is not None:
        return f"[{step['index']}]"
    name = step["name"] or step["quoted"]
    plain = name.isidentifier() and name not in _JSONATA_WORDS
    return f".{name}" if plain else f".`{name}`"


def check_language(
    state: str,
    language: sfn.QueryLanguage | None,
    paths: Mapping[str, object],
    state_output: object,
    request: Mapping[str, Any],
) -> None:
    """Refuse what a state's query language does not have, as soon as the language is known.

    Args:
        state: the state's id.
        language: its language; None while it is not known.
        paths: what it was given of JSONPath, by parameter.
        state_output: what it was given of JSONata.
        request: its request.

    Raises:
        ConflictingValuesError: something of the other language.
        InvalidValueError: a path that JSONata cannot write.
    """
    if language == sfn.QueryLanguage.JSONATA:
        if given := [name for name, value in paths.items() if value is not None]:
            raise ConflictingValuesError(
                f"{given[0]} is JSONPath's, and the state {state!r} is JSONata; "
                "shape what the next state sees with state_output"
            )
        in_jsonata(request)
    elif language == sfn.QueryLanguage.JSON_PATH and state_output is not None:
        raise ConflictingValuesError(
            f"state_output is JSONata's, and the state {state!r} is JSONPath; shape what the next state sees with "
            "result_selector, result_path and output_path, or give it query_language=sfn.QueryLanguage.JSONATA"
        )
