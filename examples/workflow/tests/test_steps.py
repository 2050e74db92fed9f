"""The first step, and the whole workflow, on files of this machine: as SageMaker runs them, without a deployment."""

from __future__ import annotations

from pathlib import Path

from smproc.testing import StepRunner

POINTS = "x,y,class\n" + "".join(f"{n % 5},{n % 3},0\n{n % 5 + 50},{n % 3},1\n,1,0\n" for n in range(20))


def test_rows_that_are_not_complete_are_dropped(run_step: StepRunner, tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text(POINTS)
    assert len(run_step("Validate", tmp_path / "points.csv").outputs.table("valid.csv")) == 40


def test_a_good_model_is_registered(run_step: StepRunner, tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text(POINTS)
    result = run_step("Pipeline", tmp_path / "points.csv", workflow=True)
    assert result.outputs.json("card.json")["status"] == "approved"
