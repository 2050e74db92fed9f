"""Apps drawn at random: each synthesizes and cfn-lint finds no error in it, or it is refused in this library's terms.

`DRAWN_APPS=300 pytest tests/conformance/template/test_drawn_apps.py` draws more of them, and `DRAWN_APPS_FROM` sets the
first seed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cdk_sagemaker_processing import InvalidProcessingJobError
from tests.helpers.definition_checks import definition_problems
from tests.helpers.drawn_apps import DrawnApp
from tests.helpers.event_ruler import pattern_problems
from tests.helpers.resolved_templates import resolved_assembly
from tests.helpers.sdk_calls import write_files

pytestmark = pytest.mark.exhaustive

COUNT = int(os.environ.get("DRAWN_APPS", "24"))
FIRST = int(os.environ.get("DRAWN_APPS_FROM", "0"))
# What aws-cdk says of a validation, which includes those of this library: an error that a user can read.
VALIDATION = "Validation failed with the following errors"


def outcome(seed: int, files: Path, out: Path) -> str:
    """Return "synthesized", or the kind of refusal; any other error is a failure."""
    drawn = DrawnApp(seed, files, out)
    try:
        drawn.draw()
    except InvalidProcessingJobError as error:
        return type(error).__name__
    try:
        drawn.app.synth()
    except RuntimeError as error:
        if VALIDATION not in str(error):
            raise
        return "validation"
    return "synthesized"


def test_every_drawn_app_synthesizes_or_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    outcomes: Counter[str] = Counter()
    failures = []
    for seed in range(FIRST, FIRST + COUNT):
        try:
            outcomes[outcome(seed, tmp_path, tmp_path / f"out-{seed}")] += 1
        except Exception as error:  # noqa: BLE001 - each is listed with its seed
            failures.append(f"{seed}: {type(error).__name__}: {str(error).splitlines()[0][:300]}")

    assert failures == [], outcomes
    assert outcomes["synthesized"] > COUNT / 4
    assert sum(outcomes.values()) - outcomes["synthesized"] > 0
    assert lint_errors(sorted(tmp_path.rglob("out-*/**/*.template.json"))) == ""
    drawn = [path.parent for path in sorted(tmp_path.glob("out-*/manifest.json"))]
    templates = [template for path in drawn for template in resolved_assembly(path.name, path)]
    assert definition_problems(templates) == []
    assert pattern_problems(templates) == []


def lint_errors(templates: list[Path]) -> str:
    """Return cfn-lint's report of errors; its warnings concern the resources that the apps bring."""
    assert templates != []
    program = [str(Path(sys.prefix) / "bin" / "cfn-lint"), "--ignore-checks", "W", "--template", *map(str, templates)]
    return subprocess.run(program, check=False, capture_output=True, text=True).stdout
