"""The pages about the costs and the scale of the trigger are the output of their scripts, from counts within bounds."""

from __future__ import annotations

import json
import runpy

import pytest

from tests.helpers.stacks import ROOT


@pytest.mark.parametrize("name", ["costs", "scale", "backfill"])
def test_the_page_is_the_output_of_the_script(name: str) -> None:
    computed = runpy.run_path(str(ROOT / "benchmarks" / f"{name}.py"))["page"]()
    assert (ROOT / "docs" / f"trigger-{name}.md").read_text(encoding="utf-8") == computed


@pytest.mark.parametrize(
    ("kind", "most"), [("batches of 1,000", 30), ("single objects", 2050), ("listed again, all known", 5)]
)
def test_the_kept_counts_of_calls_of_backfills_are_within_bounds(kind: str, most: int) -> None:
    kept = json.loads((ROOT / "benchmarks" / "trigger_counts.json").read_text(encoding="utf-8"))
    assert sum(kept["backfills"][kind]["calls"].values()) <= most


@pytest.mark.parametrize(
    ("mode", "most"),
    [
        ("batches of 1,000", 20),
        ("batches of 1,000, at most 8 concurrently", 20),
        ("batches of 1,000 in 20 groups, closed half full", 35),
        ("batches of 100,000", 8),
        ("single objects", 2050),
        ("single objects, at most 50 concurrently", 2050),
        ("single objects, at most 1,000 concurrently", 2050),
    ],
)
def test_the_kept_counts_of_calls_are_within_bounds(mode: str, most: int) -> None:
    kept = json.loads((ROOT / "benchmarks" / "trigger_counts.json").read_text(encoding="utf-8"))
    assert sum(kept["modes"][mode]["calls"].values()) <= most
