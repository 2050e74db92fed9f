"""The page about the costs of the trigger is the output of its script."""

from __future__ import annotations

import runpy

from tests.helpers.stacks import ROOT


def test_the_page_is_the_output_of_the_script() -> None:
    computed = runpy.run_path(str(ROOT / "benchmarks" / "costs.py"))["page"]()
    assert (ROOT / "docs" / "trigger-costs.md").read_text(encoding="utf-8") == computed
