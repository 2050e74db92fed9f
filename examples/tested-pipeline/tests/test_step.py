"""The step on files of this machine: as SageMaker runs it, without a deployment."""

from __future__ import annotations

from pathlib import Path

from smproc.testing import StepRunner

DATA = Path(__file__).parent / "data"


def test_the_step_adds_up_orders(run_step: StepRunner) -> None:
    result = run_step("AddUp", DATA / "orders.csv")
    assert result.outputs.table("totals.csv").to_dict("list") == {"country": ["DE", "FR"], "amount": [12.5, 7.5]}
    assert len(result.outputs.table("rejected.csv")) == 2


def test_a_file_without_amounts_fails_with_its_reason(run_step: StepRunner, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("order,country\n1,DE\n")
    result = run_step("AddUp", tmp_path / "orders.csv", check=False)
    assert result.status == "FAILED"
    assert "missing: amount" in result.reason
