"""The opening of every docstring is that of a technical writer."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The trees whose docstrings are checked.
TREES = ("app.py", "benchmarks", "constructs", "examples", "lambda", "smproc", "tests", "tools")
_FORBIDDEN = frozenset(
    {"What", "Where", "How", "Whether", "Who", "Whom", "Why", "Which", "When", "Say", "Tell", "Have", "Let"}
)
# The docstring of a function opens with a verb, and none of these words is one.
_NOUN_PHRASES = frozenset({"A", "An", "The", "This", "That", "These", "Those", "Each", "Every", "All", "Called"})
_FILES = [
    path
    for tree in TREES
    for path in (sorted((ROOT / tree).rglob("*.py")) if (ROOT / tree).is_dir() else [ROOT / tree])
    if "_vendor" not in path.parts
]

_Node = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _documented(path: Path) -> Iterator[tuple[_Node, str, str]]:
    """Yield each documented module, class and function of a file: the node, its location and its first word."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, _Node) and (text := ast.get_docstring(node)):
            name = "" if isinstance(node, ast.Module) else f" {node.name}"
            line = text.splitlines()[0]
            yield node, f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}{name}: {line}", line.split()[0]


def _is_property(node: ast.AST) -> bool:
    decorators = [ast.unparse(decorator) for decorator in getattr(node, "decorator_list", ())]
    return any(decorator.partition("(")[0].endswith(("property", "fixture")) for decorator in decorators)


def test_the_trees_have_docstrings() -> None:
    assert sum(1 for path in _FILES for _ in _documented(path)) > 100


@pytest.mark.parametrize("tree", TREES)
def test_no_docstring_opens_with_a_forbidden_word(tree: str) -> None:
    paths = [path for path in _FILES if path.relative_to(ROOT).parts[0] == tree]
    assert [
        location for path in paths for _, location, word in _documented(path) if word.rstrip(":,.") in _FORBIDDEN
    ] == []


@pytest.mark.parametrize("tree", TREES)
def test_the_docstring_of_a_function_opens_with_a_verb(tree: str) -> None:
    paths = [path for path in _FILES if path.relative_to(ROOT).parts[0] == tree]
    nouns = [
        location
        for path in paths
        for node, location, word in _documented(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _is_property(node) and word in _NOUN_PHRASES
    ]
    assert nouns == []
