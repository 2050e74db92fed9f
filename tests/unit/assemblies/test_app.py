"""A CDK app: where it is, when it is synthesized anew, and what it says when it fails."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from smproc.assemblies import AppNotFoundError, CdkApp, SynthesisFailedError
from smproc.assemblies.app_sources import changed_since
from tests.helpers.assemblies import write_assembly

COPY = "import os, shutil; shutil.copytree('made', os.environ['CDK_OUTDIR'], dirs_exist_ok=True)"


@pytest.fixture(autouse=True)
def _without_cdk_cli(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the CDK CLI, so that the command of the app is run as the CLI runs it."""
    monkeypatch.setattr("smproc.assemblies.app.cdk_cli", lambda _: None)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An app that takes as its assembly what is in ``made``, and a script."""
    (tmp_path / "cdk.json").write_text(json.dumps({"app": "python3 app.py", "context": {"stage": "test"}}))
    (tmp_path / "app.py").write_text(COPY)
    (tmp_path / "main.py").write_text("print(1)\n")
    write_assembly(tmp_path / "made", script=tmp_path / "main.py")
    return tmp_path


def later(path: Path, seconds: float = 10) -> None:
    """Change the time of a file to one after that of every other."""
    moment = path.stat().st_mtime + seconds
    os.utime(path, (moment, moment))


def test_an_app_is_synthesized_once_and_again_when_it_has_changed(project: Path) -> None:
    said: list[str] = []
    app = CdkApp.find(directory=project, notify=said.append)

    assert app.assembly().path == project / "cdk.out"
    app.assembly()
    assert said == ["synthesizing the app"]

    later(project / "app.py")
    app.assembly()
    assert said[1:] == ["synthesizing the app, as app.py has changed"]


def test_an_assembly_without_the_files_of_its_assets_is_synthesized_anew(project: Path) -> None:
    """As `cdk list` and `cdk destroy` leave it."""
    said: list[str] = []
    app = CdkApp.find(directory=project, notify=said.append)
    (files,) = app.assembly().local_files
    (files.asset / "main.py").unlink()

    (files,) = app.assembly().local_files
    assert (files.asset / "main.py").exists()
    assert said[1:] == ["synthesizing the app, as its assembly is without assets"]


def test_the_edit_of_a_script_needs_no_synth_and_its_removal_does(project: Path) -> None:
    app = CdkApp.find(directory=project)
    assembly = app.assembly()

    later(project / "main.py")
    assert app.change_since(assembly) is None

    (project / "main.py").unlink()
    assert app.change_since(assembly) == project / "main.py"


@pytest.mark.parametrize("name", ["test_app.py", "conftest.py", ".venv/x.py", "env/lib/x.py", "notes.md"])
def test_what_is_no_module_of_the_app_needs_no_synth(project: Path, name: str) -> None:
    (project / "env").mkdir()
    (project / "env" / "pyvenv.cfg").touch()
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    later(path)

    assert changed_since(project, (project / "app.py").stat().st_mtime_ns + 10**9, leave_out=()) is None


def test_the_contract_of_the_cli_is_kept(project: Path) -> None:
    (project / "cdk.context.json").write_text(json.dumps({"looked-up": "x"}))
    (project / "app.py").write_text(f"{COPY}; open('context', 'w').write(os.environ['CDK_CONTEXT_JSON'])")

    CdkApp.find(directory=project).assembly()

    context = json.loads((project / "context").read_text())
    assert (context["stage"], context["looked-up"]) == ("test", "x")
    assert context["aws:cdk:enable-path-metadata"] is True


def test_jsii_does_not_warn_of_node_in_the_place_of_the_apps_error(project: Path) -> None:
    (project / "app.py").write_text("import os, sys\nsys.exit(str(sorted(n for n in os.environ if 'SILENCE' in n)))\n")
    with pytest.raises(SynthesisFailedError, match="JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION"):
        CdkApp.find(directory=project).synthesize()


def test_an_assembly_is_used_as_it_is(project: Path) -> None:
    app = CdkApp.find("made", directory=project)

    assert app.assembly().path == project / "made"
    assert app.change_since(app.assembly()) is None


def test_another_app_has_an_assembly_of_its_own(project: Path) -> None:
    app = CdkApp.find("python3 app.py", directory=project)

    assert app.assembly().path.parent == project / ".smproc" / "assemblies"
    assert not (project / "cdk.out").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"cdk\.json does not exist; run the command in the directory of a CDK app, or name one: --app 'python3"),
        ('{"context": {}}', r"cdk\.json names no app; run the command in the directory of a CDK app"),
        ("[]", r"cdk\.json must be a JSON object; correct it"),
        ("{", r"cdk\.json must be a JSON object; correct it"),
    ],
)
def test_a_directory_without_an_app_says_so(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "cdk.json").write_text(content)

    with pytest.raises(AppNotFoundError, match=message):
        CdkApp.find(directory=tmp_path)


def test_an_app_that_fails_is_reported_with_what_it_says(project: Path) -> None:
    (project / "app.py").write_text("raise SystemExit('the instance type is wrong')")

    with pytest.raises(SynthesisFailedError) as raised:
        CdkApp.find(directory=project).assembly()

    assert str(raised.value) == (
        f"the app failed with exit status 1 (`python3 app.py` in {project}):\nthe instance type is wrong"
    )


def test_an_app_that_writes_nothing_is_reported(project: Path) -> None:
    (project / "app.py").write_text("")

    with pytest.raises(SynthesisFailedError, match="the app wrote no cloud assembly"):
        CdkApp.find(directory=project).assembly()


def test_an_app_that_looks_values_up_needs_the_cli(project: Path) -> None:
    manifest = json.loads((project / "made" / "manifest.json").read_text())
    (project / "made" / "manifest.json").write_text(json.dumps({**manifest, "missing": [{"provider": "vpc-provider"}]}))

    with pytest.raises(SynthesisFailedError, match=r"looks values up in AWS \(vpc-provider\), which the CDK CLI does"):
        CdkApp.find(directory=project).assembly()


def test_the_cli_synthesizes_where_there_is_one(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    cli = project / "node_modules" / ".bin" / "cdk"
    cli.parent.mkdir(parents=True)
    cli.write_text('#!/bin/sh\necho "$@" > arguments\ncp -r made cdk.out\n')
    cli.chmod(cli.stat().st_mode | stat.S_IXUSR)

    CdkApp.find(directory=project).assembly()

    assert (project / "arguments").read_text().split()[:3] == ["synth", "--quiet", "--no-notices"]
