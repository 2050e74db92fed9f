"""Docstrings open as a technical writer would open them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The trees whose docstrings are held to the rules.
TREES = ("app.py", "constructs", "examples")
_NOT_YET = ("asset_files.py", "lambda_function.py")  # rewritten beside this test
_REFUSED = frozenset(
    {"What", "Where", "How", "Whether", "Who", "Whom", "Why", "Which", "When", "Say", "Tell", "Have", "Let"}
)
# A function does something, so its docstring opens with a verb; these open a noun phrase.
_NO_VERBS = frozenset({"A", "An", "The", "This", "That", "These", "Those", "Each", "Every", "All", "Called"})
_FILES = [
    path
    for tree in TREES
    for path in (sorted((ROOT / tree).rglob("*.py")) if (ROOT / tree).is_dir() else [ROOT / tree])
    if path.name not in _NOT_YET
]

_Node = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _documented(path: Path) -> Iterator[tuple[_Node, str, str]]:
    """Each documented module, class and function of a file: the node, its location and its first word."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, _Node) and (text := ast.get_docstring(node)):
            name = "" if isinstance(node, ast.Module) else f" {node.name}"
            line = text.splitlines()[0]
            yield node, f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}{name}: {line}", line.split()[0]


def _is_property(node: ast.AST) -> bool:
    decorators = [ast.unparse(decorator) for decorator in getattr(node, "decorator_list", ())]
    return any(decorator.endswith(("property", "fixture")) for decorator in decorators)


def test_there_are_docstrings_to_read() -> None:
    assert sum(1 for path in _FILES for _ in _documented(path)) > 100


@pytest.mark.parametrize("tree", TREES)
def test_no_docstring_opens_with_a_question_or_an_order_to_someone_else(tree: str) -> None:
    paths = [path for path in _FILES if path.relative_to(ROOT).parts[0] == tree]
    assert [place for path in paths for _, place, word in _documented(path) if word.rstrip(":,.") in _REFUSED] == []


@pytest.mark.parametrize("tree", TREES)
def test_the_docstring_of_a_function_opens_with_a_verb(tree: str) -> None:
    paths = [path for path in _FILES if path.relative_to(ROOT).parts[0] == tree]
    nouns = [
        place
        for path in paths
        for node, place, word in _documented(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _is_property(node) and word in _NO_VERBS
    ]
    assert nouns == []
