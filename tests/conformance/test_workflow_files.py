"""The workflow files for GitHub, which do not run here: by its schema, and by the rules that keep a release safe."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CHECK: list[str | Path] = [
    ROOT / ".tools" / "check-jsonschema" / "bin" / "check-jsonschema",
    "--builtin-schema",
    "vendor.github-workflows",
]
# The jobs that get an identity token, and what else they may write.
WRITES = {
    ("release.yml", "build"): {"id-token", "attestations"},
    ("release.yml", "publish"): {"id-token"},
    ("release.yml", "github-release"): {"contents"},
    ("site.yml", "deploy"): {"id-token", "pages"},
}
PINNED = re.compile(r"uses: (\./\.github/workflows/\w+\.yml|[\w/.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)")


def loaded(path: Path) -> dict[str, Any]:
    workflow: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return workflow


def checked(*paths: Path) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [*CHECK, *paths]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_the_workflows_are_valid_by_the_schema(tmp_path: Path) -> None:
    assert checked(*WORKFLOWS).returncode == 0
    invalid = tmp_path / "invalid.yml"
    invalid.write_text(WORKFLOWS[0].read_text().replace("runs-on:", "runs-at:"))
    refused = checked(invalid)
    assert refused.returncode == 1
    assert "runs-at" in refused.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if "uses: " in line]
    assert lines
    assert [line for line in lines if not PINNED.search(line)] == []


def test_an_action_has_one_commit_in_all_workflows() -> None:
    pins = re.findall(r"uses: ([\w/.-]+)@(\w+ # \S+)", "\n".join(path.read_text() for path in WORKFLOWS))
    assert len({name for name, _ in pins}) == len(set(pins)) > 5


def test_only_the_jobs_that_publish_may_write() -> None:
    writes: dict[tuple[str, str], set[str]] = {}
    for path in WORKFLOWS:
        workflow = loaded(path)
        assert workflow["permissions"] == {"contents": "read"}
        for name, job in workflow["jobs"].items():
            allowed = {what for what, how in job.get("permissions", {}).items() if how == "write"}
            writes |= {(path.name, name): allowed} if allowed else {}
    assert writes == WRITES


def test_nothing_is_published_untested_or_with_a_stored_secret() -> None:
    jobs = loaded(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    assert jobs["test"]["uses"] == "./.github/workflows/ci.yml"
    assert (jobs["build"]["needs"], jobs["publish"]["needs"], jobs["github-release"]["needs"]) == (
        "test",
        "build",
        "publish",
    )
    assert [path.name for path in WORKFLOWS if "secrets." in path.read_text()] == []


@pytest.mark.parametrize("name", ["ci.yml", "release.yml"])
def test_every_make_target_exists(name: str) -> None:
    steps = [
        step for job in loaded(ROOT / ".github" / "workflows" / name)["jobs"].values() for step in job.get("steps", ())
    ]
    used = {target for step in steps for target in re.findall(r"^make (.*)$", step.get("run", ""), re.MULTILINE)}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert used
    assert {target for line in used for target in line.split()} <= targets


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_script_is_valid_and_takes_no_expression(path: Path) -> None:
    """Refuse an expression within a script: it is text that whoever names a branch or a tag writes."""
    scripts = [step["run"] for job in loaded(path)["jobs"].values() for step in job.get("steps", ()) if "run" in step]
    assert scripts
    for script in scripts:
        assert "${{" not in script
        assert subprocess.run(["bash", "-n", "-c", script], check=False).returncode == 0
