"""Checks of the template of app.py with cfn-lint, cdk-nag, asl-validator and botocore."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import botocore.loaders
import botocore.model
import botocore.validate
import pytest
from aws_cdk import aws_s3 as s3

from app import ProcessingDemo
from cdk_sagemaker_processing.model.limits import violations
from tests.helpers.stacks import flat
from tools.regenerate_suppressions import PACKS

ROOT = Path(__file__).parents[3]
# A value for each path that the definition reads from the input or the context of an execution.
AT_RUN_TIME = {
    "$.s3_uri": "s3://bucket/incoming/a.csv",
    "$.s3_data_type": "S3Prefix",
    "$$.Execution.Id": "arn:aws:states:us-east-1:000000000000:execution:Machine:" + "0" * 64,
}


def state_machine(template: dict[str, Any]) -> dict[str, Any]:
    (machine,) = [r for r in template["Resources"].values() if r["Type"] == "AWS::StepFunctions::StateMachine"]
    found: dict[str, Any] = json.loads(flat(machine["Properties"]["DefinitionString"]))
    return found


def test_cfn_lint_finds_nothing(assembly: Path) -> None:
    process = subprocess.run(
        [Path(sys.prefix) / "bin" / "cfn-lint", assembly / "ProcessingDemo.template.json"],
        check=False,
        capture_output=True,
        text=True,
    )

    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")


def test_asl_validator_finds_nothing(demo: dict[str, Any], tmp_path: Path) -> None:
    definition = tmp_path / "definition.json"
    # The validator parses ARNs, so they need their partition.
    definition.write_text(json.dumps(state_machine(demo)).replace("<AWS::Partition>", "aws"))

    valid = _asl_validator(definition)
    definition.write_text(definition.read_text().replace('"End": true', '"Next": "Nowhere"'))
    invalid = _asl_validator(definition)

    assert valid.returncode == 0, valid.stdout + valid.stderr
    assert invalid.returncode != 0


def _asl_validator(definition: Path) -> subprocess.CompletedProcess[str]:
    command = ROOT / "node_modules" / ".bin" / "asl-validator"
    return subprocess.run([command, "--json-path", definition], check=False, capture_output=True, text=True)


def _findings(app: cdk.App) -> str:
    """Return the findings of cdk-nag's packs in an app that have no reason, or an empty string."""
    cdk.Validations.of(app).add_plugins(*(pack(app) for pack in PACKS.values()))
    try:
        app.synth()
    except RuntimeError as error:
        return str(error)
    return ""


def test_cdk_nag_finds_nothing_without_a_reason(tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path))
    ProcessingDemo(app, "ProcessingDemo")

    assert _findings(app) == ""


def test_cdk_nag_finds_an_open_bucket(tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path))
    s3.Bucket(ProcessingDemo(app, "ProcessingDemo"), "Open")

    found = _findings(app)
    assert "ProcessingDemo/Open/Resource" in found
    assert found.count("Acknowledge with 'AwsSolutions::") == 2, found  # S1 and S10 of that bucket, and nothing else


def test_botocore_and_every_limit_of_the_api_accept_the_request(demo: dict[str, Any]) -> None:
    (state,) = state_machine(demo)["States"].values()
    request = _at_run_time(state["Parameters"])

    assert "ProcessingInputs" in request
    assert _refused_by_botocore(request) == ""
    assert violations(request) == []


def test_botocore_refuses_an_invalid_request(demo: dict[str, Any]) -> None:
    (state,) = state_machine(demo)["States"].values()
    request = _at_run_time(state["Parameters"])
    request["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"] = 0

    assert "VolumeSizeInGB" in _refused_by_botocore(request)


def _at_run_time(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a request with each path replaced with a value that an execution could have."""
    if isinstance(value, list):
        return [_at_run_time(item) for item in value]
    if not isinstance(value, dict):
        # References become values that they could have once deployed.
        return "arn:aws:iam::000000000000:role/Job" if isinstance(value, str) and value.endswith(".Arn>") else value
    found = {}
    for name, item in value.items():
        if not name.endswith(".$"):
            found[name] = _at_run_time(item)
        elif item.startswith("States.Format('s3://"):
            found[name[:-2]] = "s3://bucket/outputs/" + "0" * 64 + "/Split/try-0/train"
        elif item.startswith("States.Format("):
            base = item.partition("'")[2].partition("{}")[0]
            found[name[:-2]] = f"{base}{'0' * 8}-0000-4000-8000-{'0' * 12}"
        else:
            found[name[:-2]] = AT_RUN_TIME[item]
    return found


def _refused_by_botocore(request: dict[str, Any]) -> str:
    model = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("sagemaker", "service-2"))
    shape = model.operation_model("CreateProcessingJob").input_shape
    assert shape is not None
    report: str = botocore.validate.ParamValidator().validate(request, shape).generate_report()
    return report


@pytest.mark.parametrize("kind", ["AWS::S3::Bucket", "AWS::ECR::Repository", "AWS::DynamoDB::GlobalTable"])
def test_data_outlives_the_stack(demo: dict[str, Any], kind: str) -> None:
    found = [r for r in demo["Resources"].values() if r["Type"] == kind]

    assert found
    assert {r["DeletionPolicy"] for r in found} == {"Retain"}
    assert {r["UpdateReplacePolicy"] for r in found} == {"Retain"}


def test_resources_have_no_physical_names(demo: dict[str, Any]) -> None:
    named = {
        "BucketName",
        "QueueName",
        "RoleName",
        "FunctionName",
        "StateMachineName",
        "RepositoryName",
        "LogGroupName",
    }

    for name, entry in demo["Resources"].items():
        if "/aws/vendedlogs/states/" in str(entry.get("Properties")):
            assert "AWS::StackId" in str(entry["Properties"]["LogGroupName"])  # no other stack has the name
        elif entry["Type"] not in (
            "AWS::Lambda::EventInvokeConfig",
            "AWS::Lambda::EventSourceMapping",
            "AWS::Lambda::Permission",
            "AWS::S3::BucketPolicy",
        ):
            assert not named & entry.get("Properties", {}).keys(), name
