"""Cloud assemblies: state machines, steps, inputs, local files and triggers, with the values of expressions."""

from __future__ import annotations

import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from smproc.assemblies import (
    AppNotFoundError,
    CloudAssembly,
    StackNotFoundError,
    StepNotFoundError,
    SynthesisFailedError,
    find_machine,
    find_step,
    variables_in,
)
from smproc.assemblies.intrinsics import TemplateValues
from tests.helpers.assemblies import DIGEST, step, write_assembly


def test_a_step_has_its_inputs_with_their_kinds(tmp_path: Path) -> None:
    inputs = [
        {"InputName": "uploaded", "S3Input": {"S3Uri.$": "$.s3_uri", "LocalPath": "/opt/ml/processing/input"}},
        {"InputName": "earlier", "S3Input": {"S3Uri.$": "$step_A.outputs.b", "LocalPath": "/opt/ml/processing/b"}},
        {"InputName": "fixed", "S3Input": {"S3Uri": "s3://data/x/", "LocalPath": "/opt/ml/processing/x"}},
        {"InputName": "day", "S3Input": {"S3Uri.$": "States.Format('s3://d/{}', $.day)", "LocalPath": "/opt/ml/d"}},
        {"InputName": "query", "DatasetDefinition": {"LocalPath": "/opt/ml/processing/q"}},
    ]
    assembly = CloudAssembly(write_assembly(tmp_path / "cdk.out", {"Split": step(ProcessingInputs=inputs)}))

    (found,) = assembly.steps

    assert found.path == "App/Pipeline/Split"
    assert {each.name: each.kind for each in found.inputs} == {
        "uploaded": "trigger",
        "earlier": "step",
        "fixed": "s3",
        "day": "other",
        "query": "other",
    }
    assert found.is_first


def test_steps_of_branches_and_maps_are_found(tmp_path: Path) -> None:
    states = {
        "First": {
            "Type": "Parallel",
            "Branches": [{"StartAt": "A", "States": {"A": step()}}, {"StartAt": "B", "States": {"B": step()}}],
            "Next": "Each",
        },
        "Each": {"Type": "Map", "ItemProcessor": {"StartAt": "C", "States": {"C": step()}}, "End": True},
    }

    steps = CloudAssembly(write_assembly(tmp_path / "cdk.out", states)).steps

    assert {each.name: each.is_first for each in steps} == {"A": True, "B": True, "C": False}


@pytest.mark.parametrize("language", ["JSONPath", "JSONata"])
def test_local_files_are_the_working_copies(tmp_path: Path, language: str) -> None:
    script = tmp_path / "main.py"
    script.write_text("print('as it is now')\n")
    states = {"Split": step(jsonata=language == "JSONata")}
    assembly = CloudAssembly(write_assembly(tmp_path / "cdk.out", states, script=script, language=language))

    (local,) = assembly.local_files_of(assembly.steps)

    assert local.uri == f"s3://app-bucket/code/{DIGEST}/"
    assert dict(local.contents()) == {"main.py": script}
    assert local.working_copies == {script}


def test_without_a_record_the_files_are_those_of_the_synth(tmp_path: Path) -> None:
    assembly = CloudAssembly(write_assembly(tmp_path / "cdk.out"))

    (local,) = assembly.local_files

    assert dict(local.contents()) == {"main.py": tmp_path / "cdk.out" / f"asset.{DIGEST}" / "main.py"}


def test_an_archive_is_made_of_the_working_copies(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("print('as it is now')\n")
    assembly = CloudAssembly(
        write_assembly(tmp_path / "cdk.out", script=script, archives={"main.py": {"train.py": script}})
    )

    (local,) = assembly.local_files
    content = dict(local.contents())["main.py"]

    assert isinstance(content, bytes)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        member = archive.extractfile("train.py")
        assert member is not None
        assert member.read() == script.read_bytes()


def test_the_trigger_is_that_of_the_settings(tmp_path: Path) -> None:
    settings = {
        "bucket": "in",
        "prefixes": ["incoming/"],
        "batch_size": 10,
        "manifest_bucket": "out",
        "manifest_prefix": "manifests",
        "trigger": "t",
    }
    (machine,) = CloudAssembly(write_assembly(tmp_path / "cdk.out", settings=settings)).state_machines

    assert machine.trigger is not None
    assert (machine.trigger.bucket, machine.trigger.prefix, machine.trigger.batch_size) == ("in", "incoming/", 10)


@pytest.mark.parametrize("name", ["Split", "Pipeline/Split", "App/Pipeline/Split", "Pipeline", "App/Pipeline", None])
def test_a_step_is_found_by_the_end_of_its_path(tmp_path: Path, name: str | None) -> None:
    assembly = CloudAssembly(write_assembly(tmp_path / "cdk.out"))

    assert find_step(assembly, name).name == "Split"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Splat", "the app has no step 'Splat'; name one of these: Split, Join"),
        ("plit", "the app has no step 'plit'; name one of these: Split, Join"),
        (None, "the app has 2 steps; name one of these: Split, Join"),
        (
            "Pipeline",
            "App/Pipeline has 2 steps; name one of these, or run all of them with --workflow: Split, Join",
        ),
    ],
)
def test_a_step_that_is_not_there_names_those_that_are(tmp_path: Path, name: str | None, message: str) -> None:
    assembly = CloudAssembly(write_assembly(tmp_path / "cdk.out", {"Split": step(), "Join": step()}))

    with pytest.raises(StepNotFoundError) as raised:
        find_step(assembly, name)

    assert str(raised.value) == message


def test_an_app_without_jobs_says_so(tmp_path: Path) -> None:
    assembly = CloudAssembly(write_assembly(tmp_path / "cdk.out", {"Wait": {"Type": "Wait", "Seconds": 1}}))

    for find in (find_step, find_machine):
        with pytest.raises(StepNotFoundError, match="has no processing job in any state machine"):
            find(assembly, "Split")


def test_a_workflow_is_found_by_its_name_or_by_a_step(tmp_path: Path) -> None:
    assembly = CloudAssembly(write_assembly(tmp_path / "cdk.out", {"Split": step(), "Join": step()}))

    assert {find_machine(assembly, name).name for name in (None, "Pipeline", "Join")} == {"App/Pipeline"}
    with pytest.raises(StepNotFoundError, match="the app has no workflow 'Other'; name one of these: App/Pipeline"):
        find_machine(assembly, "Other")


def test_a_directory_without_a_manifest_is_no_assembly(tmp_path: Path) -> None:
    with pytest.raises(AppNotFoundError, match=r"must be a cloud assembly, with a manifest.json; write one with `cdk"):
        CloudAssembly(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_damaged_assembly_is_an_error_of_one_sentence(tmp_path: Path, text: str) -> None:
    directory = write_assembly(tmp_path / "cdk.out")
    (directory / "App.template.json").write_text(text)

    with pytest.raises(SynthesisFailedError, match=r"App.template.json must be a JSON object; write it anew"):
        _ = CloudAssembly(directory).steps


def test_a_stack_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    assembly = CloudAssembly(write_assembly(tmp_path / "cdk.out"))

    assert [stack.name for stack in assembly.stacks_for("App")] == ["App"]
    with pytest.raises(StackNotFoundError, match="the app has no stack 'Other'; name one of these: App"):
        assembly.stack_named("Other")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"Ref": "AWS::Region"}, "eu-west-1"),
        ({"Fn::Sub": "${AWS::AccountId}-${!x}-${Name}"}, "111122223333-${x}-given"),
        ({"Fn::Sub": ["${A}/${Role.Arn}", {"A": "a"}]}, "a/arn:aws:iam::111122223333:role/Stack-Role"),
        ({"Fn::FindInMap": ["Map", {"Ref": "AWS::Region"}, "account"]}, "444455556666"),
        ({"Fn::Select": ["1", {"Fn::Split": ["-", "a-b-c"]}]}, "b"),
        ({"Fn::If": ["IsProduction", "large", "small"]}, "small"),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, "arn:aws:s3:::stack-bucket"),
        ({"Fn::GetAtt": "Role.Arn"}, "arn:aws:iam::111122223333:role/Stack-Role"),
        ({"Ref": "Lookup"}, "444455556666"),
        ({"Fn::ImportValue": "other"}, "imported"),
        ({"Fn::ImportValue": "unknown"}, "unknown"),
        ([{"Ref": "AWS::NoValue"}, 1, True, None], [1, True, None]),
        ({"Fn::Transform": {"Name": "Macro"}}, "Transform"),
        ({"Fn::Select": ["9", ["a"]]}, "Select"),
    ],
)
def test_expressions_have_the_values_of_a_deployment(expression: Any, value: Any) -> None:  # noqa: ANN401
    template = {
        "Parameters": {"Name": {"Type": "String", "Default": "given"}, "Stage": {"Type": "String", "Default": "test"}},
        "Mappings": {"Map": {"eu-west-1": {"account": "444455556666"}}},
        "Conditions": {"IsProduction": {"Fn::Equals": [{"Ref": "Stage"}, "production"]}},
        "Resources": {
            "Bucket": {"Type": "AWS::S3::Bucket"},
            "Role": {"Type": "AWS::IAM::Role"},
            "Lookup": {
                "Type": "Custom::CDKBucketDeployment",
                "Properties": {"PhysicalResourceId": {"Fn::FindInMap": ["Map", "eu-west-1", "account"]}},
            },
        },
    }
    values = TemplateValues(
        template=template,
        stack="Stack",
        account="111122223333",
        region="eu-west-1",
        exports=lambda name: "imported" if name == "other" else None,
    )

    assert values.value(expression) == value


def test_names_have_the_forms_that_requests_are_validated_for() -> None:
    kinds = {"G": "EC2::SecurityGroup", "S": "EC2::Subnet", "K": "KMS::Key"}
    resources = {name: {"Type": f"AWS::{kind}"} for name, kind in kinds.items()}
    values = TemplateValues(template={"Resources": resources}, stack="Stack" * 9, account="1" * 12, region="us-east-1")

    assert re.fullmatch(r"sg-[0-9a-f]{17}", values.value({"Fn::GetAtt": ["G", "GroupId"]}))
    assert re.fullmatch(r"subnet-[0-9a-f]{17}", values.value({"Ref": "S"}))
    assert re.fullmatch(r"arn:aws:kms:us-east-1:1{12}:key/[0-9a-f-]{36}", values.value({"Fn::GetAtt": ["K", "Arn"]}))


def test_the_name_of_a_bucket_is_one_that_s3_allows() -> None:
    resources = {"B" * 80: {"Type": "AWS::S3::Bucket"}, "C": {"Type": "AWS::S3::Bucket"}}
    values = TemplateValues(template={"Resources": resources}, stack="A_Stack", account="1" * 12, region="us-east-1")

    assert values.physical_name("C") == "a-stack-c"
    assert len(values.physical_name("B" * 80)) <= 63


@pytest.mark.parametrize(
    ("value", "is_jsonata", "names"),
    [
        ({"A.$": "States.Array('$no', $step_A.b, $x)", "B": "$literal"}, False, {"step_A", "x"}),
        ({"A.$": "$.field", "B.$": "$$.Execution.Name", "C.$": "States.Format('{}', $.x)"}, False, set()),
        (["{% $step_A.b & $string($x) %}", "$literal"], True, {"step_A", "x"}),
        ({"A": "{% $states.input.a & '$no' %}"}, True, set()),
    ],
)
def test_variables_are_found_in_expressions_alone(value: Any, is_jsonata: bool, names: set[str]) -> None:  # noqa: ANN401, FBT001
    assert variables_in(value, is_jsonata=is_jsonata) == names


def test_the_definition_of_an_asset_is_read(tmp_path: Path) -> None:
    directory = write_assembly(tmp_path / "cdk.out")
    template = json.loads((directory / "App.template.json").read_text())
    asset = directory / f"asset.{DIGEST}" / "main.py"
    asset.write_text(json.dumps({"StartAt": "${First}", "States": {"Split": step()}}))
    template["Resources"]["Machine"]["Properties"] = {
        "DefinitionS3Location": {"Bucket": "assets", "Key": f"{DIGEST}.json"},
        "DefinitionSubstitutions": {"First": "Split"},
    }
    (directory / "App.template.json").write_text(json.dumps(template))
    assets = json.loads((directory / "App.assets.json").read_text())
    assets["files"]["d"] = {
        "source": {"path": f"asset.{DIGEST}/main.py", "packaging": "file"},
        "destinations": {"here": {"bucketName": "assets", "objectKey": f"{DIGEST}.json"}},
    }
    (directory / "App.assets.json").write_text(json.dumps(assets))

    assert [each.name for each in CloudAssembly(directory).steps] == ["Split"]
