"""Every example synthesizes; linters find nothing in it, its logical ids do not change, and it holds no secret."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cdk_sagemaker_processing as library
from tests.helpers.secret_search import ENVIRONMENT, OF_THE_USER, files_of, where
from tests.helpers.stacks import ROOT, assert_snapshot, flat, run_apps

EXAMPLES = [*sorted((ROOT / "examples").glob("*.py")), *sorted((ROOT / "examples" / "processors").glob("*.py"))]
APP = ROOT / "app.py"
NAMES = [example.stem for example in EXAMPLES]
# In a user-supplied state machine: aws-cdk makes it depend on its role and on the role's policy, which includes it.
TOLERATED = dict.fromkeys(("s3_trigger", "task"), ("-i", "W3005"))


@pytest.fixture(scope="module")
def assemblies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Synthesize app.py and each example from an unrelated directory, with secrets in the environment."""
    directory = tmp_path_factory.mktemp("examples")
    found = {app.stem: directory / app.stem for app in (APP, *EXAMPLES)}
    apps = dict(zip((APP, *EXAMPLES), found.values(), strict=True))
    run_apps(apps, cwd=directory, **ENVIRONMENT, CDK_VALIDATION="true")
    return found


def template_of(assembly: Path) -> Path:
    (path,) = assembly.glob("*.template.json")
    return path


@pytest.mark.parametrize("tolerated", [(), ("-i", "W3005")], ids=["", "W3005"])
def test_cfn_lint_finds_nothing(assemblies: dict[str, Path], tolerated: tuple[str, ...]) -> None:
    names = [name for name in NAMES if TOLERATED.get(name, ()) == tolerated]
    templates = [template_of(assemblies[name]) for name in names]
    lint: list[str | Path] = [Path(sys.prefix) / "bin" / "cfn-lint", *tolerated, "--template", *templates]
    process = subprocess.run(lint, check=False, capture_output=True, text=True)
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")


@pytest.mark.parametrize("name", [APP.stem, *NAMES])
def test_the_validation_of_aws_cdk_finds_nothing(assemblies: dict[str, Path], name: str) -> None:
    report = json.loads((assemblies[name] / "validation-report.json").read_text())
    assert report["pluginReports"] == []


_PERMISSIONS = (
    "AWS::IAM::",
    "AWS::S3::BucketPolicy",
    "AWS::KMS::Key",
    "AWS::Lambda::Permission",
    "AWS::SQS::QueuePolicy",
)


@pytest.mark.parametrize("name", [APP.stem, *NAMES])
def test_no_permission_depends_on_the_content_of_a_script(assemblies: dict[str, Path], name: str) -> None:
    resources = json.loads(template_of(assemblies[name]).read_text())["Resources"]
    uploads = [each for each, resource in resources.items() if resource["Type"] == "Custom::CDKBucketDeployment"]
    permissions = {each: one for each, one in resources.items() if one["Type"].startswith(_PERMISSIONS)}
    assert permissions
    for resource in permissions.values():
        text = json.dumps(resource["Properties"])
        assert not re.search(r"[0-9a-f]{64}", text)
        assert not [upload for upload in uploads if upload in text]


def test_asl_validator_finds_nothing(assemblies: dict[str, Path], tmp_path: Path) -> None:
    definitions = []
    for name in NAMES:
        resources = json.loads(template_of(assemblies[name]).read_text())["Resources"]
        machines = {each: one for each, one in resources.items() if one["Type"] == "AWS::StepFunctions::StateMachine"}
        assert machines
        for each, machine in machines.items():
            definition = tmp_path / f"{name}-{each}.json"
            definition.write_text(flat(machine["Properties"]["DefinitionString"]).replace("<AWS::Partition>", "aws"))
            definitions.append(definition)
    validator = ROOT / "node_modules" / ".bin" / "asl-validator"
    paths = [argument for definition in definitions for argument in ("--json-path", definition)]
    process = subprocess.run([validator, *paths], check=False, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr


@pytest.mark.parametrize("name", NAMES)
def test_the_logical_ids_do_not_change(assemblies: dict[str, Path], name: str) -> None:
    found: dict[str, Any] = json.loads(template_of(assemblies[name]).read_text())
    assert_snapshot(f"examples/{name}", found)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_has_no_warnings(assemblies: dict[str, Path], name: str) -> None:
    manifest = json.loads((assemblies[name] / "manifest.json").read_text())
    messages = [
        entry["data"]
        for artifact in manifest["artifacts"].values()
        for entries in artifact.get("metadata", {}).values()
        for entry in entries
        if entry["type"].startswith("aws:cdk:") and entry["type"] != "aws:cdk:logicalId"
    ]
    assert [text for text in messages if isinstance(text, str) and "cdk-sagemaker-processing" in text] == []


def test_every_processor_has_an_example() -> None:
    processors = {name for name in library.__all__ if name.endswith("Processor")}
    shown = {name for example in EXAMPLES for name in processors if f" {name}(" in example.read_text()}
    assert shown == processors
    assert len(EXAMPLES) == len(processors) + len(list((ROOT / "examples").glob("*.py")))


@pytest.mark.parametrize("name", [APP.stem, *NAMES])
def test_no_secret_of_the_user_is_in_the_assembly(assemblies: dict[str, Path], name: str) -> None:
    assert template_of(assemblies[name])
    assert where(files_of(assemblies[name]), {OF_THE_USER}) == set()


def test_the_search_finds_a_secret_in_the_environment_of_a_processor(tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    source = (ROOT / "examples" / "processors" / "processor.py").read_text()
    assert '"INFO"' in source  # the value of a variable in the environment of the processor
    body = source.split("from __future__ import annotations")[1].replace('"INFO"', 'os.environ["A_PASSWORD"]')
    app.write_text(f"import os\n{body}")
    run_apps({app: tmp_path / "out"}, cwd=tmp_path, **ENVIRONMENT)
    assert template_of(tmp_path / "out").name in where(files_of(tmp_path / "out"), {OF_THE_USER})
