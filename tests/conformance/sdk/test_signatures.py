"""Comparison of the arguments and defaults of the SageMaker SDKs and of the constructs."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from pathlib import Path
from typing import Any

import pytest

import cdk_sagemaker_processing as library
from cdk_sagemaker_processing import InvalidCallError
from cdk_sagemaker_processing.model.notebook_keywords import NOTEBOOK_KEYWORDS
from tests.helpers.sagemaker_sdk import SDK_3_PYTHON, answer_of_sdk

# Arguments that only a notebook needs; docs/coming-from-the-sdk.md gives the reasons.
ABSENT = {"sagemaker_session", "wait", "logs", "git_config"}
RENAMED = {"estimator_cls": "framework"}
ATHENA = ("catalog", "database", "query_string", "output_s3_uri", "output_format")
# Required here: the SDK's default is None, and the service refuses a request without a value.
REQUIRED_HERE = {
    "image_uri": ("Processor", "ScriptProcessor"),
    **dict.fromkeys(
        ("catalog", "database", "query_string", "output_s3_uri", "output_format"), ("AthenaDatasetDefinition",)
    ),
    "s3_uri": ("S3Input",),
}
# Optional here: SDK 3 knows no framework, only an image.
OPTIONAL_HERE = {("FrameworkProcessor", "framework"): None, ("FrameworkProcessor", "framework_version"): None}
REDSHIFT = ("cluster_id", "database", "db_user", "query_string", "cluster_role_arn", "output_s3_uri", "output_format")


@pytest.fixture(scope="module")
def sdk() -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, Any] = answer_of_sdk(Path(__file__).with_name("signatures.py"))
    return found


def signature(name: str, method: str) -> dict[str, Any]:
    kind = getattr(library, name)
    call: Any = kind if dataclasses.is_dataclass(kind) else kind.__init__ if method == "init" else kind.run
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
def test_every_argument_of_the_sdk_exists_with_its_default(name: str, sdk: dict[str, Any]) -> None:
    for method, theirs in sdk[name].items():
        ours = signature(name, method)
        for argument, default in theirs.items():
            if argument in ABSENT:
                assert argument not in ours
                continue
            argument = RENAMED.get(argument, argument)  # noqa: PLW2901
            assert argument in ours, f"{name}.{method}: {argument}"
            required = name in REQUIRED_HERE.get(argument, ()) or (
                name == "RedshiftDatasetDefinition" and argument in REDSHIFT
            )
            expected = "<required>" if required else OPTIONAL_HERE.get((name, argument), default)
            assert ours[argument] == expected, f"{name}.{method}: {argument} is {ours[argument]!r}, not {expected!r}"


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_of_the_sdk_that_is_absent_here_is_explained(name: str, sdk: dict[str, Any]) -> None:
    for method, theirs in sdk[name].items():
        accepted = signature(name, method)
        for argument in theirs.keys() - accepted.keys():
            kind = getattr(library, name)
            call = kind if method == "init" else functools.partial(kind.run, object.__new__(kind), "Run")
            with pytest.raises(InvalidCallError) as caught:
                call(**{argument: None})
            advice = NOTEBOOK_KEYWORDS[argument]
            assert str(caught.value).endswith(f"got an unexpected keyword argument {argument!r}; {advice}")


SDK_3 = {
    "sagemaker.core.processing": ["Processor", "ScriptProcessor", "FrameworkProcessor"],
    "sagemaker.core.spark.processing": ["PySparkProcessor", "SparkJarProcessor"],
    "sagemaker.core.network": ["NetworkConfig"],
}


@pytest.fixture(scope="module")
def sdk_3() -> dict[str, dict[str, dict[str, Any]]]:
    program = Path(__file__).with_name("signatures.py")
    found: dict[str, Any] = answer_of_sdk(program, question=SDK_3, python=SDK_3_PYTHON)
    return found


@pytest.mark.parametrize("name", [name for names in SDK_3.values() for name in names])
def test_every_argument_of_sdk_3_exists_with_its_default(name: str, sdk_3: dict[str, Any]) -> None:
    for method, theirs in sdk_3[name].items():
        ours = signature(name, method)
        for argument, default in theirs.items():
            if argument in ABSENT:
                assert argument not in ours
                continue
            assert argument in ours, f"{name}.{method}: {argument}"
            # An image is optional beside a framework here, and required alone.
            here = ours[argument]
            assert argument == "image_uri" or here == default, (
                f"{name}.{method}: {argument} is {here!r}, not {default!r}"
            )
