"""The statements of a notebook, followed without running it.

Statements are followed in order; of a condition that cannot be told, both branches are. A loop over values that are
known is followed for each, any other once. Functions of the file are followed where they are called.
"""

from __future__ import annotations

import ast
from typing import Any, Final

from smproc.adoption.code import Code, Text
from smproc.adoption.notebooks.evaluator import LONGEST_LOOP, PLAIN, Evaluator
from smproc.adoption.notebooks.known import Known
from smproc.adoption.notebooks.source import Cell, Source
from smproc.adoption.notebooks.values import Function, Instance, Name, ProcessorValue, StepValue, Unknown

_DEEPEST: Final = 8


class Interpreter(Evaluator):
    """The variables of a file, after its statements.

    Args:
        source: the file.
        known: what the calls of modules and of the SDK are.
    """

    def __init__(self, source: Source, known: Known) -> None:
        super().__init__(source, known)
        self.called: set[str] = set()
        self._depth = 0
        self._has_returned = False
        self._returned: Any = None

    def follow(self) -> None:
        """Follow the whole file."""
        for cell in self.source.cells:
            self._enter(cell)
            self._block(cell.tree.body)

    def follow_uncalled_functions(self) -> None:
        """Follow the functions that nothing in the file calls, with their defaults."""
        for name, value in list(self.variables.items()):
            if isinstance(value, Function) and name not in self.called:
                self.call_function(value, [], {})

    def _enter(self, cell: Cell) -> None:
        self._where = cell.where

    def _block(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            if self._has_returned:
                return
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:  # noqa: C901, PLR0912 - one case for each statement of Python
        match node:
            case ast.Import(names):
                for alias in names:
                    path = alias.name if alias.asname else alias.name.partition(".")[0]
                    self.variables[alias.asname or path] = Name(path)
            case ast.ImportFrom(module, names):
                for alias in names:
                    self.variables[alias.asname or alias.name] = Name(f"{module or ''}.{alias.name}")
            case ast.Assign(targets, value):
                result = self.value(value)
                for target in targets:
                    self.assign(target, result)
            case ast.AnnAssign(target, _, ast.expr() as value):
                self.assign(target, self.value(value))
            case ast.AugAssign(target, operation, value):
                loaded = ast.copy_location(ast.BinOp(_loaded(target), operation, value), node)
                self.assign(target, self.value(ast.fix_missing_locations(loaded)))
            case ast.Expr(value):
                self.value(value)
            case ast.If(test, body, orelse):
                self._if(test, body, orelse)
            case ast.For(target, iterable, body, orelse):
                self._for(target, iterable, body)
                self._block(orelse)
            case ast.While(_, body, _):
                self._block(body)
            case ast.With(items, body):
                for item in items:
                    opened = self.value(item.context_expr)
                    if item.optional_vars is not None:
                        self.assign(item.optional_vars, opened)
                self._block(body)
            case ast.Try(body, _, orelse, final):
                self._block([*body, *orelse, *final])
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.variables[node.name] = Function(node, self._where)
            case ast.Return(value):
                self._returned = None if value is None else self.value(value)
                self._has_returned = True
            case ast.Delete(targets):
                for target in targets:
                    if isinstance(target, ast.Name):
                        self.variables.pop(target.id, None)
            case _:
                pass

    def _if(self, test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt]) -> None:
        result = self.value(test)
        if isinstance(result, PLAIN):
            self._block(body if result else orelse)
            return
        if isinstance(result, Text | Instance | ProcessorValue | StepValue | Code):
            self._block(body)
            return
        before = dict(self.variables)
        self._block(body)
        after = self.variables
        self.variables = before
        self._block(orelse)
        for name, value in after.items():
            other = self.variables.get(name)
            if other is None:
                self.variables[name] = value
            elif other is not value and other != value:
                self.variables[name] = Unknown(f"either way of `if {ast.unparse(test)}`", self.location(test), name)

    def _for(self, target: ast.expr, iterable: ast.expr, body: list[ast.stmt]) -> None:
        values = self.value(iterable)
        if isinstance(values, dict):
            values = list(values)
        if isinstance(values, list | tuple | range) and len(values) <= LONGEST_LOOP:
            for value in values:
                self.assign(target, value)
                self._block(body)
            return
        self.assign(target, self.unknown(iterable, target.id if isinstance(target, ast.Name) else ""))
        self._block(body)

    def assign(self, target: ast.expr, value: Any) -> None:  # noqa: ANN401
        """Give a value to the target of an assignment."""
        match target:
            case ast.Name(name):
                if isinstance(value, Unknown):
                    value = Unknown(value.source, value.where, value.name or name)
                self.variables[name] = value
            case ast.Tuple(elements) | ast.List(elements):
                parts = value if isinstance(value, list | tuple) and len(value) == len(elements) else None
                for index, element in enumerate(elements):
                    self.assign(element, self.unknown(element) if parts is None else parts[index])
            case ast.Subscript(owner, key):
                container = self.value(owner)
                if isinstance(container, dict) and isinstance(index := self.value(key), str | int):
                    container[index] = value
            case ast.Attribute(ast.Name(name), attribute):
                self.variables[f"{name}.{attribute}"] = value
            case _:
                pass

    def call_function(
        self, function: Function, positional: list[Any], keywords: dict[str, Any], node: ast.Call | None = None
    ) -> Any:  # noqa: ANN401
        """Return the result of a function of the file."""
        definition = function.node
        if self._depth >= _DEEPEST:
            return self.unknown(node) if node is not None else None
        outer, where = self.variables, self._where
        if not isinstance(definition, ast.Lambda):
            self.called.add(definition.name)
        self._where, self._depth = function.where, self._depth + 1
        self.variables = {**outer, **self._bound(definition.args, positional, keywords)}
        if isinstance(definition, ast.Lambda):
            result = self.value(definition.body)
        else:
            self._block(definition.body)
            result = self._returned
        self._has_returned, self._returned = False, None
        self.variables, self._where, self._depth = outer, where, self._depth - 1
        return result

    def _bound(self, arguments: ast.arguments, positional: list[Any], keywords: dict[str, Any]) -> dict[str, Any]:
        parameters = [*arguments.posonlyargs, *arguments.args]
        defaults: dict[str, Any] = {
            one.arg: self.value(default)
            for one, default in zip(reversed(parameters), reversed(arguments.defaults), strict=False)
        }
        defaults |= {
            one.arg: self.value(default)
            for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if default is not None
        }
        every = [*parameters, *arguments.kwonlyargs]
        bound: dict[str, Any] = {
            one.arg: Unknown(f"the parameter {one.arg}", self.location(one), one.arg) for one in every
        }
        bound |= defaults | {one.arg: value for one, value in zip(parameters, positional, strict=False)}
        names = {one.arg for one in every}
        extra = {name: value for name, value in keywords.items() if name not in names}
        bound |= {name: value for name, value in keywords.items() if name in names}
        if arguments.kwarg is not None:
            bound[arguments.kwarg.arg] = extra
        if arguments.vararg is not None:
            bound[arguments.vararg.arg] = list(positional[len(parameters) :])
        return bound


def _loaded(target: ast.expr) -> ast.expr:
    """Return the expression that reads what an assignment writes."""
    return ast.parse(ast.unparse(target), mode="eval").body
