"""The page that says what the trigger costs is what its script computes."""

from __future__ import annotations

import runpy

from tests.helpers.stacks import ROOT


def test_the_page_is_what_is_computed() -> None:
    computed = runpy.run_path(str(ROOT / "benchmarks" / "costs.py"))["page"]()
    assert (ROOT / "docs" / "trigger-costs.md").read_text(encoding="utf-8") == computed
