"""The template of a pipeline that needs several rules, with cfn-lint: limits, and no circular dependency."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms

from cdk_sagemaker_processing import EventDrivenProcessing, Processor, uploaded_objects
from tests.helpers.stacks import ACCOUNT, REGION

IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/count:1"


@pytest.mark.parametrize("encrypted", [True, False])
@pytest.mark.parametrize(("tenants", "suffixes"), [(30, [".csv"]), (100, [])])
def test_cfn_lint_finds_nothing(tenants: int, suffixes: list[str], encrypted: bool, tmp_path: Path) -> None:  # noqa: FBT001
    app = cdk.App(outdir=str(tmp_path))
    stack = cdk.Stack(app, "Many", env=cdk.Environment(account=ACCOUNT, region=REGION))
    processor = Processor(stack, "Processor", image_uri=IMAGE, instance_type="ml.m5.large")
    pipeline = EventDrivenProcessing(
        stack,
        "Pipeline",
        steps=[processor.run("Run", inputs=[uploaded_objects()])],
        prefixes=[f"tenants/{number:04}/incoming/" for number in range(tenants)],
        suffixes=suffixes,
        encryption_key=kms.Key(stack, "Key") if encrypted else None,
    )
    app.synth()
    assert len(pipeline.trigger.rules) == 3
    lint = [Path(sys.prefix) / "bin" / "cfn-lint", tmp_path / "Many.template.json"]
    ran = subprocess.run(lint, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")
