"""Every argument of every public class is documented: its meaning, its default and its field in the API."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import cdk_sagemaker_processing as library

# Arguments that the documentation of states and of the construct tree covers.
_KNOWN = {"self", "scope", "construct_id", "state"}
# The field of the request that each argument becomes, which its text must name.
_FIELDS = {
    "role": "RoleArn",
    "instance_count": "InstanceCount",
    "instance_type": "InstanceType",
    "instance_preferences": "InstancePreferences",
    "volume_size_in_gb": "VolumeSizeInGB",
    "volume_kms_key": "VolumeKmsKeyId",
    "output_kms_key": "KmsKeyId",
    "max_runtime_in_seconds": "MaxRuntimeInSeconds",
    "env": "Environment",
    "tags": "Tags",
    "network_config": "NetworkConfig",
    "entrypoint": "ContainerEntrypoint",
    "arguments": "ContainerArguments",
    "inputs": "ProcessingInputs",
    "outputs": "Outputs",
    "experiment_config": "ExperimentConfig",
    "job_name": "ProcessingJobName",
}
# The classes whose arguments become fields of the request.
_TASKS = [name for name in library.__all__ if name.endswith("Processor") or name == "SageMakerCreateProcessingJob"]
_CALLABLES = [name for name in library.__all__ if not name.startswith(("Invalid", "Conflicting"))]


def _documented(text: str) -> dict[str, str]:
    """Return the text of each argument in the Args of a Google docstring."""
    matched = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", inspect.cleandoc(text), re.DOTALL | re.MULTILINE)
    entries = re.split(r"^ {4}(?=\*{0,2}\w+: )", matched[1], flags=re.MULTILINE)[1:] if matched else []
    return {
        name.lstrip("*"): re.sub(r"\s+", " ", description).strip()
        for name, description in (entry.split(":", 1) for entry in entries)
    }


def _documented_by(kind: Any) -> dict[str, str]:  # noqa: ANN401 - a class or a function
    """Return the arguments documented by a class and by the base whose constructor it inherits."""
    if not inspect.isclass(kind) or dataclasses.is_dataclass(kind):
        return _documented(kind.__doc__ or "")
    owner = next(base for base in kind.__mro__ if "__init__" in base.__dict__)
    return _documented(owner.__doc__ or "") | _documented(kind.__doc__ or "")


def _arguments(call: Callable[..., Any]) -> Iterator[inspect.Parameter]:
    for parameter in inspect.signature(call).parameters.values():
        if parameter.name not in _KNOWN:
            yield parameter


@pytest.mark.parametrize("name", _CALLABLES)
def test_every_argument_is_documented(name: str) -> None:
    kind = getattr(library, name)
    documented = _documented_by(kind)
    call = kind.__init__ if inspect.isclass(kind) else kind
    for parameter in _arguments(call):
        text = documented.get(parameter.name)
        assert text, f"{name}: {parameter.name} is not documented"
        optional = parameter.default is not inspect.Parameter.empty
        if optional and not _has_condition(text):
            assert "Default" in text, f"{name}: the default of {parameter.name} is not documented: {text}"


def _has_condition(text: str) -> bool:
    """Return whether a text names the condition of an argument, which replaces its default."""
    return any(
        phrase in text
        for phrase in ("only without", "equired", "ay be left out", "together with", "instead of", "if it is for")
    )


@pytest.mark.parametrize("name", _TASKS)
def test_an_argument_that_becomes_a_field_of_the_request_names_it(name: str) -> None:
    documented = _documented_by(getattr(library, name))
    for argument, field in _FIELDS.items():
        if argument in documented:
            assert f"{field}``" in documented[argument], f"{name}: {argument} names no field: {documented[argument]}"


@pytest.mark.parametrize("name", [name for name in _TASKS if name.endswith("Processor")])
def test_every_argument_of_run_is_documented(name: str) -> None:
    run = getattr(library, name).run
    documented = _documented(run.__doc__ or "")
    for parameter in _arguments(run):
        assert parameter.name in documented, f"{name}.run: {parameter.name} is not documented"
        if parameter.default is not inspect.Parameter.empty:
            assert "Default" in documented[parameter.name], f"{name}.run: {documented[parameter.name]}"
        if field := _FIELDS.get(parameter.name):
            assert f"{field}``" in documented[parameter.name], f"{name}.run: {parameter.name} names no field"


# The descriptions of parts of the request. Safeguards configure the resources around the jobs, and a workflow reads
# property files, not SageMaker.
_DESCRIPTIONS = [
    name
    for name in _CALLABLES
    if dataclasses.is_dataclass(getattr(library, name)) and name not in ("PropertyFile", "Safeguards")
]


@pytest.mark.parametrize("name", _DESCRIPTIONS)
def test_every_field_of_a_description_names_that_of_the_api(name: str) -> None:
    documented = _documented_by(getattr(library, name))
    for field in dataclasses.fields(getattr(library, name)):
        assert "API: ``" in documented[field.name], f"{name}: {field.name} names no field: {documented[field.name]}"
