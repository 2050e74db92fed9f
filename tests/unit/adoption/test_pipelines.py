"""Definitions of SageMaker Pipelines."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from smproc.adoption import NothingToAdoptError, UnreadableSourceError, adopt_pipeline, read_definition, render_app
from smproc.cli import main

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
REPORT = {"Get": "Steps.evaluate-model.PropertyFiles.report"}

AND_NOT_IN = (
    '(evaluate_model.property("report", "a") == "x") & (~((evaluate_model.property("report", "b") == 1) | '
    '(evaluate_model.property("report", "b") == True)))'
)
OR = (
    '(evaluate_model.property("report", "a") > 1) | (evaluate_model.property("report", "a") < '
    'evaluate_model.property("report", "b"))'
)


def output(name: str, uri: str | None = None) -> dict[str, Any]:
    generated = {
        "Std:Join": {"On": "/", "Values": ["s3:/", "b", "p", {"Get": "Execution.PipelineExecutionId"}, "{step}"]}
    }
    values: Any = generated["Std:Join"]["Values"]
    values += ["output", name]
    location = {"S3Uri": uri or generated, "LocalPath": f"/opt/ml/processing/{name}", "S3UploadMode": "EndOfJob"}
    return {"OutputName": name, "AppManaged": False, "S3Output": location}


def job(name: str, inputs: dict[str, Any], outputs: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    code = f"/opt/ml/processing/input/code/{name}.py"
    listed = [*inputs.items(), ("code", f"s3://b/code/{name}.py")]
    arguments = {
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": {"Get": "Parameters.InstanceType"},
                "InstanceCount": {"Get": "Parameters.Count"},
                "VolumeSizeInGB": 30,
            }
        },
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", code]},
        "RoleArn": "arn:aws:iam::111122223333:role/Pipelines",
        "ProcessingInputs": [
            {
                "InputName": key,
                "AppManaged": False,
                "S3Input": {
                    "S3Uri": uri,
                    "LocalPath": f"/opt/ml/processing/input/{key}",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                    "S3DataDistributionType": "FullyReplicated",
                    "S3CompressionType": "None",
                },
            }
            for key, uri in listed
        ],
        "ProcessingOutputConfig": {"Outputs": json.loads(json.dumps(outputs).replace("{step}", name))},
    }
    return {"Name": name, "Type": "Processing", "Arguments": arguments, **more}


def json_get(path: str) -> dict[str, Any]:
    return {"Std:JsonGet": {"PropertyFile": REPORT, "Path": path}}


def output_of(step: str, name: str) -> dict[str, Any]:
    return {"Get": f"Steps.{step}.ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri"}


def definition(conditions: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    register = job("register", {"model": {"Get": "Steps.train.ModelArtifacts.S3ModelArtifacts"}}, [])
    register["Arguments"]["AppSpecification"]["ContainerArguments"] = ["--mse", json_get("regression.mse")]
    if conditions is None:
        conditions = [
            {
                "Type": "LessThanOrEqualTo",
                "LeftValue": json_get("regression.mse"),
                "RightValue": {"Get": "Parameters.Max"},
            }
        ]
    return {
        "Version": "2020-12-01",
        "Parameters": [
            {"Name": "InstanceType", "Type": "String", "DefaultValue": "ml.m5.xlarge"},
            {"Name": "Count", "Type": "Integer", "DefaultValue": 1},
            {"Name": "InputData", "Type": "String"},
            {"Name": "Max", "Type": "Float", "DefaultValue": 6.0},
            {"Name": "Unused", "Type": "String", "DefaultValue": "x"},
        ],
        "Steps": [
            job(
                "preprocess", {"raw": {"Get": "Parameters.InputData"}}, [output("train"), output("test", "s3://b/test")]
            ),
            {"Name": "train", "Type": "Training", "Arguments": {}},
            job(
                "evaluate-model",
                {"test": output_of("preprocess", "test")},
                [output("evaluation")],
                PropertyFiles=[
                    {"PropertyFileName": "report", "OutputName": "evaluation", "FilePath": "evaluation.json"}
                ],
                DependsOn=["train", "preprocess"],
                CacheConfig={"Enabled": True},
            ),
            {
                "Name": "good",
                "Type": "Condition",
                "Arguments": {"Conditions": conditions, "IfSteps": [register], "ElseSteps": [job("alert", {}, [])]},
            },
        ],
    }


def synthesized(text: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class App(cdk.App):
        def __init__(self) -> None:
            super().__init__(outdir=str(directory / "cdk.out"))

    monkeypatch.setattr(cdk, "App", App)
    (directory / "app.py").write_text(text)
    runpy.run_path(str(directory / "app.py"), run_name="__main__")


def test_steps_parameters_references_conditions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = adopt_pipeline(definition(), name="abalone")
    text = render_app(app)
    for line in (
        'INSTANCE_TYPE = "ml.m5.xlarge"',
        "COUNT = 1",
        'INPUT_DATA = "s3://replace-me"',
        "MAX = 6.0",
        "    instance_type=INSTANCE_TYPE,",
        "    instance_count=COUNT,",
        "preprocess = processor.run(",
        '            source=preprocess.outputs["test"],',
        "    property_files=[",
        '            register, when=evaluate_model.property("report", "regression.mse") <= MAX',
        '    arguments=["--mse", str(evaluate_model.property("report", "regression.mse"))],',
    ):
        assert line in text.splitlines(), line
    assert "Unused" not in text
    assert text.count("The job ran with the role") == 1
    assert app.to_fill_in == {
        "INPUT_DATA": "the parameter InputData has no default.",
        "S3_MODEL_ARTIFACTS": "Steps.train.ModelArtifacts.S3ModelArtifacts is of a step that is not carried over.",
    }
    assert app.notes == ["Not carried over: the step 'train' of the type Training."]
    assert "Not carried over: CacheConfig; each execution of the state machine runs the job." in app.steps[1].notes
    synthesized(text, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (
            [
                {"Type": "Equals", "LeftValue": json_get("a"), "RightValue": "x"},
                {"Type": "Not", "Expression": {"Type": "In", "QueryValue": json_get("b"), "Values": [1, True]}},
            ],
            AND_NOT_IN,
        ),
        (
            [
                {
                    "Type": "Or",
                    "Conditions": [
                        {"Type": "GreaterThan", "LeftValue": json_get("a"), "RightValue": 1},
                        {"Type": "LessThan", "LeftValue": json_get("a"), "RightValue": json_get("b")},
                    ],
                }
            ],
            OR,
        ),
    ],
    ids=["and, not, in", "or"],
)
def test_conditions(
    conditions: list[dict[str, Any]], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = render_app(adopt_pipeline(definition(conditions), name="abalone"))
    assert f"when={expected}" in text
    assert f"when=~({expected})" in text
    synthesized(text, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "condition",
    [
        {"Type": "Equals", "LeftValue": {"Get": "Parameters.Max"}, "RightValue": 1},
        {"Type": "Equals", "LeftValue": json_get("a"), "RightValue": {"Get": "Steps.train.Status"}},
        {"Type": "Matches", "LeftValue": json_get("a"), "RightValue": 1},
    ],
    ids=["a parameter", "a step that is not carried over", "an unknown type"],
)
def test_conditions_that_cannot_be_told(condition: dict[str, Any]) -> None:
    app = adopt_pipeline(definition([condition]), name="abalone")
    assert [step.when for step in app.steps] == [None] * 4
    assert [note for note in app.notes if "condition" in note] == [
        f"The condition of the step 'good' could not be carried over: its steps in {branch} always run here. "
        "Give them WorkflowStep(when=...)."
        for branch in ("IfSteps", "ElseSteps")
    ]


def test_the_response_of_describe_pipeline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "abalone.json"
    path.write_text(json.dumps({"PipelineName": "x", "PipelineDefinition": json.dumps(definition())}))
    assert main(["adopt", "pipeline", str(path)]) == 0
    assert capsys.readouterr().out == render_app(adopt_pipeline(definition(), name="abalone"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "{path}:1: not JSON: Expecting property name enclosed in double quotes"),
        ("[]", "{path}: not the definition of a pipeline, which has a list of Steps; save one with: aws sagemaker "),
        ('{"Steps": [1]}', "{path}: not the definition of a pipeline, which has a list of Steps; "),
    ],
)
def test_files_that_are_no_definition(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(content)
    with pytest.raises(UnreadableSourceError) as error:
        read_definition(path)
    assert str(error.value).startswith(message.format(path=path))


def test_a_pipeline_without_processing_steps() -> None:
    with pytest.raises(NothingToAdoptError) as error:
        adopt_pipeline({"Steps": [{"Name": "t", "Type": "Training"}]}, name="p")
    assert str(error.value) == "p: the pipeline has no step of the type Processing; its steps: Training"


def test_a_step_that_is_no_request() -> None:
    with pytest.raises(UnreadableSourceError, match=r"^the step 'x': not the description of a processing job"):
        adopt_pipeline(
            {"Steps": [{"Name": "x", "Type": "Processing", "Arguments": {"AppSpecification": {}}}]}, name="p"
        )


def test_hostile_names_stay_text() -> None:
    found = json.loads(
        json.dumps(definition()).replace("InputData", 'In\\"\\"\\"\\n{x}').replace("preprocess", "pre'\\\\")
    )
    compile(render_app(adopt_pipeline(found, name='"""\n')), "app.py", "exec")
