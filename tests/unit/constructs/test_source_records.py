"""The assembly records which local files are behind an upload; the template does not."""

from __future__ import annotations

import json
from pathlib import Path

import aws_cdk as cdk
import pytest

from cdk_sagemaker_processing import PyTorchProcessor, SKLearnProcessor
from cdk_sagemaker_processing.model.names import SOURCES_METADATA
from smproc.assemblies import CloudAssembly


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> cdk.App:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text("import helper")
    (tmp_path / "src" / "helper.py").write_text("")
    (tmp_path / "main.py").write_text("print(1)")
    app = cdk.App(outdir=str(tmp_path / "cdk.out"))
    stack = cdk.Stack(app, "Stack")
    SKLearnProcessor(stack, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.large").run(
        "Script", code="main.py"
    )
    PyTorchProcessor(
        stack, "PyTorch", framework_version="2.0", py_version="py310", instance_type="ml.m5.large", instance_count=1
    ).run("Sources", code="train.py", source_dir="src")
    return app


def test_the_files_behind_an_upload_are_found_again(app: cdk.App, tmp_path: Path) -> None:
    assembly = CloudAssembly(Path(app.synth().directory))

    files = [dict(local.files) for local in assembly.local_files if local.files]
    archives = [dict(local.archives) for local in assembly.local_files if local.archives]

    assert files == [{"main.py": tmp_path.resolve() / "main.py"}]
    members = archives[0]["sourcedir.tar.gz"]
    assert members == {name: tmp_path.resolve() / "src" / name for name in ("helper.py", "train.py")}


def test_the_archive_is_the_same_as_at_synth(app: cdk.App) -> None:
    assembly = CloudAssembly(Path(app.synth().directory))

    for local in assembly.local_files:
        for name, content in local.contents():
            now = content.read_bytes() if isinstance(content, Path) else content
            assert now == (local.asset / name).read_bytes()


def test_no_path_of_this_machine_is_in_the_assembly(app: cdk.App, tmp_path: Path) -> None:
    directory = Path(app.synth().directory)

    assert SOURCES_METADATA in (directory / "Stack.metadata.json").read_text()
    for name in ("Stack.template.json", "Stack.metadata.json", "manifest.json"):
        assert str(tmp_path) not in (directory / name).read_text()
    assert SOURCES_METADATA not in json.dumps(json.loads((directory / "Stack.template.json").read_text()))
