"""New projects: each is formatted, synthesizes, and passes its own test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from smproc.cli import main
from smproc.projects import Kind, ProjectExistsError, new_project
from tests.helpers.stacks import ROOT

ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'constructs'}{os.pathsep}{ROOT / 'lambda'}"}


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("projects")
    for kind in Kind:
        new_project(directory / f"my-{kind}", kind)
    return directory


@pytest.mark.parametrize("kind", Kind)
def test_the_files_of_a_project(projects: Path, kind: Kind) -> None:
    project = projects / f"my-{kind}"
    found = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}
    assert found >= {
        ".gitignore",
        "README.md",
        "app.py",
        "cdk.json",
        "requirements-dev.txt",
        "requirements.txt",
        "tests/test_app.py",
    }
    assert json.loads((project / "cdk.json").read_text())["app"] == "python3 app.py"
    readme = (project / "README.md").read_text()
    name = "My" + "".join(word.capitalize() for word in kind.split("-"))
    assert f"smproc run data.csv --stack {name}\n" in readme
    assert f'ProcessingStack(app, "{name}")' in (project / "app.py").read_text()
    assert "{" not in readme
    assert "\n\n\n" not in readme


def test_the_code_is_formatted_and_has_no_unused_import(projects: Path) -> None:
    ruff = [sys.executable, "-m", "ruff"]
    # The projects are source roots, as when ruff runs in one of them.
    options = ["--isolated", "--no-cache", "--config", "src = ['my-*']"]
    rules = ["--select", "F,I,UP,E4,E7,E9,W,Q,C4,ISC,PIE,RUF"]
    for arguments in (["format", "--check", "--diff", *options], ["check", *options, *rules]):
        ran = subprocess.run([*ruff, *arguments, "."], cwd=projects, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_project_synthesizes(projects: Path) -> None:
    names = [f"my-{kind}" for kind in Kind]
    script = (
        "import importlib.util, os, sys\n"
        "import aws_cdk as cdk\n"
        "for name in sys.argv[1:]:\n"
        "    os.chdir(name)\n"
        "    spec = importlib.util.spec_from_file_location(name, 'app.py')\n"
        "    module = importlib.util.module_from_spec(spec)\n"
        "    spec.loader.exec_module(module)\n"
        "    app = cdk.App(outdir='cdk.out')\n"
        "    module.ProcessingStack(app, 'Stack')\n"
        "    app.synth()\n"
        "    os.chdir('..')\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, *names],
        cwd=projects,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("kind", [Kind.SKLEARN, Kind.FRAMEWORK])
def test_a_project_passes_its_own_tests(projects: Path, kind: Kind) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=projects / f"my-{kind}",
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in ran.stdout, ran.stdout + ran.stderr


def test_the_working_directory_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = tmp_path / "churn"
    (project / ".git").mkdir(parents=True)  # a new repository is a good place
    monkeypatch.chdir(project)
    assert main(["new"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Deploy it: pip install -r requirements.txt && npx cdk deploy"
    assert 'ProcessingStack(app, "Churn")' in (project / "app.py").read_text()


def test_a_directory_that_is_not_empty_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").touch()
    assert main(["new", str(tmp_path)]) == 1
    message = f"smproc: {tmp_path} is not empty; name a directory that is empty or does not exist yet\n"
    assert capsys.readouterr().err == message
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        ProjectExistsError, match=r"file is a file; name a directory that is empty or does not exist yet$"
    ):
        new_project(tmp_path / "file", Kind.SKLEARN)


@pytest.mark.parametrize("name", ["日本", "1st", "a'b\"c", "{{ x }}", '"""', "a\nb", "-"])
def test_hostile_names_of_directories(tmp_path: Path, name: str) -> None:
    new_project(tmp_path / name, Kind.SKLEARN)
    compile((tmp_path / name / "app.py").read_text(), "app.py", "exec")


def test_an_unknown_processor_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "x", "--processor", "cobol"]) == 2
    assert "'cobol' is not one of 'sklearn', 'pyspark'" in capsys.readouterr().err
