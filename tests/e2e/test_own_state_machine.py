"""The example of a trigger in front of a state machine of one's own: an upload runs both of its jobs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.helpers.deployment import Deployment, cdk
from tests.helpers.stacks import ROOT

EXAMPLE = ROOT / "examples" / "s3_trigger.py"


@pytest.mark.exhaustive
def test_an_upload_runs_the_jobs_of_the_workflow(bootstrapped: Deployment, tmp_path: Path) -> None:
    app = ["--app", f"{sys.executable} {EXAMPLE}", "--output", str(tmp_path / "out")]
    cdk(["deploy", *app], bootstrapped.environment)
    file = tmp_path / "data.csv"
    file.write_text("a,b\n1,2\n3,4\n")

    ran = bootstrapped.run(file, "TriggerExample")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "counts.json" in ran.stdout
    assert "sums-algo-1.json" in ran.stdout
