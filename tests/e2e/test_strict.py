"""Every example deploys where the local AWS refuses what it ignores; the others of these tests run there, too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.helpers.deployment import Deployment, cdk
from tests.helpers.stacks import ROOT

pytestmark = pytest.mark.exhaustive

PARAMETERS = {"batches": ["--parameters", "Mail=you@example.com"]}
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_deploys(deployment: Deployment, example: Path, tmp_path: Path) -> None:
    app = f"{sys.executable} {example}"
    options = ["--all", "--app", app, "--output", str(tmp_path / "out"), *PARAMETERS.get(example.stem, ())]
    cdk(["deploy", *options], deployment.environment)
    formation = deployment.session.client("cloudformation")
    stacks = {stack["StackName"]: stack["StackStatus"] for stack in formation.describe_stacks()["Stacks"]}
    deployed = [path.name.removesuffix(".template.json") for path in (tmp_path / "out").glob("*.template.json")]
    assert deployed
    assert {stacks[name] for name in deployed} <= {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
