"""The time that a job takes for inputs and outputs, against `aws s3 cp` of them on the same local AWS."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.local_server import server
from benchmarks.measurement import Measurements, of_pairs
from tests.helpers.local_aws import RunningLocalAws

ROOT = Path(__file__).resolve().parents[1]
AWS = ROOT / ".tools" / "awscli" / "bin" / "aws"
MEGABYTE = 2**20
SETS = {"10,000 files of 1 KB": (10_000, 1000), "1 GB in 8 files": (8, 128 * MEGABYTE)}
PAIRS = 2
MOST = 1.3
_WRITES = """
import pathlib
for number in range({count}):
    pathlib.Path(f"/opt/ml/processing/output/{{number:05}}").write_bytes(b"x" * {size})
"""


def measurements() -> Measurements:
    """Yield the figures of both sets, in both directions."""
    for name, (count, size) in SETS.items():
        with tempfile.TemporaryDirectory() as directory, server() as running:
            user = running.user
            files = Path(directory) / "files"
            files.mkdir()
            for number in range(count):
                (files / f"{number:05}").write_bytes(os.urandom(1) * size)
            uri = f"s3://{user.bucket}/given/"
            pairs = [
                (_copy(user, str(files), uri), run_job(user, _WRITES.format(count=count, size=size)))
                for _ in range(PAIRS)
            ]
            yield of_pairs(f"a job that writes and uploads {name}", "aws s3 cp of as many", pairs, most=MOST)
            pairs = [(_copy(user, uri, f"{directory}/copy{number}"), run_job(user, "", uri)) for number in range(PAIRS)]
            yield of_pairs(f"a job that reads {name}", "aws s3 cp of them", pairs, most=MOST)


def run_job(user: RunningLocalAws, script: str, uri: str | None = None) -> float:
    """Run a job and return the seconds from its creation to its end."""
    name = user.create(user.request(script, inputs=[user.input("data", uri)] if uri else []))
    job = user.wait(name, 600)
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    return float((job["ProcessingEndTime"] - job["CreationTime"]).total_seconds())


def _copy(user: RunningLocalAws, source: str, target: str) -> float:
    start = time.monotonic()
    command = [str(AWS), "s3", "cp", "--quiet", "--recursive", source, target]
    subprocess.run(command, env=user.aws.redirect(os.environ), check=True)
    return time.monotonic() - start
