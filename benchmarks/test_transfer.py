"""What a job takes to get its inputs, against `aws s3 cp` of the same objects from the same laptop AWS."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.conftest import Laptop
from ports import free_port
from smproc.local import LaptopAws, NoSandbox
from support import ROOT

AWS = ROOT / ".tools" / "awscli" / "bin" / "aws"
_FACTOR_MAX = 1.3
_OVERHEAD_MAX_IN_SECONDS = 0.5
_MEGABYTE = 2**20


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    if not AWS.exists():
        pytest.skip("the AWS CLI is not installed; make .tools/awscli/.installed")
    aws = LaptopAws(free_port(), state_dir=tmp_path_factory.mktemp("state"), runner="process")
    try:
        aws.start()
    except NoSandbox as missing:
        pytest.skip(str(missing))
    running = Laptop(aws, "process")
    running.run("")
    yield running
    running.close()
    aws.stop()


def copy(laptop: Laptop, source: str, target: str) -> float:
    begun = time.monotonic()
    command = [AWS, "s3", "cp", "--quiet", "--recursive", source, target]
    subprocess.run(command, env=laptop.aws.redirect(os.environ), check=True)
    return time.monotonic() - begun


def runs(laptop: Laptop, script: str, uri: str | None = None) -> float:
    """How long a job takes from its creation to its end."""
    name = laptop.create(laptop.request(script, inputs=[laptop.input("data", uri)] if uri else []))
    while (job := laptop.describe(name))["ProcessingJobStatus"] == "InProgress":
        time.sleep(0.05)
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    seconds: float = (job["ProcessingEndTime"] - job["CreationTime"]).total_seconds()
    return seconds


@pytest.mark.benchmark(group="inputs of a job")
@pytest.mark.parametrize(
    ("count", "size"), [(10_000, 1000), (8, 128 * _MEGABYTE)], ids=["10,000 small files", "1 GB in 8 files"]
)
def test_inputs_and_outputs(benchmark: Any, laptop: Laptop, tmp_path: Path, capsys: Any, count: int, size: int) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:05}").write_bytes(os.urandom(1) * size)
    uri = f"s3://data/{count}/"
    uploaded = copy(laptop, str(folder), uri)
    downloaded = min(copy(laptop, uri, str(tmp_path / f"copy{attempt}")) for attempt in range(2))
    got = benchmark.pedantic(lambda: runs(laptop, "", uri), rounds=1)
    script = f"""
import pathlib
for number in range({count}):
    pathlib.Path(f"/opt/ml/processing/output/{{number:05}}").write_bytes(b"x" * {size})
"""
    put = runs(laptop, script)
    with capsys.disabled():
        print(  # noqa: T201 - what a benchmark is for
            f"\n{count:,} files of {size:,} bytes: a job gets them in {got:.1f} s, {got / downloaded:.2f}x of "
            f"`aws s3 cp`; it writes and uploads them in {put:.1f} s, {put / uploaded:.2f}x"
        )
    assert got <= _FACTOR_MAX * downloaded
    assert put <= _FACTOR_MAX * uploaded


@pytest.mark.benchmark(group="a job that does nothing")
def test_overhead(benchmark: Any, laptop: Laptop) -> None:
    seconds = benchmark.pedantic(lambda: runs(laptop, ""), rounds=5)
    assert seconds <= _OVERHEAD_MAX_IN_SECONDS
