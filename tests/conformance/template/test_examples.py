"""Every example synthesizes; checkers find nothing in it, its logical ids do not change, and it holds no secret.

An example is a directory with a cdk.json: a new one is checked without being listed here.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cdk_sagemaker_processing as library
from smproc.assemblies import CloudAssembly
from tests.helpers.definition_checks import definition_problems
from tests.helpers.event_ruler import pattern_problems, patterns_in
from tests.helpers.examples import DIRECTORY, NO_PROJECTS, PROJECTS
from tests.helpers.policy_checks import policies_in, policy_problems
from tests.helpers.resolved_templates import ResolvedTemplate, definitions_in, resolved_assembly
from tests.helpers.secret_search import ENVIRONMENT, OF_THE_USER, files_of, where
from tests.helpers.stacks import ROOT, SNAPSHOTS, assert_snapshot, run_apps

pytestmark = pytest.mark.exhaustive

APPS = {"app.py": ROOT / "app.py"} | {name: project / "app.py" for name, project in PROJECTS.items()}
NAMES = list(PROJECTS)
TOLERATED = {
    # A state machine of the user: aws-cdk makes it depend on its role and on the role's policy, which includes it.
    "own-state-machine": ["-i", "W3005"],
    "triggered-state-machine": ["-i", "W3005"],
    # aws-cdk writes all of it.
    "cdk-pipelines": ["-i", "W3005", "E3703"],
}
_PERMISSIONS = (
    "AWS::IAM::",
    "AWS::S3::BucketPolicy",
    "AWS::KMS::Key",
    "AWS::Lambda::Permission",
    "AWS::SQS::QueuePolicy",
)


@pytest.fixture(scope="module")
def assemblies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Synthesize app.py and each example from an unrelated directory, with secrets in the environment."""
    directory = tmp_path_factory.mktemp("examples")
    found = {name: directory / name for name in APPS}
    run_apps({app: found[name] for name, app in APPS.items()}, cwd=directory, **ENVIRONMENT, CDK_VALIDATION="true")
    return found


@pytest.fixture(scope="module")
def resolved(assemblies: dict[str, Path]) -> list[ResolvedTemplate]:
    """All templates with values for their references."""
    return [template for name, path in assemblies.items() for template in resolved_assembly(name, path)]


def templates_of(assembly: Path) -> dict[str, Path]:
    """Return the templates of the stacks of an assembly, those of its stages among them."""
    return {stack.name: stack.template for stack in CloudAssembly(assembly).stacks}


def resources_of(assembly: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in templates_of(assembly).values():
        yield from json.loads(path.read_text())["Resources"].items()


def test_every_example_is_a_project() -> None:
    entries = {entry.name for entry in DIRECTORY.iterdir() if entry.name != "__pycache__"}
    assert entries - NO_PROJECTS - {"README.md"} == set(PROJECTS)
    listed = (DIRECTORY / "README.md").read_text(encoding="utf-8")
    for name, project in PROJECTS.items():
        assert {"README.md", "app.py", "cdk.json", "requirements.txt"} <= {path.name for path in project.iterdir()}
        assert f"| [{name}]({name}/README.md) |" in listed


def test_every_example_requires_the_versions_that_the_library_does() -> None:
    required = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    (cdk,) = (requirement for requirement in required if requirement.startswith("aws-cdk-lib"))
    for name, project in PROJECTS.items():
        assert cdk in (project / "requirements.txt").read_text(encoding="utf-8").splitlines(), name


@pytest.mark.parametrize("tolerated", [[], *TOLERATED.values()], ids=["", *TOLERATED])
def test_cfn_lint_finds_nothing(assemblies: dict[str, Path], tolerated: list[str]) -> None:
    names = [name for name in NAMES if TOLERATED.get(name, []) == tolerated]
    templates = [path for name in names for path in templates_of(assemblies[name]).values()]
    lint: list[str | Path] = [Path(sys.prefix) / "bin" / "cfn-lint", *tolerated, "--template", *templates]
    process = subprocess.run(lint, check=False, capture_output=True, text=True)
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")


def test_no_validator_refuses_a_definition(resolved: list[ResolvedTemplate]) -> None:
    assert {where.partition("/")[0] for where in definitions_in(resolved)} == set(APPS)
    assert definition_problems(resolved) == []


def test_parliament_finds_nothing_in_a_policy(resolved: list[ResolvedTemplate]) -> None:
    policies = policies_in(resolved)
    assert {policy.where.partition("/")[0] for policy in policies} == set(APPS)
    assert policy_problems(policies) == []


def test_eventbridges_own_engine_accepts_every_pattern(resolved: list[ResolvedTemplate]) -> None:
    assert len(patterns_in(resolved)) > len(APPS)
    assert pattern_problems(resolved) == []


@pytest.mark.parametrize("name", APPS)
def test_the_validation_of_aws_cdk_finds_nothing(assemblies: dict[str, Path], name: str) -> None:
    report = json.loads((assemblies[name] / "validation-report.json").read_text())
    assert report["pluginReports"] == []


@pytest.mark.parametrize("name", APPS)
def test_no_permission_depends_on_the_content_of_a_script(assemblies: dict[str, Path], name: str) -> None:
    resources = dict(resources_of(assemblies[name]))
    uploads = [each for each, resource in resources.items() if resource["Type"] == "Custom::CDKBucketDeployment"]
    permissions = {each: one for each, one in resources.items() if one["Type"].startswith(_PERMISSIONS)}
    assert permissions
    for resource in permissions.values():
        text = json.dumps(resource["Properties"])
        assert not re.search(r"[0-9a-f]{64}", text)
        assert not [upload for upload in uploads if upload in text]


@pytest.mark.parametrize("name", NAMES)
def test_the_logical_ids_do_not_change(assemblies: dict[str, Path], name: str) -> None:
    templates = templates_of(assemblies[name])
    (SNAPSHOTS / "examples" / name).mkdir(exist_ok=True)
    for stack, path in templates.items():
        assert_snapshot(f"examples/{name}/{stack}", json.loads(path.read_text()))
    assert {path.stem for path in (SNAPSHOTS / "examples" / name).iterdir()} == set(templates)


def test_every_snapshot_is_of_an_example() -> None:
    assert {path.name for path in (SNAPSHOTS / "examples").iterdir()} == set(PROJECTS)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_has_no_warnings(assemblies: dict[str, Path], name: str) -> None:
    files = [*assemblies[name].rglob("manifest.json"), *assemblies[name].rglob("*.metadata.json")]
    assert len(files) > 1
    texts = [file.read_text() for file in files]
    assert [text for text in texts if "aws:cdk:warning" in text or "aws:cdk:error" in text] == []


def test_every_processor_has_an_example() -> None:
    processors = {name for name in library.__all__ if name.endswith("Processor")}
    stacks = list((PROJECTS["processors"] / "stacks").glob("*.py"))
    shown = {name for stack in stacks for name in processors if f" {name}(" in stack.read_text()}
    assert shown == processors
    assert len(stacks) == len(processors)


@pytest.mark.parametrize("name", APPS)
def test_no_secret_of_the_user_is_in_the_assembly(assemblies: dict[str, Path], name: str) -> None:
    assert templates_of(assemblies[name])
    assert where(files_of(assemblies[name]), {OF_THE_USER}) == set()


def test_the_search_finds_a_secret_in_the_environment_of_a_processor(tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    source = (PROJECTS["own-container"] / "app.py").read_text()
    assert '"MINIMUM_LENGTH": "4"' in source  # the value of a variable in the environment of the processor
    body = source.split("from __future__ import annotations")[1].replace('"4"', 'os.environ["A_PASSWORD"]')
    body = body.replace("Path(__file__).parent", f"Path({str(PROJECTS['own-container'])!r})")
    app.write_text(f"import os\n{body}")
    run_apps({app: tmp_path / "out"}, cwd=tmp_path, **ENVIRONMENT)
    (template,) = templates_of(tmp_path / "out").values()
    assert template.name in where(files_of(tmp_path / "out"), {OF_THE_USER})
