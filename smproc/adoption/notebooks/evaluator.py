"""The expressions of a notebook, as far as their values can be told without running it."""

from __future__ import annotations

import ast
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Final

from smproc.adoption.code import join
from smproc.adoption.notebooks.expressions import REGION
from smproc.adoption.notebooks.known import Known
from smproc.adoption.notebooks.methods import call_method, formatted
from smproc.adoption.notebooks.source import Source
from smproc.adoption.notebooks.values import Function, Instance, Name, Unknown

LONGEST_LOOP: Final = 50
_OPERATORS: Final[Mapping[type, Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.BitOr: operator.or_,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, many: one in many,
    ast.NotIn: lambda one, many: one not in many,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
PLAIN: Final = (str, int, float, bool, type(None), list, tuple, dict)


class Evaluator(ABC):
    """The values of expressions.

    Args:
        source: the file.
        known: what the calls of modules and of the SDK are.
    """

    def __init__(self, source: Source, known: Known) -> None:
        self.source = source
        self.known = known
        self.variables: dict[str, Any] = {"__name__": "__main__", "__file__": source.path.name}
        self._where = ""

    @abstractmethod
    def assign(self, target: ast.expr, value: Any) -> None:  # noqa: ANN401
        """Give a value to the target of an assignment."""

    @abstractmethod
    def call_function(
        self, function: Function, positional: list[Any], keywords: dict[str, Any], node: ast.Call | None = None
    ) -> Any:  # noqa: ANN401
        """Return the result of a function of the file."""

    def location(self, node: ast.AST) -> str:
        """Return the location of a syntax tree."""
        return f"{self.source.path.name}, {self._where}line {getattr(node, 'lineno', 0)}"

    def unknown(self, node: ast.expr, name: str = "") -> Unknown:
        """Return a value that the expression does not tell."""
        if not name:
            name = _name_in(node)
        return Unknown(ast.unparse(node), self.location(node), name)

    def value(self, node: ast.expr) -> Any:  # noqa: ANN401
        """Return the value of an expression."""
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        return self.unknown(node) if method is None else method(node)

    def _constant(self, node: ast.Constant) -> Any:  # noqa: ANN401
        return node.value

    def _name(self, node: ast.Name) -> Any:  # noqa: ANN401
        if node.id in self.variables:
            return self.variables[node.id]
        return self.known.global_name(node.id) or self.unknown(node)

    def _attribute(self, node: ast.Attribute) -> Any:  # noqa: ANN401
        if isinstance(node.value, ast.Name) and f"{node.value.id}.{node.attr}" in self.variables:
            return self.variables[f"{node.value.id}.{node.attr}"]
        return self.known.attribute(self.value(node.value), node.attr, self.unknown(node))

    def _joinedstr(self, node: ast.JoinedStr) -> Any:  # noqa: ANN401
        parts: list[Any] = []
        for part in node.values:
            if not isinstance(part, ast.FormattedValue):
                parts.append(self.value(part))
                continue
            spec = self.value(part.format_spec) if part.format_spec is not None else ""
            parts.append(formatted(self.value(part.value), spec, chr(part.conversion) if part.conversion > 0 else ""))
        return self.join(parts, node)

    def join(self, parts: list[Any], node: ast.expr) -> Any:  # noqa: ANN401
        """Return the concatenation of values as text."""
        texts = [self.known.text(part) for part in parts]
        return self.unknown(node) if any(part is None for part in texts) else join(*texts)

    def _binop(self, node: ast.BinOp) -> Any:  # noqa: ANN401
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(node.op, ast.Div) and isinstance(left, Instance) and left.kind == "pathlib.Path":
            return self.known.path_join([left.arguments["path"], right], as_path=True) or self.unknown(node)
        if isinstance(node.op, ast.Mod) and isinstance(left, str):
            return self._percent(left, right, node)
        if isinstance(node.op, ast.Add) and isinstance(left, list) and isinstance(right, list):
            return [*left, *right]
        if isinstance(left, PLAIN) and isinstance(right, PLAIN):
            return self._operate(node.op, left, right, node)
        if isinstance(node.op, ast.Add):
            return self.join([left, right], node)
        return self.unknown(node)

    def _percent(self, left: str, right: Any, node: ast.BinOp) -> Any:  # noqa: ANN401
        values = list(right) if isinstance(right, tuple | list) else [right]
        pieces = left.split("%s")
        if all(isinstance(value, str | int | float) for value in values) or len(pieces) != len(values) + 1:
            return self._operate(node.op, left, tuple(values), node)
        parts: list[Any] = [pieces[0]]
        for value, piece in zip(values, pieces[1:], strict=True):
            parts += [value, piece.replace("%%", "%")]
        return self.join(parts, node)

    def _operate(self, operation: ast.AST, left: Any, right: Any, node: ast.expr) -> Any:  # noqa: ANN401
        function = _OPERATORS.get(type(operation))
        if isinstance(operation, ast.Mult) and not all(isinstance(one, int | float) for one in (left, right)):
            return self.unknown(node)  # text of any length
        try:
            return self.unknown(node) if function is None else function(left, right)
        except (ArithmeticError, TypeError, ValueError):
            return self.unknown(node)

    def _boolop(self, node: ast.BoolOp) -> Any:  # noqa: ANN401
        result: Any = None
        for part in node.values:
            result = self.value(part)
            if isinstance(node.op, ast.Or) and isinstance(result, Unknown) and result.source.startswith("input("):
                continue  # an answer that is only the return key
            if not isinstance(result, PLAIN):
                return result if isinstance(node.op, ast.Or) and not isinstance(result, Unknown) else self.unknown(node)
            if bool(result) == isinstance(node.op, ast.Or):
                return result
        return result

    def _unaryop(self, node: ast.UnaryOp) -> Any:  # noqa: ANN401
        operand = self.value(node.operand)
        if isinstance(node.op, ast.Not) and isinstance(operand, PLAIN):
            return not operand
        if isinstance(node.op, ast.USub) and isinstance(operand, int | float):
            return -operand
        return self.unknown(node)

    def _compare(self, node: ast.Compare) -> Any:  # noqa: ANN401
        left, right = self.value(node.left), self.value(node.comparators[0])
        if REGION in (left, right) and isinstance(node.ops[0], ast.Eq | ast.In):
            self.known.note(f"{self.location(node)}: `{ast.unparse(node)}` is taken to be false.")
            return False
        if len(node.ops) == 1 and isinstance(left, PLAIN) and isinstance(right, PLAIN):
            return self._operate(node.ops[0], left, right, node)
        return self.unknown(node)

    def _ifexp(self, node: ast.IfExp) -> Any:  # noqa: ANN401
        test = self.value(node.test)
        if isinstance(test, PLAIN):
            return self.value(node.body if test else node.orelse)
        return self.unknown(node)

    def _list(self, node: ast.List | ast.Tuple | ast.Set) -> list[Any]:
        found: list[Any] = []
        for element in node.elts:
            value = self.value(element.value if isinstance(element, ast.Starred) else element)
            found += value if isinstance(element, ast.Starred) and isinstance(value, list | tuple) else [value]
        return found

    _set = _list

    def _tuple(self, node: ast.Tuple) -> tuple[Any, ...]:
        return tuple(self._list(node))

    def _dict(self, node: ast.Dict) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            value = self.value(item)
            if key is None:
                found |= value if isinstance(value, dict) else {}
            elif isinstance(name := self.value(key), str | int | float | bool | None):
                found[name] = value
        return found

    def _subscript(self, node: ast.Subscript) -> Any:  # noqa: ANN401
        owner = self.value(node.value)
        if isinstance(node.slice, ast.Slice):
            parts = (node.slice.lower, node.slice.upper, node.slice.step)
            start, stop, step = (None if part is None else self.value(part) for part in parts)
            if isinstance(owner, str | list | tuple) and all(
                isinstance(one, int | None) for one in (start, stop, step)
            ):
                return owner[slice(start, stop, step or None)]
            return self.unknown(node)
        key = self.value(node.slice)
        if isinstance(owner, str | list | tuple | dict):
            try:
                return owner[key]
            except (LookupError, TypeError):
                return self.unknown(node)
        return self.known.item(owner, key, self.unknown(node))

    def _listcomp(self, node: ast.ListComp | ast.GeneratorExp) -> Any:  # noqa: ANN401
        (first, *others) = node.generators
        values = self.value(first.iter)
        if others or not isinstance(values, list | tuple | range) or len(values) > LONGEST_LOOP:
            return self.unknown(node)
        outer, found = dict(self.variables), []
        for value in values:
            self.assign(first.target, value)
            if all(self.value(test) for test in first.ifs):
                found.append(self.value(node.elt))
        self.variables = outer
        return found

    _generatorexp = _listcomp

    def _await(self, node: ast.Await) -> Any:  # noqa: ANN401
        return self.value(node.value)

    def _namedexpr(self, node: ast.NamedExpr) -> Any:  # noqa: ANN401
        value = self.value(node.value)
        self.assign(node.target, value)
        return value

    def _lambda(self, node: ast.Lambda) -> Function:
        return Function(node, self._where)

    def _call(self, node: ast.Call) -> Any:  # noqa: ANN401
        positional, keywords = self._arguments(node)
        if isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value)
            if not isinstance(owner, Name | Unknown):
                found = call_method(self, owner, node.func.attr, positional, keywords, node)
                return (
                    self.known.method(owner, node.func.attr, positional, keywords, node, self)
                    if found is None
                    else found
                )
        function = self.value(node.func)
        if isinstance(function, Function):
            return self.call_function(function, positional, keywords, node)
        if isinstance(function, Name):
            return self.known.call(function, positional, keywords, node, self)
        return self.unknown(node)

    def _arguments(self, node: ast.Call) -> tuple[list[Any], dict[str, Any]]:
        positional = self._list(ast.List(node.args, ast.Load()))
        keywords: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.value(keyword.value)
            if keyword.arg is not None:
                keywords[keyword.arg] = value
            elif isinstance(value, dict):
                keywords |= {str(name): one for name, one in value.items()}
            else:
                self.known.note(f"{self.location(node)}: `**{ast.unparse(keyword.value)}` could not be told.")
        return positional, keywords


def _name_in(node: ast.expr) -> str:
    """Return a name for the value of an expression, empty if the expression has none."""
    match node:
        case ast.Name(name) | ast.Attribute(_, name) | ast.Subscript(_, ast.Constant(str() as name)):
            return name
        case ast.Call(function):
            return _name_in(function)
        case _:
            return ""
