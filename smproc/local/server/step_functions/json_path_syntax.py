"""The syntax of JSONPath, as Step Functions accepts it: that of Jayway's JsonPath.

See: https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html
See: https://github.com/json-path/JsonPath
"""

from __future__ import annotations

import functools
import json
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

_NAME = re.compile(r"[^\s.\[\]()]+")
_FUNCTION = re.compile(r"(length|size|min|max|avg|sum|stddev|keys|first|last)\(\s*\)")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_SLICE = re.compile(r"\s*(-?\d*)\s*:\s*(-?\d*)\s*\]")
_INDEXES = re.compile(r"\s*(-?\d+(?:\s*,\s*-?\d+)*)\s*\]")
_OPERATOR = re.compile(r"==|!=|<=|>=|<|>|=~|\b(?:in|nin|contains|size|empty|subsetof|anyof|noneof)\b")
_REGULAR_EXPRESSION = re.compile(r"/((?:\\.|[^/\\])*)/(i?)")


class JsonPathSyntaxError(ValueError):
    """A path is not valid."""


@dataclass(frozen=True, slots=True)
class Children:
    """Members of an object by name: ``.a``, ``['a']``, ``['a','b']``."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Indexes:
    """Elements of an array by index: ``[0]``, ``[-1]``, ``[0,2]``."""

    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """A range of an array: ``[1:3]``."""

    start: int | None
    stop: int | None


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Every member or element: ``.*``, ``[*]``."""


@dataclass(frozen=True, slots=True)
class Descendants:
    """Every value below: ``..``."""


@dataclass(frozen=True, slots=True)
class Filter:
    """The elements that meet a condition: ``[?(@.a > 1)]``.

    Attributes:
        condition: takes the element and the root; returns whether it is met.
    """

    condition: Callable[[Any, Any], bool]


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the values so far: ``.length()``."""

    name: str


Step = Children | Indexes | Slice | Wildcard | Descendants | Filter | Function
# Takes steps, the value from which they start, the root and a default; returns what they lead to.
Find = Callable[[tuple[Step, ...], Any, Any, object], Any]
_MISSING: Final = object()


def is_definite(steps: tuple[Step, ...]) -> bool:
    """Return whether a path leads to one value at most.

    Args:
        steps: the path's steps.
    """
    return not any(
        isinstance(step, Slice | Wildcard | Descendants | Filter)
        or (isinstance(step, Children) and len(step.names) > 1)
        or (isinstance(step, Indexes) and len(step.indexes) > 1)
        for step in steps
    )


@functools.lru_cache(maxsize=4096)
def parse(path: str, find: Find) -> tuple[Step, ...]:
    """Return the steps of a path.

    Args:
        path: the path, which begins with ``$``.
        find: follows the paths in the path's filters.

    Raises:
        JsonPathSyntaxError: the path is not valid.
    """
    if not path.startswith("$"):
        raise JsonPathSyntaxError(f"A JSONPath must start with $, got {path!r}")
    parser = _Parser(path, 1, find)
    steps = parser.steps()
    if parser.position != len(path):
        raise parser.error()
    return steps


class _Parser:
    """A recursive-descent parser.

    Args:
        text: the path.
        position: where to start in it.
        find: follows the paths in filters.
    """

    def __init__(self, text: str, position: int, find: Find) -> None:
        self.text = text
        self.position = position
        self._find = find

    def error(self) -> JsonPathSyntaxError:
        return JsonPathSyntaxError(f"Invalid JSONPath {self.text!r} at character {self.position}")

    def steps(self) -> tuple[Step, ...]:
        steps: list[Step] = []
        while self.position < len(self.text):
            if self._accept(".."):
                steps.append(Descendants())
                if self.text[self.position : self.position + 1] != "[":
                    steps.append(self._named())
            elif self._accept("."):
                steps.append(self._named())
            elif self._accept("["):
                steps.append(self._bracket())
            else:
                break
        return tuple(steps)

    def _named(self) -> Step:
        if self._accept("*"):
            return Wildcard()
        if match := self._match(_FUNCTION):
            return Function(match[1])
        if match := self._match(_NAME):
            return Children((match[0],))
        raise self.error()

    def _bracket(self) -> Step:
        self._spaces()
        if self._accept("*"):
            self._expect("]")
            return Wildcard()
        if self._accept("?"):
            self._expect("(")
            condition = self._either()
            self._expect(")")
            self._expect("]")
            return Filter(condition)
        if self.text[self.position : self.position + 1] in ("'", '"'):
            names = [self._string()]
            while self._accept(","):
                self._spaces()
                names.append(self._string())
            self._expect("]")
            return Children(tuple(names))
        if match := self._match(_SLICE):
            start, stop = (int(bound) if bound else None for bound in match.groups())
            return Slice(start, stop)
        if match := self._match(_INDEXES):
            return Indexes(tuple(map(int, match[1].split(","))))
        raise self.error()

    def _either(self) -> Callable[[Any, Any], bool]:
        conditions = [self._all()]
        while self._accept("||"):
            conditions.append(self._all())
        return lambda value, root: any(condition(value, root) for condition in conditions)

    def _all(self) -> Callable[[Any, Any], bool]:
        conditions = [self._condition()]
        while self._accept("&&"):
            conditions.append(self._condition())
        return lambda value, root: all(condition(value, root) for condition in conditions)

    def _condition(self) -> Callable[[Any, Any], bool]:
        self._spaces()
        if self.text[self.position : self.position + 2] != "!=" and self._accept("!"):
            negated = self._condition()
            return lambda value, root: not negated(value, root)
        if self._accept("("):
            inner = self._either()
            self._expect(")")
            self._spaces()
            return inner
        left, is_path = self._operand()
        self._spaces()
        if (match := self._match(_OPERATOR)) is None:
            if not is_path:
                raise self.error()
            return lambda value, root: left(value, root) is not _MISSING
        self._spaces()
        comparison = match[0]
        if comparison == "=~":
            pattern = self._regular_expression()
            return lambda value, root: _matches(left(value, root), pattern)
        right, _ = self._operand()
        self._spaces()
        return lambda value, root: _compare(comparison, left(value, root), right(value, root))

    def _operand(self) -> tuple[Callable[[Any, Any], Any], bool]:
        start = self.text[self.position : self.position + 1]
        if start in ("@", "$"):
            self.position += 1
            steps = self.steps()

            def follow(value: object, root: object) -> object:
                return self._find(steps, value if start == "@" else root, root, _MISSING)

            return follow, True
        if start in ("'", '"'):
            text = self._string()
            return lambda _value, _root: text, False
        if match := self._match(_NUMBER):
            number = json.loads(match[0])
            return lambda _value, _root: number, False
        for word, constant in (("true", True), ("false", False), ("null", None)):
            if self._accept(word):
                return lambda _value, _root, constant=constant: constant, False
        if start == "[":
            self.position += 1
            return self._list(), False
        raise self.error()

    def _list(self) -> Callable[[Any, Any], Any]:
        elements: list[Callable[[Any, Any], Any]] = []
        self._spaces()
        while not self._accept("]"):
            elements.append(self._operand()[0])
            self._spaces()
            if self._accept(","):
                self._spaces()
        return lambda value, root: [element(value, root) for element in elements]

    def _regular_expression(self) -> re.Pattern[str]:
        if (match := self._match(_REGULAR_EXPRESSION)) is None:
            raise self.error()
        self._spaces()
        return re.compile(match[1], re.IGNORECASE if match[2] else 0)

    def _string(self) -> str:
        quote = self.text[self.position : self.position + 1]
        characters: list[str] = []
        position = self.position + 1
        while position < len(self.text) and self.text[position] != quote:
            # A backslash that escapes neither the quotation mark nor itself is a character like any other.
            position += self.text[position : position + 2] in (f"\\{quote}", "\\\\")
            characters.append(self.text[position : position + 1])
            position += 1
        if quote not in ("'", '"') or position >= len(self.text):
            raise self.error()
        self.position = position + 1
        self._spaces()
        return "".join(characters)

    def _spaces(self) -> None:
        while self.text[self.position : self.position + 1].isspace():
            self.position += 1

    def _accept(self, text: str) -> bool:
        found = self.text.startswith(text, self.position)
        self.position += len(text) * found
        return found

    def _expect(self, text: str) -> None:
        self._spaces()
        if not self._accept(text):
            raise self.error()

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.text, self.position)
        if match is not None:
            self.position = match.end()
        return match


def _matches(value: object, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _compare(comparison: str, left: Any, right: Any) -> bool:
    return bool(_OPERATORS[comparison](left, right))


def _equal(left: object, right: object) -> bool:
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _comparable(left: object, right: object) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    return (isinstance(left, int | float) and isinstance(right, int | float)) or (
        isinstance(left, str) and isinstance(right, str)
    )


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda left, right: _comparable(left, right) and compare(left, right)


def _elements(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


_OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
    "in": lambda left, right: left in _elements(right),
    "nin": lambda left, right: left not in _elements(right),
    "contains": lambda left, right: (
        right in left if isinstance(left, str) and isinstance(right, str) else right in _elements(left)
    ),
    "size": lambda left, right: isinstance(left, list | str) and len(left) == right,
    "empty": lambda left, right: isinstance(left, list | str | dict) and (len(left) == 0) is right,
    "subsetof": lambda left, right: isinstance(left, list) and all(element in _elements(right) for element in left),
    "anyof": lambda left, right: any(element in _elements(right) for element in _elements(left)),
    "noneof": lambda left, right: isinstance(left, list) and not any(element in _elements(right) for element in left),
}
