"""Examples, and the statements of them that show one construct."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from tools.construct_pages.templates import ROOT


def source(example: str) -> str:
    """Return the source of an example.

    Args:
        example: the app's script, or that of a stack, from the root of the repository.
    """
    return (ROOT / example).read_text(encoding="utf-8")


def excerpt(example: str, name: str) -> str:
    """Return the statements that create a construct, and those that use it.

    Args:
        example: the app's script, or that of a stack, from the root of the repository.
        name: the construct.
    """
    text = source(example)
    statements = list(_statements(ast.parse(text).body))
    created = [each for each in statements if name in _names(each)]
    variables = {
        target.id
        for each in created
        if isinstance(each, ast.Assign)
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    shown = [each for each in statements if each in created or variables & _names(each)]
    return f"from cdk_sagemaker_processing import {name}\n\n" + "".join(_lines(text, each) for each in shown)


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of an app, or of the constructor of a stack."""
    for each in body:
        match each:
            case ast.ImportFrom() | ast.Import():
                continue
            case ast.ClassDef() | ast.FunctionDef(name="__init__"):
                yield from _statements(each.body)
            case _:
                yield each


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _lines(text: str, node: ast.stmt) -> str:
    return "".join(f"{line[node.col_offset :]}\n" for line in text.splitlines()[node.lineno - 1 : node.end_lineno])
