"""Keys of objects and names of files are data: on their way into a job and out of it, in logs and in definitions."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import SageMakerCreateProcessingJob
from tests.helpers.hostile_names import NAMES
from tests.helpers.stacks import in_machine, stack

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

COPY = """
import os, shutil
source, target = "/opt/ml/processing/input/data", "/opt/ml/processing/output"
for name in os.listdir(source):
    shutil.copyfile(f"{source}/{name}", f"{target}/{name}")
    print(repr(name))
"""


@pytest.mark.parametrize("kind", ["S3Prefix", "ManifestFile"])
def test_every_name_lands_as_a_file_and_leaves_as_an_object(local_aws: RunningLocalAws, kind: str) -> None:
    for name in NAMES:
        local_aws.put(f"hostile/{name}", repr(name))
    uri = "s3://data/hostile/"
    if kind == "ManifestFile":
        uri = local_aws.put("hostile-manifest", json.dumps([{"prefix": uri}, *NAMES]))
    job = local_aws.run(COPY, inputs=[local_aws.input("data", uri, kind=kind)])
    assert job["ProcessingJobStatus"] == "Completed", local_aws.log(job["ProcessingJobName"])["algo-1"][-3:]
    name = job["ProcessingJobName"]
    assert sorted(local_aws.log(name)["algo-1"]) == sorted(map(repr, NAMES))
    assert sorted(local_aws.keys(f"{name}/")) == sorted(NAMES)
    assert {key: local_aws.get(f"{name}/{key}") for key in NAMES} == {key: repr(key).encode() for key in NAMES}


@pytest.mark.parametrize(
    "name",
    ["..", "../up", "../../../../up", "a/../../up", "./a", "/absolute", "//etc/passwd", "n" * 256, "nul\0byte", ""],
)
def test_no_name_in_a_manifest_leads_out_of_its_directory(local_aws: RunningLocalAws, name: str) -> None:
    prefix = f"out-{hashlib.sha256(name.encode()).hexdigest()[:8]}/"
    if "\0" not in name:
        local_aws.put(f"{prefix}{name}", "x")
    manifest = local_aws.put(f"{prefix}manifest", json.dumps([{"prefix": f"s3://data/{prefix}"}, name]))
    job = local_aws.run(COPY, inputs=[local_aws.input("data", manifest, kind="ManifestFile")])
    assert (job["ProcessingJobStatus"], job["FailureReason"][:13]) == ("Failed", "ClientError: "), job
    jobs = local_aws.aws.status().folder / "jobs"
    assert not [path for path in (jobs.parent, *jobs.parents) if (path / "up").exists()]


def test_a_name_that_is_not_text_cannot_be_a_key(local_aws: RunningLocalAws) -> None:
    job = local_aws.run("open(b'/opt/ml/processing/output/\\xff', 'w')")
    assert job["FailureReason"] == (
        "ClientError: The output file '\\udcff' has a name that is not UTF-8 and so cannot be a key"
    )


def test_a_key_cannot_write_a_line_of_the_servers_log(local_aws: RunningLocalAws) -> None:
    name = "gone\n2026-01-01 00:00:00,000 INFO [smproc] a line of the key's \x1b[2J"
    manifest = local_aws.put("gone-manifest", json.dumps([{"prefix": "s3://data/"}, name]))
    job = local_aws.run(COPY, inputs=[local_aws.input("data", manifest, kind="ManifestFile")])
    assert f's3://data/{name}"' in job["FailureReason"]
    log = local_aws.aws.status().log.read_text()
    assert "a line of the key's" in log
    assert [line for line in log.splitlines() if line.startswith("2026-01-01 00:00:00")] == []
    assert "\x1b" not in log


@pytest.mark.parametrize("language", [sfn.QueryLanguage.JSON_PATH, sfn.QueryLanguage.JSONATA])
def test_a_key_in_an_executions_input_stays_a_value_of_the_definition(
    local_aws: RunningLocalAws, language: sfn.QueryLanguage
) -> None:
    scope = stack(bound=False)
    key = sfn.JsonPath.string_at("$.key")
    task = SageMakerCreateProcessingJob(
        scope,
        "Job",
        image_uri=local_aws.image,
        instance_type="ml.m5.large",
        entrypoint=["python3", "-c", "import json, os; print(json.dumps([os.environ['KEY'], os.environ['MIXED']]))"],
        env={"KEY": key, "MIXED": f"s3://b/{key}/{{}}'\\<{key}>"},
        query_language=language,
        retry_at_creation=False,
    )
    (state,) = in_machine(scope, task)["States"].values()
    request: dict[str, Any] = state.get("Parameters") or state["Arguments"]
    request["RoleArn"], state["Resource"] = local_aws.role, state["Resource"].replace("<AWS::Partition>", "aws")
    short = [name for name in NAMES if len(name) < 200]
    machine = local_aws.machine({"Job": state})
    started = {
        name: local_aws.states.start_execution(stateMachineArn=machine, input=json.dumps({"key": name}))
        for name in short
    }
    for name in short:
        execution = local_aws.wait_for_execution(started[name]["executionArn"])
        assert execution["status"] == "SUCCEEDED", (name, execution.get("cause"))
        job = json.loads(execution["output"])["ProcessingJobName"]
        (line,) = local_aws.log(job)["algo-1"]
        assert json.loads(line) == [name, f"s3://b/{name}/{{}}'\\<{name}>"]
