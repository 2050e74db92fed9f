"""Every example: it synthesizes, linters find nothing in it, and its logical ids stay where they are."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import cdk_sagemaker_processing as library
from tests.helpers.stacks import ROOT, assert_snapshot, flat, run_app

EXAMPLES = [*sorted((ROOT / "examples").glob("*.py")), *sorted((ROOT / "examples" / "processors").glob("*.py"))]
NAMES = [example.stem for example in EXAMPLES]
# In a state machine of the user's own: aws-cdk lets it wait for its role and for the role's policy, which includes it.
TOLERATED = {"task": ["-i", "W3005"]}


@pytest.fixture(scope="module")
def assemblies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What each example writes, from another folder than its own."""
    folder = tmp_path_factory.mktemp("examples")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda example: run_app(folder / example.stem, app=example, cwd=folder), EXAMPLES))
    return {name: folder / name for name in NAMES}


def template_of(assembly: Path) -> Path:
    (path,) = assembly.glob("*.template.json")
    return path


@pytest.mark.parametrize("name", NAMES)
def test_linters_find_nothing(assemblies: dict[str, Path], name: str, tmp_path: Path) -> None:
    path = template_of(assemblies[name])
    lint: list[str | Path] = [Path(sys.prefix) / "bin" / "cfn-lint", *TOLERATED.get(name, []), "--template", path]
    ran = subprocess.run(lint, check=False, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")

    (machine,) = (
        resource
        for resource in json.loads(path.read_text())["Resources"].values()
        if resource["Type"] == "AWS::StepFunctions::StateMachine"
    )
    definition = tmp_path / "definition.json"
    definition.write_text(flat(machine["Properties"]["DefinitionString"]).replace("<AWS::Partition>", "aws"))
    validator = ROOT / "node_modules" / ".bin" / "asl-validator"
    checked = subprocess.run([validator, "--json-path", definition], check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("name", NAMES)
def test_logical_ids_stay(assemblies: dict[str, Path], name: str) -> None:
    found: dict[str, Any] = json.loads(template_of(assemblies[name]).read_text())
    assert_snapshot(f"examples/{name}", found)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_warned_of(assemblies: dict[str, Path], name: str) -> None:
    manifest = json.loads((assemblies[name] / "manifest.json").read_text())
    told = [
        entry["data"]
        for artifact in manifest["artifacts"].values()
        for entries in artifact.get("metadata", {}).values()
        for entry in entries
        if entry["type"].startswith("aws:cdk:") and entry["type"] != "aws:cdk:logicalId"
    ]
    assert [text for text in told if isinstance(text, str) and "cdk-sagemaker-processing" in text] == []


def test_every_processor_has_an_example() -> None:
    processors = {name for name in library.__all__ if name.endswith("Processor")}
    shown = {name for example in EXAMPLES for name in processors if f" {name}(" in example.read_text()}
    assert shown == processors
    assert len(EXAMPLES) == len(processors) + len(list((ROOT / "examples").glob("*.py")))
