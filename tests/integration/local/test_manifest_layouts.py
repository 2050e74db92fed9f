"""The paths of the objects of a manifest, which AWS does not document: the examples work with either layout."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from smproc.local import LocalAws
from tests.helpers.local_aws import RunningLocalAws
from tests.helpers.ports import free_port
from tests.helpers.sandboxes import require_any_sandbox
from tests.helpers.stacks import ROOT

if TYPE_CHECKING:
    Layout = Literal["relative", "key"]

LAYOUTS: list[Layout] = ["relative", "key"]
INPUT = "/opt/ml/processing/input"
LIST = f"""
import json, pathlib
data = pathlib.Path("{INPUT}/data")
found = sorted(str(path.relative_to(data)) for path in data.rglob("*") if path.is_file())
pathlib.Path("/opt/ml/processing/output/found").write_text(json.dumps(found))
"""
ROWS = b"a,b\n" + b"".join(b"%d,%f\n" % (number, number / 3) for number in range(10))


@pytest.fixture(params=LAYOUTS, scope="module")
def layout(request: pytest.FixtureRequest) -> Layout:
    chosen: Layout = request.param
    return chosen


@pytest.fixture(scope="module")
def running(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLocalAws]:
    sandbox = require_any_sandbox()
    state = tmp_path_factory.mktemp(layout)
    with LocalAws(free_port(), state_dir=state, runner="process", enforce_iam=False, manifest_layout=layout) as aws:
        assert aws.status().manifest_layout == layout
        local_aws = RunningLocalAws(aws, sandbox)
        yield local_aws
        local_aws.close()


def listed(aws: RunningLocalAws, uri: str, kind: str) -> list[str]:
    job = aws.run(LIST, inputs=[aws.input("data", uri, kind=kind)])
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    found: list[str] = json.loads(aws.get(f"{job['ProcessingJobName']}/found"))
    return found


def manifest(aws: RunningLocalAws, name: str, *names: str) -> str:
    for relative in names:
        aws.put(f"incoming/{name}/{relative}", ROWS)
    return aws.put(f"manifests/{name}", json.dumps([{"prefix": f"s3://data/incoming/{name}/"}, *names]))


def test_the_objects_of_a_manifest_have_the_paths_of_the_layout(running: RunningLocalAws, layout: Layout) -> None:
    uri = manifest(running, "listed", "a.csv", "blue/b.csv")
    prefix = "" if layout == "relative" else "incoming/listed/"
    assert listed(running, uri, "ManifestFile") == [f"{prefix}a.csv", f"{prefix}blue/b.csv"]


def test_an_s3_prefix_on_an_exact_key_is_a_file_with_its_name_in_either_layout(running: RunningLocalAws) -> None:
    assert listed(running, running.put("incoming/exact/blue/a.csv", ROWS), "S3Prefix") == ["a.csv"]


def test_a_manifest_that_names_a_path_out_of_the_directory_fails_in_either_layout(running: RunningLocalAws) -> None:
    uri = running.put("manifests/escape", json.dumps([{"prefix": "s3://data/incoming/"}, "../../escaped"]))
    job = running.run(LIST, inputs=[running.input("data", uri, kind="ManifestFile")])
    assert job["ProcessingJobStatus"] == "Failed"
    assert "does not name a path below" in job["FailureReason"]


def example(aws: RunningLocalAws, path: str, local_path: str, output: str) -> dict[str, Any]:
    """Run a script of the examples on two objects of a manifest, and return its job."""
    script = ROOT / "examples" / path
    uri = manifest(aws, Path(path).stem, "a.csv", "blue/b.csv")
    name = aws.name()
    request = aws.request(script.read_text(encoding="utf-8"), name)
    request["ProcessingInputs"].append(aws.input("data", uri, local_path, kind="ManifestFile"))
    request["ProcessingOutputConfig"]["Outputs"] = [aws.output("out", f"s3://data/{name}", output)]
    return aws.wait(aws.create(request))


def test_the_example_of_a_batch_counts_the_rows_of_every_object(running: RunningLocalAws, layout: Layout) -> None:
    job = example(running, "processors/scripts/count_rows.py", f"{INPUT}/data", "/opt/ml/processing/output")
    assert job["ProcessingJobStatus"] == "Completed", job
    prefix = "" if layout == "relative" else "incoming/count_rows/"
    counts = json.loads(running.get(f"{job['ProcessingJobName']}/counts.json"))
    assert counts == {f"{prefix}a.csv": 10, f"{prefix}blue/b.csv": 10}


def test_the_demo_reads_every_object_and_not_its_own_script(running: RunningLocalAws) -> None:
    job = example(running, "demo/preprocess.py", INPUT, "/opt/ml/processing/train")
    assert job["ProcessingJobStatus"] == "Completed", job
    train = running.get(f"{job['ProcessingJobName']}/train.csv").decode().splitlines()
    assert len(train) == 1 + round(20 * 0.7)
