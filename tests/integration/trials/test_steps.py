"""Steps of the example of a workflow: alone, with files for their inputs, and all of them, in both query languages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from smproc.testing import StepRunner
from smproc.trials import InputError, RunTimeValueError
from tests.helpers.sandboxes import require_any_sandbox
from tests.helpers.stacks import ROOT

pytestmark = pytest.mark.exhaustive

WORKFLOW = f"{sys.executable} {ROOT / 'examples' / 'workflow' / 'app.py'}"
_APP = """\
import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn
from cdk_sagemaker_processing import ProcessingInput, ProcessingOutput, SKLearnProcessor

app = cdk.App()
stack = cdk.Stack(app, "App")
processor = SKLearnProcessor(stack, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.large")
source = ProcessingInput(source="s3://data-of-others/raw/", destination="/opt/ml/processing/input/raw")
copied = ProcessingOutput(
    output_name="copied", source="/opt/ml/processing/copied", destination="s3://results-of-others/copied"
)
step = processor.run("Copy", code="copy_object.py", inputs=[source], outputs=[copied])
sfn.StateMachine(stack, "Machine", definition_body=sfn.DefinitionBody.from_chainable(step))
app.synth()
"""
_SCRIPT = """\
from pathlib import Path

import boto3

target = Path("/opt/ml/processing/copied/copy.csv")
boto3.client("s3").download_file("data-of-others", "raw/iris.csv", str(target))
assert target.read_bytes() == Path("/opt/ml/processing/input/raw/iris.csv").read_bytes()
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StepRunner]:
    """The fixture ``run_step`` of the plugin, in a directory without an app."""
    require_any_sandbox()
    runner = StepRunner(tmp_path_factory.mktemp("project"), lambda: tmp_path_factory.mktemp("outputs"))
    yield runner
    runner.close()


@pytest.mark.parametrize("language", ["JSONPath", "JSONata"])
def test_the_outputs_of_one_step_are_the_inputs_of_the_next(
    run: StepRunner, iris: Path, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = WORKFLOW
    if language == "JSONata":
        monkeypatch.setattr("smproc.assemblies.app.cdk_cli", lambda _: None)
        monkeypatch.setattr("smproc.assemblies.app._CLI_CONTEXT", {"language": "JSONata", **_context()})
        app += " --jsonata"

    result = run("Pipeline", iris, workflow=True, app=app)

    assert result.succeeded
    assert result.outputs.json("Register/registered/card.json")["status"] == "approved"
    assert len(result.outputs.table("Features/train/train.csv")) == 105
    assert result.outputs.json("evaluation.json")["metrics"]["rows"] == 150


def test_a_step_takes_the_outputs_of_another_try(run: StepRunner, iris: Path) -> None:
    features = run("Features", inputs={"valid": _renamed(iris, "valid.csv")}, app=WORKFLOW)
    statistics = run("Statistics", inputs={"valid": _renamed(iris, "valid.csv")}, app=WORKFLOW)

    evaluated = run(
        "Evaluate",
        inputs={
            "train": features.outputs["train.csv"],
            "test": features.outputs["test.csv"],
            "statistics": statistics.outputs.directory / "statistics",
        },
        app=WORKFLOW,
    )
    registered = run(
        "Register",
        inputs={"model": evaluated.outputs["model.pkl"]},
        arguments=["--accuracy", "0.5"],
        app=WORKFLOW,
    )

    assert evaluated.outputs.json("evaluation.json")["metrics"]["accuracy"] > 0.9
    assert registered.outputs.json("card.json")["accuracy"] == 0.5


def test_what_a_step_lacks_is_said_before_it_runs(run: StepRunner, iris: Path) -> None:
    with pytest.raises(InputError, match="train is the output 'train' of the step Features"):
        run("Evaluate", app=WORKFLOW)
    with pytest.raises(RunTimeValueError, match=r"takes values from other steps when it runs \(Evaluate\)"):
        run("Register", inputs={"model": iris}, app=WORKFLOW)


def test_a_failure_is_one_of_the_test_and_has_the_log(run: StepRunner, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("a,class\n1,x\n2,x\n")

    with pytest.raises(AssertionError) as raised:
        run("Validate", tmp_path / "one.csv", app=WORKFLOW)
    result = run("Validate", tmp_path / "one.csv", app=WORKFLOW, check=False)

    assert str(raised.value).startswith("the step Validate ended as FAILED: class must have at least two classes")
    assert "last 2 of 2 lines of its log:\n  2 rows, 2 complete, 2 columns\n" in str(raised.value)
    assert (result.succeeded, len(result.outputs)) == (False, 0)
    assert result.exit_message == "class must have at least two classes, got ['x']"


@pytest.mark.parametrize("workflow", [False, True])
def test_a_script_reads_and_writes_buckets_that_the_app_does_not_create(
    run: StepRunner, iris: Path, *, workflow: bool
) -> None:
    directory = iris.parent
    (directory / "app.py").write_text(_APP)
    (directory / "copy_object.py").write_text(_SCRIPT)

    result = run(
        "Machine" if workflow else "Copy",
        workflow=workflow,
        inputs={"s3://data-of-others/raw/iris.csv": iris},
        app=f"cd {directory} && {sys.executable} app.py",
    )

    assert result.outputs["copy.csv"].read_text() == iris.read_text()


def _context() -> dict[str, object]:
    return {"aws:cdk:enable-path-metadata": True}


def _renamed(path: Path, name: str) -> Path:
    copy = path.with_name(name)
    copy.write_text(path.read_text())
    return copy
