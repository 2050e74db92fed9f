from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from cdk_sagemaker_processing import (
    ConflictingValuesError,
    FrameworkProcessor,
    InvalidProcessingJobError,
    NetworkConfig,
    PyTorchProcessor,
)
from cdk_sagemaker_processing.model import framework_container
from cdk_sagemaker_processing.processors.framework_sources import local_sources
from tests.helpers import sdk_calls as calls
from tests.helpers.sdk_calls import write_files
from tests.helpers.stacks import in_machine, stack, statements

CALLS = calls.GOLDEN["framework_processor"]
GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "framework_processor.json").read_text())
REPOSITORY = "arn:aws:codeartifact:us-west-2:012345678901:repository/test-domain/test-repository"


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of the golden requests, in the working directory of the app."""
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    return tmp_path


def sklearn(scope: cdk.Stack, **arguments: Any) -> FrameworkProcessor:
    defaults = {"framework": "sklearn", "framework_version": "1.2-1", "instance_type": "ml.m5.xlarge"}
    return FrameworkProcessor(scope, "Framework", **(defaults | arguments))


@pytest.mark.parametrize(("index", "upload"), [(0, 0), (1, 2), (4, 5)])
def test_the_archive_holds_the_files_that_the_sdk_packed(directory: Path, index: int, upload: int) -> None:
    run = CALLS[index]["run"]
    _, files = local_sources(stack(), run["code"], run.get("source_dir"), run.get("dependencies", ()), ())
    packed = framework_container.source_archive(files)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        members = archive.getnames()

    assert members == [name.rstrip("/") for name in GOLDEN["uploads"][upload]["TarMembers"]]
    for path in directory.rglob("*"):
        os.utime(path, (0, 0))
    assert framework_container.source_archive(files) == packed


def test_the_script_unpacks_installs_and_runs_with_the_arguments(tmp_path: Path) -> None:
    code, bin_directory, log = tmp_path / "code", tmp_path / "bin", tmp_path / "log"
    code.mkdir()
    bin_directory.mkdir()
    for name in ("pip", "python", "aws"):
        tool = bin_directory / name
        tool.write_text(f'#!/bin/sh\nprintf "%s|" {name} "$@" >>{log}; echo >>{log}\n')
        tool.chmod(0o755)
    source = tmp_path / "requirements.txt"
    source.write_text("x\n")
    archive = framework_container.source_archive({"requirements.txt": source, "it's mine.py": source})
    (code / "sourcedir.tar.gz").write_bytes(archive)
    script = tmp_path / "runproc.sh"
    text = framework_container.start_script(["python", "-u"], "it's mine.py", REPOSITORY).decode()
    script.write_text(text.replace("/opt/ml/processing/input/code/", str(code)))
    environment = os.environ | {"PATH": f"{bin_directory}:{os.environ['PATH']}"}
    subprocess.run(["/bin/bash", script, "--a", "b c", "$(touch x)"], env=environment, check=True)

    assert log.read_text().splitlines() == [
        (
            "aws|codeartifact|login|--tool|pip|--domain|test-domain|--domain-owner|012345678901|"
            "--repository|test-repository|--region|us-west-2|"
        ),
        "pip|uninstall|--yes|typing|",
        "python|-m|pip|install|-r|requirements.txt|",
        "python|-u|it's mine.py|--a|b c|$(touch x)|",
    ]


def test_the_script_stops_at_the_first_step_that_fails(tmp_path: Path) -> None:
    script = tmp_path / "runproc.sh"
    text = framework_container.start_script(["echo", "ran"], "x.py", None).decode()
    script.write_text(text.replace("/opt/ml/processing/input/code/", str(tmp_path)))
    process = subprocess.run(["/bin/bash", script], check=False, capture_output=True, text=True)

    assert process.returncode != 0  # there is no archive to unpack
    assert "ran" not in process.stdout


def test_a_job_may_read_the_packages_of_its_repository(directory: Path) -> None:
    del directory
    scope = stack()
    in_machine(scope, sklearn(scope).run("Run", code="preprocess.py", codeartifact_repo_arn=REPOSITORY))

    allowed = {str(statement["Action"]): statement["Resource"] for statement in statements(scope, "FrameworkRole")}
    assert allowed["codeartifact:GetAuthorizationToken"] == (
        "arn:aws:codeartifact:us-west-2:012345678901:domain/test-domain"
    )
    assert allowed["sts:GetServiceBearerToken"] == "*"


@pytest.mark.parametrize(
    ("arguments", "image", "base"),
    [
        (
            {"framework": "pytorch", "framework_version": "2.3", "py_version": "py311"},
            "pytorch-training:2.3-cpu-py311",
            "pytorch",
        ),
        ({"framework": "xgboost", "framework_version": "1.7-1"}, "sagemaker-xgboost:1.7-1", "xgboost"),
        (
            {
                "framework": "tensorflow",
                "framework_version": "2.14",
                "py_version": "py310",
                "instance_type": "ml.g5.xlarge",
            },
            "tensorflow-training:2.14-gpu-py310",
            "tensorflow",
        ),
    ],
)
def test_images_and_job_names_of_frameworks(arguments: dict[str, Any], image: str, base: str) -> None:
    scope = stack()
    processor = sklearn(scope, **arguments)
    (state,) = in_machine(scope, processor.run("Run", code="s3://bucket/run.sh"))["States"].values()

    assert str(processor.image_uri).endswith(f"/{image}")
    assert state["Parameters"]["ProcessingJobName.$"] == f"States.Format('{base}-{{}}', States.UUID())"


@pytest.mark.parametrize(
    ("arguments", "run", "message"),
    [
        ({}, {"code": "x.py", "source_dir": "src"}, "code must name a file in source_dir, which is "),
        ({}, {"code": "src"}, "code must be a file, not a directory, got 'src'; pass the directory as source_dir"),
        ({}, {"code": "x.py", "source_dir": "nowhere"}, "source_dir must name a file that exists, got 'nowhere'"),
        (
            {},
            {"code": "x.py", "source_dir": "s3://b/x.zip"},
            "source_dir must end in /sourcedir.tar.gz when it is in S3",
        ),
        (
            {},
            {"code": "preprocess.py", "dependencies": ["no"]},
            "dependencies[0] must name a file that exists, got 'no'",
        ),
        (
            {},
            {"code": "preprocess.py", "codeartifact_repo_arn": "arn:aws:s3:::x"},
            "codeartifact_repo_arn must be the ARN of a repository, got 'arn:aws:s3:::x'",
        ),
        (
            {"framework": "pytorch", "framework_version": "2.3"},
            {"code": "preprocess.py"},
            "py_version must be one that this version of pytorch has: py311, got 'py3'",
        ),
    ],
)
def test_an_invalid_run_is_refused(
    directory: Path, arguments: dict[str, Any], run: dict[str, Any], message: str
) -> None:
    del directory
    with pytest.raises(InvalidProcessingJobError) as caught:
        sklearn(stack(), **arguments).run("Run", **run)

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("requirements", "isolated", "refused"),
    [
        ("pandas==2.2.0\n", True, True),
        ("# pandas\n\n  scipy>=1 # fast\n", True, True),
        ("git+https://example.com/x.git\n", True, True),
        ("--extra-index-url https://example.com/simple\npandas\n", True, True),
        ("pandas \\\n  --hash=sha256:ab\n", True, True),
        ("", True, False),
        ("# nothing\n", True, False),
        ("--no-index\n--find-links wheels\npandas\n", True, False),
        ("./wheels/pandas.whl\n", True, False),
        ("pandas\n", False, False),
        ("pandas\n", None, False),
    ],
)
@pytest.mark.parametrize("place", ["source_dir", "dependencies"])
def test_requirements_from_an_index_need_a_network(
    tmp_path: Path, requirements: str, *, isolated: bool | None, refused: bool, place: str
) -> None:
    (tmp_path / "train.py").write_text("")
    (tmp_path / "requirements.txt").write_text(requirements)
    network = NetworkConfig(enable_network_isolation=isolated)
    processor = PyTorchProcessor(
        stack(),
        "P",
        framework_version="2.3",
        py_version="py311",
        instance_type="ml.m5.large",
        network_config=network,
    )
    run: dict[str, Any] = (
        {"code": "train.py", "source_dir": tmp_path}
        if place == "source_dir"
        else {"code": tmp_path / "train.py", "dependencies": [tmp_path / "requirements.txt"]}
    )
    if not refused:
        assert processor.run("Run", **run).id == "Run"
        return
    with pytest.raises(ConflictingValuesError, match=r"requirements.txt .*enable_network_isolation.*pip cannot"):
        processor.run("Run", **run)
