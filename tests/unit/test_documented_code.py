"""Each block of Python in the documentation is run: as an app, within what surrounds it, or by a test named here."""

from __future__ import annotations

import re
from pathlib import Path

import aws_cdk as cdk
import pytest

from tests.helpers.documented_commands import PAGES
from tests.helpers.stacks import ROOT
from tests.unit.test_docs import APPS

_BLOCK = re.compile(r"^ *```python\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_IMPORTS = """
from pathlib import Path
import aws_cdk as cdk
from aws_cdk import Stack, aws_ec2 as ec2, aws_secretsmanager as secretsmanager
from aws_cdk import aws_scheduler as scheduler
from cdk_sagemaker_processing import *
stack = cdk.Stack(app, "Stack")
"""
_VPC = """
closed = ec2.SubnetConfiguration(name="Closed", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
vpc = ec2.Vpc(stack, "Vpc", subnet_configuration=[closed])
"""
_COUNT = """
of_count = SKLearnProcessor(stack, "OfCount", framework_version="1.2-1", instance_type="ml.m5.xlarge")
count = of_count.run("Count", code="count.py", inputs=[uploaded_objects()])
"""
_PIPELINE = f'{_COUNT}pipeline = EventDrivenProcessing(stack, "Pipeline", steps=[count], prefixes=["incoming/"])'
_NAMED = 'secret = secretsmanager.Secret(stack, "Secret")'
# The parts of an app, and what surrounds each.
FRAGMENTS = {
    ("docs/monitoring.md", 0): _PIPELINE,
    ("docs/scale-of-a-job.md", 0): "",
    ("docs/schedules.md", 0): _COUNT,
    ("docs/schedules.md", 1): _COUNT,
    ("docs/security.md", 0): _VPC,
    ("docs/security.md", 1): "",
    ("docs/security.md", 2): _VPC,
    ("docs/security.md", 3): _NAMED,
    ("docs/trigger.md", 0): "",
}
# Pages whose blocks other tests run: as they are, or, for the pages about constructs, as the examples that they show.
RUN_BY = {
    "docs/operating.md": "tests/e2e/test_operations.py::test_the_examples_of_the_python_page_run",
    "docs/python-operations.md": "tests/e2e/test_operations.py::test_the_examples_of_the_python_page_run",
    "docs/testing.md": "tests/integration/test_pytest_plugin.py::test_the_tests_of_the_page_pass",
    **{
        page: "tests/conformance/template/test_examples.py::test_the_validation_of_aws_cdk_finds_nothing"
        for page in PAGES
        if page.startswith("docs/constructs/")
    },
}


def blocks(page: str) -> list[str]:
    return _BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))


def test_each_block_is_run() -> None:
    found = {(page, number) for page in PAGES for number in range(len(blocks(page)))}
    elsewhere = {(page, number) for page, number in found if page in APPS or page in RUN_BY}
    assert found - elsewhere == set(FRAGMENTS)


@pytest.mark.parametrize("test", sorted(set(RUN_BY.values())))
def test_the_tests_that_run_blocks_exist(test: str) -> None:
    path, _, name = test.partition("::")
    assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "number"), FRAGMENTS)
def test_a_part_of_an_app_synthesizes(page: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    block = blocks(page)[number]
    for script in ["count.py", *re.findall(r'code="([^"]+)"', block)]:
        (tmp_path / script).touch()
    app = cdk.App(outdir=str(tmp_path / "cdk.out"))

    exec(f"{_IMPORTS}{FRAGMENTS[page, number]}\n{block}", {"app": app})  # noqa: S102 - a page of this repository

    app.synth()
