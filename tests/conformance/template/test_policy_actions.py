"""The actions that ValidatePolicy of the local AWS knows: those of cfn-lint and parliament, which have AWS's."""

from __future__ import annotations

import runpy

from tests.helpers.stacks import ROOT


def test_the_actions_are_those_of_cfn_lint_parliament_and_botocore() -> None:
    regenerate = runpy.run_path(str(ROOT / "tools" / "regenerate_policy_actions.py"))
    assert regenerate["render"]() == regenerate["OUTPUT"].read_text(encoding="utf-8")
