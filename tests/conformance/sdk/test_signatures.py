"""Arguments and defaults of the SageMaker SDK itself against those of the constructs."""

from __future__ import annotations

import dataclasses
import inspect
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import cdk_sagemaker_processing as library
from tests.helpers.stacks import ROOT

SDK_PYTHON = ROOT / ".tools" / "sagemaker" / "bin" / "python"
# What only a notebook needs: absent, with the reason in docs/coming-from-the-sdk.md.
ABSENT = {"sagemaker_session", "wait", "logs", "git_config"}
RENAMED = {"estimator_cls": "framework"}
ATHENA = ("catalog", "database", "query_string", "output_s3_uri", "output_format")
# The SDK's default is None, and its request is refused without a value: here the argument is required.
REQUIRED_HERE = {
    "image_uri": ("Processor", "ScriptProcessor"),
    "command": ("ScriptProcessor",),
    **dict.fromkeys(
        ("catalog", "database", "query_string", "output_s3_uri", "output_format"), ("AthenaDatasetDefinition",)
    ),
    "s3_uri": ("S3Input",),
}
REDSHIFT = ("cluster_id", "database", "db_user", "query_string", "cluster_role_arn", "output_s3_uri", "output_format")


@pytest.fixture(scope="module")
def sdk() -> dict[str, dict[str, dict[str, Any]]]:
    done = subprocess.run(
        [SDK_PYTHON, Path(__file__).with_name("signatures.py")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.rpartition("\n")[2])
    return found


def ours(name: str, what: str) -> dict[str, Any]:
    kind = getattr(library, name)
    call: Any = kind if dataclasses.is_dataclass(kind) else kind.__init__ if what == "init" else kind.run
    return {
        parameter.name: "<required>" if parameter.default is inspect.Parameter.empty else parameter.default
        for parameter in inspect.signature(call).parameters.values()
    }


NAMES = [
    *(name for name in library.__all__ if name.endswith("Processor")),
    *("ProcessingInput", "ProcessingOutput", "NetworkConfig", "S3Input"),
    *("DatasetDefinition", "AthenaDatasetDefinition", "RedshiftDatasetDefinition"),
]


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_of_the_sdk_is_here_with_its_default(name: str, sdk: dict[str, Any]) -> None:
    for what, theirs in sdk[name].items():
        here = ours(name, what)
        for argument, default in theirs.items():
            if argument in ABSENT:
                assert argument not in here
                continue
            argument = RENAMED.get(argument, argument)  # noqa: PLW2901
            assert argument in here, f"{name}.{what}: {argument}"
            required = name in REQUIRED_HERE.get(argument, ()) or (
                name == "RedshiftDatasetDefinition" and argument in REDSHIFT
            )
            expected = "<required>" if required else default
            assert here[argument] == expected, f"{name}.{what}: {argument} is {here[argument]!r}, not {expected!r}"
