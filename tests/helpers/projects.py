"""The app of the README in a directory of its own, with a script that a test edits."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

from tests.helpers.stacks import ROOT

_DEADLINE_SECONDS = 180.0
_APP = """
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


def make_project(directory: Path) -> Path:
    """Write the app and its script into a directory, and return it."""
    (directory / "app.py").write_text(_APP)
    (directory / "cdk.json").write_text(json.dumps({"app": f"{sys.executable} app.py"}))
    shutil.copy(ROOT / "examples" / "demo" / "preprocess.py", directory)
    return directory


@contextmanager
def edited(project: Path, old: str, new: str) -> Iterator[None]:
    """Save the script with a change meanwhile."""
    script = project / "preprocess.py"
    before = script.read_text()
    assert old in before
    script.write_text(before.replace(old, new))
    try:
        yield
    finally:
        script.write_text(before)


def wait_for(condition: Callable[[str], object], process: Popen[str], log: Path) -> None:
    """Wait until a condition is true of what a process has printed."""
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not condition(log.read_text()):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
