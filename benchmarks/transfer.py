"""The time that a job takes for its inputs, against `aws s3 cp` of the same objects on the same local AWS."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smproc.local import LocalAws, NoSandboxError
from tests.helpers.local_aws import RunningLocalAws
from tests.helpers.ports import free_port
from tests.helpers.stacks import ROOT

AWS = ROOT / ".tools" / "awscli" / "bin" / "aws"
_FACTOR_MAX = 1.3
_OVERHEAD_MAX_IN_SECONDS = 0.5
_MEGABYTE = 2**20


@pytest.fixture(scope="module")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLocalAws]:
    if not AWS.exists():
        pytest.skip("the AWS CLI is not installed; make .tools/awscli/.installed")
    aws = LocalAws(free_port(), state_dir=tmp_path_factory.mktemp("state"), runner="process", enforce_iam=False)
    try:
        aws.start()
    except NoSandboxError as missing:
        pytest.skip(str(missing))
    running = RunningLocalAws(aws, "process")
    running.run("")
    yield running
    running.close()
    aws.stop()


def copy(local_aws: RunningLocalAws, source: str, target: str) -> float:
    start = time.monotonic()
    command = [AWS, "s3", "cp", "--quiet", "--recursive", source, target]
    subprocess.run(command, env=local_aws.aws.redirect(os.environ), check=True)
    return time.monotonic() - start


def run_job(local_aws: RunningLocalAws, script: str, uri: str | None = None) -> float:
    """Run a job and return the seconds from its creation to its end."""
    name = local_aws.create(local_aws.request(script, inputs=[local_aws.input("data", uri)] if uri else []))
    while (job := local_aws.describe(name))["ProcessingJobStatus"] == "InProgress":
        time.sleep(0.05)
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    seconds: float = (job["ProcessingEndTime"] - job["CreationTime"]).total_seconds()
    return seconds


@pytest.mark.benchmark(group="inputs of a job")
@pytest.mark.parametrize(
    ("count", "size"), [(10_000, 1000), (8, 128 * _MEGABYTE)], ids=["10,000 small files", "1 GB in 8 files"]
)
def test_inputs_and_outputs(
    benchmark: Any, local_aws: RunningLocalAws, tmp_path: Path, capsys: Any, count: int, size: int
) -> None:
    directory = tmp_path / "data"
    directory.mkdir()
    for number in range(count):
        (directory / f"{number:05}").write_bytes(os.urandom(1) * size)
    uri = f"s3://data/{count}/"
    upload_time = copy(local_aws, str(directory), uri)
    download_time = min(copy(local_aws, uri, str(tmp_path / f"copy{attempt}")) for attempt in range(2))
    input_time = benchmark.pedantic(lambda: run_job(local_aws, "", uri), rounds=1)
    script = f"""
import pathlib
for number in range({count}):
    pathlib.Path(f"/opt/ml/processing/output/{{number:05}}").write_bytes(b"x" * {size})
"""
    output_time = min(run_job(local_aws, script) for _ in range(2))
    with capsys.disabled():
        print(  # noqa: T201 - the result
            f"\n{count:,} files of {size:,} bytes: a job reads them in {input_time:.1f} s, "
            f"{input_time / download_time:.2f}x of `aws s3 cp`; it writes and uploads them in {output_time:.1f} s, "
            f"{output_time / upload_time:.2f}x"
        )
    assert input_time <= _FACTOR_MAX * download_time
    assert output_time <= _FACTOR_MAX * upload_time


@pytest.mark.benchmark(group="a job that does nothing")
def test_overhead(benchmark: Any, local_aws: RunningLocalAws) -> None:
    seconds = benchmark.pedantic(lambda: run_job(local_aws, ""), rounds=5)
    assert seconds <= _OVERHEAD_MAX_IN_SECONDS
