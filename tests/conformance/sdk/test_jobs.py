"""Jobs that the SageMaker SDK runs on the local AWS, as in a notebook: it uploads, waits and reads the logs."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import sklearn.datasets

from smproc.local import LocalAws
from tests.helpers.deployment import session_at
from tests.helpers.ports import free_port
from tests.helpers.sagemaker_sdk import SDK_PYTHON
from tests.helpers.sandboxes import require_any_sandbox
from tests.helpers.stacks import ROOT

pytestmark = pytest.mark.exhaustive

DATA = Path(sklearn.datasets.__file__).parent / "data"
SOURCE = ROOT / "examples" / "processors" / "scripts"
COUNT_ROWS = """
import argparse, json, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--factor", type=int)
factor = parser.parse_args().factor
base = pathlib.Path("/opt/ml/processing")
for path in (base / "input" / "tables").iterdir():
    rows = len(path.read_text().splitlines())
    print("rows of", path.name, rows, flush=True)
    (base / "output" / path.name).write_text(json.dumps(rows * factor))
"""


@pytest.fixture(scope="module")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    require_any_sandbox()
    with LocalAws(free_port(), state_dir=tmp_path_factory.mktemp("state"), runner="process", enforce_iam=False) as aws:
        yield aws


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a notebook."""
    directory = tmp_path_factory.mktemp("notebook")
    (directory / "tables").mkdir()
    for name in ("iris.csv", "wine_data.csv", "breast_cancer.csv"):
        (directory / "tables" / name).write_bytes((DATA / name).read_bytes())
    for name in ("count_words.py", "words.py"):
        (directory / name).write_bytes((SOURCE / name).read_bytes())
    (directory / "count_rows.py").write_text(COUNT_ROWS)
    (directory / "fail.py").write_text(
        "open('/opt/ml/output/message', 'w').write('no such column'); raise SystemExit(3)"
    )
    (directory / "sleep.py").write_text("import time; time.sleep(1000)")
    return directory


def run(local_aws: LocalAws, notebook: Path, job_kind: str) -> tuple[dict[str, Any], str]:
    """Run a job with the SDK, and return its summary and everything that the SDK printed."""
    process = subprocess.run(
        [str(SDK_PYTHON), str(Path(__file__).with_name("run_jobs.py")), job_kind, str(notebook)],
        env=local_aws.redirect(os.environ) | {"SAGEMAKER_SUPPRESS_V2_WARNING": "1"},
        cwd=notebook,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    answer: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return answer, process.stdout


def outputs(local_aws: LocalAws, uri: str) -> dict[str, bytes]:
    """Return the objects below a URI."""
    environment = local_aws.environment()
    session = boto3.Session(
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=local_aws.region,
    )
    s3 = session_at(session, local_aws.endpoint).client("s3")
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/").get("Contents", ())]
    return {key.removeprefix(f"{prefix}/"): s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def rows(notebook: Path) -> dict[str, int]:
    return {path.name: len(path.read_text().splitlines()) for path in (notebook / "tables").iterdir()}


def test_a_scikit_learn_job_runs_on_two_hosts_and_its_log_is_followed(local_aws: LocalAws, notebook: Path) -> None:
    answer, printed = run(local_aws, notebook, "sklearn")
    assert (answer["status"], answer["reason"]) == ("Completed", None)
    assert answer["name"].startswith("wine-")
    found = outputs(local_aws, answer["outputs"]["counts"])
    assert {name: json.loads(body) for name, body in found.items()} == {k: 2 * v for k, v in rows(notebook).items()}
    for name, count in rows(notebook).items():
        assert f"rows of {name} {count}" in printed


def test_a_job_that_fails_raises_with_the_reason(local_aws: LocalAws, notebook: Path) -> None:
    answer, _ = run(local_aws, notebook, "failing")
    assert answer["raised"] == "UnexpectedStatusException"
    assert "Failed. Reason: AlgorithmError: See job logs for more information, exit code: 3" in answer["message"]


def test_a_job_can_be_stopped(local_aws: LocalAws, notebook: Path) -> None:
    answer, _ = run(local_aws, notebook, "stopped")
    assert answer["status"] == "Stopped"


def test_a_job_can_be_attached_to(local_aws: LocalAws, notebook: Path) -> None:
    answer, _ = run(local_aws, notebook, "attached")
    assert answer["status"] == "Completed"
    assert answer["inputs"] == ["input-1", "code"]
    assert outputs(local_aws, answer["outputs"]["counts"]).keys() == rows(notebook).keys()


def test_a_spark_job_runs_with_its_module_its_configuration_and_its_event_log(
    local_aws: LocalAws, notebook: Path
) -> None:
    answer, _ = run(local_aws, notebook, "pyspark")
    assert (answer["status"], answer["message"]) == ("Completed", None)
    bucket = answer["outputs"]["counts"].split("/")[2]
    (part,) = (
        body
        for name, body in outputs(local_aws, answer["outputs"]["counts"]).items()
        if name.startswith("counts/part-")
    )
    counted = {row["word"]: int(row["count"]) for row in csv.DictReader(part.decode().splitlines())}
    assert counted == Counter(
        word for path in (notebook / "tables").iterdir() for word in re.findall(r"\w+", path.read_text().lower())
    )
    # The log is uploaded while it grows, so the object with its intermediate name exists, too.
    (events,) = (
        body for name, body in outputs(local_aws, f"s3://{bucket}/events").items() if not name.endswith(".inprogress")
    )
    assert json.loads(events.splitlines()[-1])["Event"] == "SparkListenerApplicationEnd"
