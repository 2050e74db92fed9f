"""DynamoDB's condition, key condition and update expressions on items in DynamoDB's JSON.

See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Item = Mapping[str, Mapping[str, Any]]
Value = Mapping[str, Any] | None
_TOKEN = re.compile(r"\s*([#:]?[A-Za-z_][\w.]*|<>|<=|>=|[=<>(),+-]|\[\d+\])")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
_ORDERED = ("S", "N", "B")


@dataclass(frozen=True)
class Context:
    """The item that an expression is evaluated for, and the names and values in it."""

    item: Item
    names: Mapping[str, str]
    values: Mapping[str, Mapping[str, Any]]


Operand = Callable[[Context], Value]
Condition = Callable[[Context], bool]
Assignment = Callable[[Context, dict[str, Any]], None]


def holds(
    expression: str, item: Item, names: Mapping[str, str] | None = None, values: Mapping[str, Any] | None = None
) -> bool:
    """Check whether a condition holds for an item; an item that does not exist is empty."""
    return not expression or _condition(expression)(Context(item, names or {}, values or {}))


def updated(
    expression: str, item: Item, names: Mapping[str, str] | None = None, values: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return an item after an update. All its operands are those before it."""
    context, result = Context(item, names or {}, values or {}), dict(item)
    for assign in _update(expression):
        assign(context, result)
    return result


@functools.cache
def _condition(expression: str) -> Condition:
    parser = _Parser(expression)
    parsed = parser.either()
    parser.end()
    return parsed


@functools.cache
def _update(expression: str) -> tuple[Assignment, ...]:
    parser = _Parser(expression)
    parsed = parser.clauses()
    parser.end()
    return tuple(parsed)


class _Parser:
    """A parser by recursive descent."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = []
        position, end = 0, len(text.rstrip())
        while position < end:
            match = _TOKEN.match(text, position)
            if match is None:
                raise SyntaxError(f"the expression must be one of DynamoDB's, got {text!r}")
            self._tokens.append(match[1])
            position = match.end()
        self._next = 0

    def end(self) -> None:
        if self._next != len(self._tokens):
            raise SyntaxError(f"unexpected {self._tokens[self._next]!r} in {self._text!r}")

    def either(self) -> Condition:
        parts = [self._both()]
        while self._accept("OR"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda context: any([part(context) for part in parts])  # noqa: C419

    def _both(self) -> Condition:
        parts = [self._negation()]
        while self._accept("AND"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else lambda context: all([part(context) for part in parts])  # noqa: C419

    def _negation(self) -> Condition:
        if self._accept("NOT"):
            negated = self._negation()
            return lambda context: not negated(context)
        if self._accept("("):
            inner = self.either()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        function = self._peek().lower()
        if function in _FUNCTIONS and self._peek(1) == "(":
            return _FUNCTIONS[function](*self._arguments())
        left = self._operand()
        operator = self._take().upper()
        if operator == "BETWEEN":
            low = self._operand()
            self._expect("AND")
            high = self._operand()
            return lambda context: (
                _compare(">=", left(context), low(context)) and _compare("<=", left(context), high(context))
            )
        if operator == "IN":
            choices = self._list()
            return lambda context: any(_equal(left(context), choice(context)) for choice in choices)
        right = self._operand()
        if operator == "=":
            return lambda context: _equal(left(context), right(context))
        if operator == "<>":
            return lambda context: not _equal(left(context), right(context))
        if operator not in _COMPARISONS:
            raise SyntaxError(f"unexpected {operator!r} in {self._text!r}")
        return lambda context: _compare(operator, left(context), right(context))

    def clauses(self) -> list[Assignment]:
        found: list[Assignment] = []
        while self._next < len(self._tokens):
            clause = self._take().upper()
            parse = {"SET": self._set, "REMOVE": self._remove, "ADD": self._add}.get(clause)
            if parse is None:
                raise SyntaxError(f"unexpected {clause!r} in {self._text!r}")
            found.append(parse())
            while self._accept(","):
                found.append(parse())
        return found

    def _set(self) -> Assignment:
        path = self._path()
        self._expect("=")
        left = self._operand()
        sign = self._take() if self._peek() in ("+", "-") else ""
        right = self._operand() if sign else None

        def assign(context: Context, result: dict[str, Any]) -> None:
            value = left(context)
            if right is not None:
                value = _sum(value, right(context), sign)
            if value is None:
                raise LookupError(f"the expression {self._text!r} refers to an attribute that does not exist")
            result[path(context)] = value

        return assign

    def _remove(self) -> Assignment:
        path = self._path()

        def assign(context: Context, result: dict[str, Any]) -> None:
            result.pop(path(context), None)

        return assign

    def _add(self) -> Assignment:
        path, operand = self._path(), self._operand()

        def assign(context: Context, result: dict[str, Any]) -> None:
            name, value = path(context), operand(context)
            result[name] = _sum(context.item[name], value, "+") if name in context.item else value

        return assign

    def _path(self) -> Callable[[Context], str]:
        token = self._take()
        if token.startswith("#"):
            return lambda context: context.names[token]
        if not re.fullmatch(r"[A-Za-z_]\w*", token):
            raise SyntaxError(f"{token!r} is not an attribute's name; nested attributes are not supported")
        return lambda _: token

    def _operand(self) -> Operand:
        if self._peek().lower() == "size" and self._peek(1) == "(":
            (measured,) = self._arguments()
            return lambda context: _size(measured(context))
        if self._peek().lower() == "if_not_exists" and self._peek(1) == "(":
            existing, default = self._arguments()
            return lambda context: default(context) if (value := existing(context)) is None else value
        if self._peek().startswith(":"):
            name = self._take()
            return lambda context: context.values[name]
        path = self._path()
        return lambda context: context.item.get(path(context))

    def _arguments(self) -> list[Operand]:
        self._take()
        return self._list()

    def _list(self) -> list[Operand]:
        self._expect("(")
        found = [self._operand()]
        while self._accept(","):
            found.append(self._operand())
        self._expect(")")
        return found

    def _peek(self, ahead: int = 0) -> str:
        position = self._next + ahead
        return self._tokens[position] if position < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        if not token:
            raise SyntaxError(f"the expression {self._text!r} ends too early")
        self._next += 1
        return token

    def _accept(self, token: str) -> bool:
        if self._peek().upper() == token:
            self._next += 1
            return True
        return False

    def _expect(self, token: str) -> None:
        if not self._accept(token):
            raise SyntaxError(f"expected {token!r}, got {self._peek()!r} in {self._text!r}")


def _attribute_exists(path: Operand) -> Condition:
    return lambda context: path(context) is not None


def _attribute_not_exists(path: Operand) -> Condition:
    return lambda context: path(context) is None


def _begins_with(path: Operand, start: Operand) -> Condition:
    def check(context: Context) -> bool:
        (left_type, left), (right_type, right) = _typed(path(context)), _typed(start(context))
        return left_type == right_type and left_type in ("S", "B") and left.startswith(right)

    return check


def _contains(path: Operand, part: Operand) -> Condition:
    def check(context: Context) -> bool:
        (left_type, left), (right_type, right) = _typed(path(context)), _typed(part(context))
        if left_type in ("S", "B"):
            return left_type == right_type and right in left
        if left_type == "L":
            return any(_equal(member, {right_type: right}) for member in left)
        return left_type == f"{right_type}S" and right in left

    return check


_FUNCTIONS: dict[str, Callable[..., Condition]] = {
    "attribute_exists": _attribute_exists,
    "attribute_not_exists": _attribute_not_exists,
    "begins_with": _begins_with,
    "contains": _contains,
}


def _typed(value: Value) -> tuple[str, Any]:
    if value is None:
        return "", None
    ((kind, content),) = value.items()
    return kind, Decimal(content) if kind == "N" else content


def _equal(left: Value, right: Value) -> bool:
    return left is not None and right is not None and _typed(left) == _typed(right)


def _compare(operator: str, left: Value, right: Value) -> bool:
    (left_type, left_value), (right_type, right_value) = _typed(left), _typed(right)
    if left_type != right_type or left_type not in _ORDERED:
        return False
    if left_type == "S":
        left_value, right_value = left_value.encode(), right_value.encode()
    return _COMPARISONS[operator](left_value, right_value)


def _size(value: Value) -> Value:
    kind, content = _typed(value)
    if kind == "S":
        content = content.encode()
    return {"N": str(len(content))} if kind not in ("", "N", "BOOL", "NULL") else None


def _sum(left: Value, right: Value, sign: str) -> Value:
    (left_type, first), (right_type, second) = _typed(left), _typed(right)
    if left_type != "N" or right_type != "N":
        raise LookupError("an operand of an addition must be a number that exists")
    return {"N": str(first + second if sign == "+" else first - second)}
