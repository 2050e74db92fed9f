"""An app in a directory of its own, as the README has it, with a script that tests edit."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from sklearn.datasets import load_iris, load_wine

from tests.helpers.stacks import ROOT

APP = """
import aws_cdk as cdk

from cdk_sagemaker_processing import EventDrivenProcessing, ProcessingOutput, SKLearnProcessor, uploaded_objects

app = cdk.App()
stack = cdk.Stack(app, "Features")
processor = SKLearnProcessor(stack, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.xlarge")
split = processor.run(
    "Split",
    code="preprocess.py",
    inputs=[uploaded_objects("/opt/ml/processing/input")],
    outputs=[ProcessingOutput(output_name="train", source="/opt/ml/processing/train")],
    arguments=["--train-test-split-ratio", "0.2"],
)
EventDrivenProcessing(stack, "Pipeline", steps=[split], prefixes=["incoming/"], suffixes=[".csv"])
app.synth()
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the app."""
    directory = tmp_path_factory.mktemp("project")
    (directory / "app.py").write_text(APP)
    (directory / "cdk.json").write_text(json.dumps({"app": f"{sys.executable} app.py"}))
    shutil.copy(ROOT / "examples" / "demo" / "preprocess.py", directory)
    return directory


@pytest.fixture(scope="session")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 178 wines."""
    path = tmp_path_factory.mktemp("data") / "wine.csv"
    load_wine(as_frame=True).frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 150 flowers."""
    path = tmp_path_factory.mktemp("data") / "iris.csv"
    load_iris(as_frame=True).frame.to_csv(path, index=False)
    return path
