"""Metric math: arithmetic, comparisons, logic and the functions that alarms use, over series of equal length.

An expression of CloudWatch has nearly the grammar of Python's, so Python's parser reads it. Nothing of it is executed:
what is not listed here is refused.

See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import math
import operator
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from smproc.local.server.alarms.alarm import MetricQuery

Series = list[float | None]
_Value = float | Series | list[Series]
_Binary = Callable[[float, float], float]

# What CloudWatch writes otherwise than Python.
_SPELLINGS: Final = ((r"&&|\bAND\b", " and "), (r"\|\||\bOR\b", " or "), (r"\^", "**"), (r"\bIF\s*\(", "IF_("))
_MAX_EXPRESSION_CHARACTERS = 1024
_OPERATORS: Final[Mapping[type[ast.AST], _Binary]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_PER_POINT: Final[Mapping[str, Callable[[float], float]]] = {
    "ABS": abs,
    "CEIL": math.ceil,
    "FLOOR": math.floor,
    "LOG": math.log,
    "LOG10": math.log10,
}
_AGGREGATES: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "AVG": statistics.fmean,
    "MAX": max,
    "MIN": min,
    "STDDEV": statistics.pstdev,
    "SUM": math.fsum,
}


class MetricMathError(ValueError):
    """An expression is not valid, or uses a function that is not computed here."""


def compute(queries: Mapping[str, MetricQuery], watched: str, series: Mapping[str, Series]) -> Series:
    """Return the values of a query.

    Args:
        queries: all queries, by id.
        watched: the id of the query.
        series: the values of the metrics, by the id of their query; all of the same length, the oldest first.

    Raises:
        MetricMathError: an expression cannot be computed.
    """
    return _Computation(queries, series).series(watched)


@dataclass(slots=True)
class _Computation:
    queries: Mapping[str, MetricQuery]
    known: Mapping[str, Series]
    depth: int = 0

    @property
    def _length(self) -> int:
        return len(next(iter(self.known.values()), []))

    def series(self, identifier: str) -> Series:
        if identifier in self.known:
            return self.known[identifier]
        query = self.queries.get(identifier)
        if query is None or query.expression is None:
            raise MetricMathError(f"{identifier} names no metric and no expression")
        if self.depth > len(self.queries):
            raise MetricMathError(f"{identifier} depends on itself")
        self.depth += 1
        value = self._value(_parsed(query.expression), query)
        self.depth -= 1
        if isinstance(value, list) and any(isinstance(each, list) for each in value):
            raise MetricMathError(f"{query.expression!r} has several time series, and an alarm watches one")
        return self._as_series(value)

    def _value(self, node: ast.expr, query: MetricQuery) -> _Value:  # noqa: PLR0911 - one for each kind of node
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name):
                return self.series(name)
            case ast.List(elts=elements):
                return [self._as_series(self._value(each, query)) for each in elements]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._zipped(operator.sub, 0.0, self._value(operand, query))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                return self._zipped(_OPERATORS[type(op)], self._value(left, query), self._value(right, query))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPERATORS:
                return self._zipped(_OPERATORS[type(op)], self._value(left, query), self._value(right, query))
            case ast.BoolOp(op=op, values=[first, *others]):
                value = self._value(first, query)
                for other in others:
                    value = self._zipped(
                        _both if isinstance(op, ast.And) else _either, value, self._value(other, query)
                    )
                return value
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(name.rstrip("_"), arguments, query)
        raise MetricMathError(f"{ast.unparse(node)!r} of the expression {query.expression!r} is not computed here")

    def _call(self, name: str, arguments: Sequence[ast.expr], query: MetricQuery) -> _Value:  # noqa: PLR0911 - one for each kind of function
        if name == "METRICS":
            wanted = arguments[0].value if arguments and isinstance(arguments[0], ast.Constant) else ""
            return [series for identifier, series in self.known.items() if str(wanted) in identifier]
        if name == "PERIOD":
            return float(query.period)
        values = [self._value(each, query) for each in arguments if not _is_way_of_filling(each)]
        if name in _AGGREGATES and len(values) == 1:
            return self._aggregated(_AGGREGATES[name], values[0])
        if name in _PER_POINT and len(values) == 1:
            return self._zipped(lambda value, _: _PER_POINT[name](value), values[0], 0.0)
        if name == "METRIC_COUNT" and len(values) == 1:
            return float(len(_each(values[0])))
        if name == "IF" and len(values) in (2, 3):
            return self._chosen(*values)
        if name == "FILL":
            return self._filled(arguments, values)
        if name in ("DIFF", "RATE", "RUNNING_SUM") and len(values) == 1:
            return _consecutive(name, self._as_series(values[0]), query.period)
        if name == "TIME_SERIES" and len(values) == 1:
            return self._as_series(values[0])
        raise MetricMathError(f"{name} with {len(arguments)} arguments is not computed here")

    def _as_series(self, value: _Value) -> Series:
        if isinstance(value, float | int):
            return [float(value)] * self._length
        return value  # type: ignore[return-value]

    def _zipped(self, function: _Binary, left: _Value, right: _Value) -> _Value:
        if isinstance(left, float) and isinstance(right, float):
            return _applied(function, left, right) or 0.0
        if _is_several(left) or _is_several(right):
            several = max(len(_each(left)), len(_each(right)))
            lefts = _each(left) if _is_several(left) else [self._as_series(left)] * several
            rights = _each(right) if _is_several(right) else [self._as_series(right)] * several
            return [
                self._as_series(self._zipped(function, one, other)) for one, other in zip(lefts, rights, strict=True)
            ]
        return [
            _applied(function, one, other)
            for one, other in zip(self._as_series(left), self._as_series(right), strict=True)
        ]

    def _aggregated(self, function: Callable[[Sequence[float]], float], value: _Value) -> _Value:
        """Aggregate several series to one, or one series to a number."""
        if not _is_several(value):
            present = [each for each in self._as_series(value) if each is not None]
            nothing: Series = [None] * self._length
            return float(function(present)) if present else nothing
        columns = [[each for each in column if each is not None] for column in zip(*_each(value), strict=True)]
        return [float(function(column)) if column else None for column in columns]

    def _chosen(self, condition: _Value, then: _Value, otherwise: _Value | None = None) -> Series:
        others = [None] * self._length if otherwise is None else self._as_series(otherwise)
        return [
            None if holds is None else one if holds else other
            for holds, one, other in zip(self._as_series(condition), self._as_series(then), others, strict=True)
        ]

    def _filled(self, arguments: Sequence[ast.expr], values: Sequence[_Value]) -> _Value:
        way = arguments[1] if len(arguments) == 2 else None  # noqa: PLR2004 - the series and the filling
        if way is None:
            raise MetricMathError("FILL needs a metric and a filling")
        if _is_several(values[0]):
            return [self._as_series(self._filled(arguments, [each, *values[1:]])) for each in _each(values[0])]
        series = self._as_series(values[0])
        if isinstance(way, ast.Name) and way.id == "REPEAT":
            last: float | None = None
            repeated: Series = []
            for value in series:
                last = last if value is None else value
                repeated.append(last)
            return repeated
        if len(values) == 1:
            raise MetricMathError(f"FILL with {ast.unparse(way)} is not computed here")
        return [
            filling if value is None else value
            for value, filling in zip(series, self._as_series(values[1]), strict=True)
        ]


def _parsed(expression: str) -> ast.expr:
    if len(expression) > _MAX_EXPRESSION_CHARACTERS:
        raise MetricMathError(f"an expression must have at most {_MAX_EXPRESSION_CHARACTERS} characters")
    text = expression.strip()
    for spelling, replacement in _SPELLINGS:
        text = re.sub(spelling, replacement, text)
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise MetricMathError(f"the expression {expression!r} is not valid, or is a query") from None


def _is_way_of_filling(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("REPEAT", "LINEAR")


def _applied(function: _Binary, left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return None
    try:
        return float(function(left, right))
    except (ArithmeticError, ValueError, TypeError):
        return None  # as for a division by zero, there is no datapoint


def _consecutive(name: str, series: Series, period: int) -> Series:
    result: Series = []
    previous: float | None = None
    total = 0.0
    for value in series:
        if name == "RUNNING_SUM":
            total += value or 0.0
            result.append(total)
        else:
            changed = None if value is None or previous is None else value - previous
            result.append(changed if changed is None or name == "DIFF" else changed / period)
        previous = value if value is not None else previous
    return result


def _is_several(value: _Value) -> bool:
    return isinstance(value, list) and any(isinstance(each, list) for each in value)


def _each(value: _Value) -> list[Series]:
    if _is_several(value):
        return value  # type: ignore[return-value]
    return [value] if isinstance(value, list) else [[value]]  # type: ignore[list-item]


def _both(left: float, right: float) -> float:
    return float(bool(left) and bool(right))


def _either(left: float, right: float) -> float:
    return float(bool(left) or bool(right))
