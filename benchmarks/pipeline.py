"""The latency that the pipeline adds: from an upload to the outputs in S3, against the script alone."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_wine

from tests.helpers.deployment import Deployment
from tests.helpers.stacks import ROOT

SCRIPT = ROOT / "examples" / "demo" / "preprocess.py"
ROUNDS = {"rounds": 5, "iterations": 1, "warmup_rounds": 1}


@pytest.fixture(scope="session")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "wine.csv"
    load_wine(as_frame=True).frame.to_csv(path, index=False)
    return path


@pytest.mark.benchmark(group="upload to outputs")
def test_the_bare_script(benchmark: Any, wine: Path, tmp_path: Path) -> None:
    """Run the same script on the same file directly, in a directory other than /opt/ml."""
    base = tmp_path / "opt" / "ml"
    (base / "processing" / "input").mkdir(parents=True)
    (base / "processing" / "input" / "wine.csv").write_bytes(wine.read_bytes())
    # In a directory of its own: the script ignores the files beside it.
    script = tmp_path / "code" / "preprocess.py"
    script.parent.mkdir()
    script.write_text(SCRIPT.read_text().replace('"/opt/ml/', f'"{base}/'))

    def bare() -> None:
        command = [sys.executable, script, "--train-test-split-ratio", "0.2"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    benchmark.pedantic(bare, **ROUNDS)
    assert (base / "processing" / "train" / "train.csv").is_file()


@pytest.mark.benchmark(group="upload to outputs")
def test_the_pipeline(benchmark: Any, deployment: Deployment, wine: Path) -> None:
    """Run the pipeline from the upload to both outputs in S3."""
    s3 = deployment.session.client("s3")
    outputs = deployment.outputs("ProcessingDemo")
    bucket, _, prefix = outputs["UploadTo"].removeprefix("s3://").partition("/")
    body = wine.read_bytes()

    def count() -> int:
        return int(s3.list_objects_v2(Bucket=outputs["OutputBucket"], Prefix="outputs/")["KeyCount"])

    def pipeline() -> None:
        expected = count() + 2
        s3.put_object(Bucket=bucket, Key=f"{prefix}wine.csv", Body=body)
        while count() < expected:
            time.sleep(0.01)

    benchmark.pedantic(pipeline, **ROUNDS)
