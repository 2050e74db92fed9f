"""Local files that a deployment cannot upload are refused at synth, whatever they are for."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from cdk_sagemaker_processing import (
    FrameworkProcessor,
    InvalidValueError,
    ProcessingInput,
    Processor,
    PySparkProcessor,
    ScriptProcessor,
)
from cdk_sagemaker_processing.resources import upload_limits
from tests.helpers.stacks import stack

IMAGE = "111122223333.dkr.ecr.us-west-2.amazonaws.com/team/count:1"
TYPE: dict[str, Any] = {"instance_type": "ml.m5.large"}
ADVICE = "upload the data with `aws s3 sync` and pass its s3:// URI instead of the local path"


def as_input(scope: cdk.Stack, path: Path) -> None:
    data = ProcessingInput(source=str(path), destination="/opt/ml/processing/data", input_name="data")
    Processor(scope, "P", image_uri=IMAGE, **TYPE).run("Run", inputs=[data])


def as_code(scope: cdk.Stack, path: Path) -> None:
    ScriptProcessor(scope, "P", image_uri=IMAGE, command=["python3"], **TYPE).run("Run", code=str(path / "main.py"))


def as_spark_files(scope: cdk.Stack, path: Path) -> None:
    PySparkProcessor(scope, "P", framework_version="3.5", **TYPE).run(
        "Run", submit_app="s3://bucket/app.py", submit_files=[str(each) for each in sorted(path.iterdir())]
    )


def as_source_dir(scope: cdk.Stack, path: Path) -> None:
    processor = FrameworkProcessor(scope, "P", framework="sklearn", framework_version="1.2-1", **TYPE)
    processor.run("Run", code="main.py", source_dir=str(path))


Use = Callable[[cdk.Stack, Path], None]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.mkdir()
    (path / "main.py").write_bytes(b"12345")
    (path / "other.csv").write_bytes(b"67890")
    return path


@pytest.mark.parametrize(
    ("use", "size"), [(as_input, 10), (as_code, 5), (as_spark_files, 10)], ids=["input", "code", "spark-files"]
)
def test_bytes(directory: Path, monkeypatch: pytest.MonkeyPatch, use: Use, size: int) -> None:
    monkeypatch.setattr(upload_limits, "MAX_BYTES", size)
    use(stack(), directory)
    monkeypatch.setattr(upload_limits, "MAX_BYTES", size - 1)
    message = rf"the local files of Stack/P/\S+ must have at most {size - 1} bytes together, got {size}; {ADVICE}"
    with pytest.raises(InvalidValueError, match=message):
        use(stack(), directory)


@pytest.mark.parametrize("limit", [9, 100], ids=["the-sources", "their-archive-and-the-start-script"])
def test_bytes_of_a_source_archive(directory: Path, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(upload_limits, "MAX_BYTES", limit)
    message = f"the local files of Stack/P/Run-source must have at most {limit} bytes"
    with pytest.raises(InvalidValueError, match=message):
        as_source_dir(stack(), directory)


@pytest.mark.parametrize("use", [as_input, as_spark_files])
def test_number_of_files(directory: Path, monkeypatch: pytest.MonkeyPatch, use: Use) -> None:
    monkeypatch.setattr(upload_limits, "MAX_FILES", 2)
    use(stack(), directory)
    monkeypatch.setattr(upload_limits, "MAX_FILES", 1)
    with pytest.raises(InvalidValueError, match=rf"the local files of \S+ must be at most 1, got 2; {ADVICE}"):
        use(stack(), directory)


def test_a_file_of_more_bytes_than_the_function_unpacks_is_refused_before_it_is_read(directory: Path) -> None:
    with (directory / "huge.bin").open("wb") as file:
        os.truncate(file.fileno(), 6 * 1024**3)  # a sparse file, which takes no space
    with pytest.raises(InvalidValueError, match=r"must have at most 5,368,709,120 bytes together, got 6442450954; "):
        as_input(stack(), directory)


def test_bytes_of_a_key_not_characters(directory: Path) -> None:
    name = "data"
    room = 1024 - len("code/" + "0" * 64 + f"/{name}/")
    deep = directory
    for _ in range(3):
        deep /= "é" * 120  # 240 bytes, below the 255 of a file's name
    deep.mkdir(parents=True)
    used = len(deep.relative_to(directory).as_posix().encode()) + 1
    (deep / ("x" * (room - used))).touch()
    as_input(stack(), directory)
    (deep / ("x" * (room - used))).rename(deep / ("x" * (room - used + 1)))
    with pytest.raises(InvalidValueError, match=re.escape("must have at most 1,024 bytes in UTF-8, got 'code/0000")):
        as_input(stack(), directory)
