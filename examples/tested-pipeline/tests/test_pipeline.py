"""The deployed pipeline: an upload to a local AWS, with IAM enforced."""

from __future__ import annotations

from pathlib import Path

from smproc.testing import Deployer, Uploader

DATA = Path(__file__).parent / "data"


def test_an_upload_is_added_up(deployed: Deployer, uploaded: Uploader) -> None:
    result = uploaded(deployed("TestedPipelineExample"), DATA / "orders.csv")
    assert result.job.status == "Completed"
    assert len(result.outputs.table("totals.csv")) == 2
