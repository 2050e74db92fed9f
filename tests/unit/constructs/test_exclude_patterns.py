"""The patterns of ``exclude``, compared with the strategy of aws-cdk."""

from __future__ import annotations

from pathlib import Path

import pytest
from aws_cdk import IgnoreStrategy
from hypothesis import given, settings
from hypothesis import strategies as st

from cdk_sagemaker_processing import FrameworkProcessor
from cdk_sagemaker_processing._internal.exclude_patterns import ExcludePatterns

ROOT = Path("/tree")
NAMES = [
    ".csv", ".hidden", "-x", "A.csv", "a", "a b", "a.b.csv", "a.csv", "a.csv.gz", "a.csvx", "data", "é.csv", "x\ny",
    "__pycache__", "x..y", "...",
]  # fmt: skip
PARTS = [
    *NAMES,
    "*.csv",
    "*csv",
    "*",
    "**",
    "a*",
    "?",
    "[a]",
    "{a,b}",
    "!a",
    "!*.csv",
    "#a",
    ".",
    "",
    "\\a",
    "+(a)",
    "*-x",
]
paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join)
patterns = st.lists(st.sampled_from(PARTS), min_size=1, max_size=3).map("/".join).filter(bool)


@given(st.lists(patterns, min_size=1, max_size=3), paths, st.booleans())
@settings(max_examples=400, deadline=None)
def test_each_list_leaves_out_what_the_strategy_of_the_cdk_ignores(exclude: list[str], name: str, is_dir: bool) -> None:  # noqa: FBT001
    strategy = IgnoreStrategy.glob(str(ROOT), exclude)
    path = str(ROOT / name)
    expected = strategy.completely_ignores(path) if is_dir else strategy.ignores(path)
    assert ExcludePatterns(ROOT, exclude).match(name, is_dir=is_dir) == expected


@pytest.mark.parametrize("exclude", [[name] for name in PARTS if name])
def test_each_pattern_leaves_out_what_the_strategy_of_the_cdk_ignores(exclude: list[str]) -> None:
    strategy = IgnoreStrategy.glob(str(ROOT), exclude)
    for name in (*NAMES, *(f"data/{name}" for name in NAMES)):
        expected = strategy.ignores(str(ROOT / name))
        assert ExcludePatterns(ROOT, exclude).match(name, is_dir=False) == expected, name


def test_the_default_patterns_need_no_call_of_jsii_for_each_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> IgnoreStrategy:
        pytest.fail("a strategy of aws-cdk for names alone")

    monkeypatch.setattr(IgnoreStrategy, "glob", refuse)
    exclude = ExcludePatterns(ROOT, [*FrameworkProcessor.DEFAULT_EXCLUDES, "*.csv", "data/raw"])
    found = [name for name in ("a/b.py", "a/b.csv", "data/raw", "x/.git") if exclude.match(name, is_dir=False)]
    assert found == ["a/b.csv", "data/raw", "x/.git"]
