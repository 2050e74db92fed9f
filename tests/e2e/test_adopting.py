"""A notebook becomes an app that runs its job, and that job becomes an app that sends its request again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.deployment import Deployment, cdk
from tests.helpers.job_requests import without_defaults
from tests.helpers.waiting import ended_execution

pytestmark = pytest.mark.exhaustive

NOTEBOOK = (
    "%pip install -q sagemaker",
    """\
%%writefile code/count.py
import pathlib, sys

base = pathlib.Path("/opt/ml/processing")
rows = sum(len(path.read_text().splitlines()) for path in (base / "input").rglob("*.csv"))
(base / "output" / "rows.txt").write_text(f"{rows} {sys.argv[1]}")
""",
    """\
import sagemaker
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.sklearn.processing import SKLearnProcessor

bucket = "adopted-data"
SKLearnProcessor(
    framework_version="1.2-1", role=sagemaker.get_execution_role(), instance_type="ml.m5.xlarge", instance_count=1
).run(
    code="code/count.py",
    inputs=[ProcessingInput(source=f"s3://{bucket}/raw", destination="/opt/ml/processing/input")],
    outputs=[ProcessingOutput(
        output_name="rows", source="/opt/ml/processing/output", destination=f"s3://{bucket}/results"
    )],
    arguments=["it's \\"quoted\\""],
)
""",
)


def execute(deployment: Deployment, stack: str) -> dict[str, Any]:
    """Run the state machine of a stack; return the request of its job as described."""
    step_functions = deployment.session.client("stepfunctions")
    machine = deployment.outputs(stack)["StateMachineArn"]
    execution = step_functions.start_execution(stateMachineArn=machine)["executionArn"]
    described = ended_execution(step_functions, execution)
    assert described["status"] == "SUCCEEDED", described
    found: dict[str, Any] = json.loads(described["output"])
    return found


def adopt(deployment: Deployment, *arguments: str) -> None:
    adopted = deployment.smproc("adopt", *arguments)
    assert adopted.returncode == 0, adopted.stderr


def request_in(description: dict[str, Any]) -> dict[str, Any]:
    fields = ("AppSpecification", "ProcessingInputs", "ProcessingOutputConfig", "ProcessingResources")
    return without_defaults({field: description[field] for field in fields})


def test_a_notebook_becomes_an_app_and_its_job_one_that_sends_the_same_request(
    bootstrapped: Deployment, tmp_path: Path
) -> None:
    s3 = bootstrapped.session.client("s3")
    s3.create_bucket(Bucket="adopted-data")
    s3.put_object(Bucket="adopted-data", Key="raw/a.csv", Body=b"1\n2\n")
    notebook = tmp_path / "explore.ipynb"
    cells = [{"cell_type": "code", "source": text} for text in NOTEBOOK]
    notebook.write_text(json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5}))

    adopt(bootstrapped, "notebook", str(notebook), str(tmp_path / "first"))
    cdk(["deploy", "--output", str(tmp_path / "out-1")], bootstrapped.environment, cwd=tmp_path / "first")
    first = execute(bootstrapped, "Explore")
    written = s3.get_object(Bucket="adopted-data", Key="results/rows.txt")["Body"].read()
    assert written == b'2 it\'s "quoted"'

    port = str(bootstrapped.port)
    adopt(bootstrapped, "job", first["ProcessingJobName"], str(tmp_path / "second"), "--local", port)
    app = tmp_path / "second" / "app.py"
    text = app.read_text()
    assert "SKLearnProcessor(" in text
    assert "tags=" not in text
    stack_name = next(line for line in text.splitlines() if line.startswith("stack = ")).split('"')[1]
    cdk(["deploy", "--output", str(tmp_path / "out-2")], bootstrapped.environment, cwd=app.parent)
    second = execute(bootstrapped, stack_name)
    assert second["ProcessingJobName"] != first["ProcessingJobName"]
    assert request_in(second) == request_in(first)
