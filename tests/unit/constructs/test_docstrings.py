"""Every argument of every public class is documented: what it is, its default, and what it becomes in the API."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import cdk_sagemaker_processing as library

# What the documentation of a state or of the construct tree says once for all of them.
_KNOWN = {"self", "scope", "construct_id", "state"}
# Arguments that become a field of the request, by the part of the field's name that the text must have.
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
# What is one of these becomes a part of the request.
_TASKS = [name for name in library.__all__ if name.endswith("Processor") or name == "SageMakerCreateProcessingJob"]
_CALLABLES = [name for name in library.__all__ if not name.startswith(("Invalid", "Conflicting"))]


def _documented(text: str) -> dict[str, str]:
    """The text of each argument in the Args of a Google docstring."""
    matched = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", inspect.cleandoc(text), re.DOTALL | re.MULTILINE)
    entries = re.split(r"^ {4}(?=\*{0,2}\w+: )", matched[1], flags=re.MULTILINE)[1:] if matched else []
    return {
        name.lstrip("*"): re.sub(r"\s+", " ", described).strip()
        for name, described in (entry.split(":", 1) for entry in entries)
    }


def _explained(kind: Any) -> dict[str, str]:  # noqa: ANN401 - a class or a function
    """The arguments that a class documents, or the base whose constructor it has."""
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
    explained = _explained(kind)
    call = kind.__init__ if inspect.isclass(kind) else kind
    for parameter in _arguments(call):
        text = explained.get(parameter.name)
        assert text, f"{name}: {parameter.name} is not documented"
        optional = parameter.default is not inspect.Parameter.empty
        if optional and not _says_when(text):
            assert "Default" in text, f"{name}: the default of {parameter.name} is not documented: {text}"


def _says_when(text: str) -> bool:
    """An argument that another one replaces says so instead of a default."""
    return any(
        word in text
        for word in ("only without", "equired", "ay be left out", "together with", "instead of", "if it is for")
    )


@pytest.mark.parametrize("name", _TASKS)
def test_what_becomes_a_field_of_the_request_names_it(name: str) -> None:
    explained = _explained(getattr(library, name))
    for argument, field in _FIELDS.items():
        if argument in explained:
            assert f"{field}``" in explained[argument], f"{name}: {argument} names no field: {explained[argument]}"


@pytest.mark.parametrize("name", [name for name in _TASKS if name.endswith("Processor")])
def test_every_argument_of_run_is_documented(name: str) -> None:
    run = getattr(library, name).run
    explained = _documented(run.__doc__ or "")
    for parameter in _arguments(run):
        assert parameter.name in explained, f"{name}.run: {parameter.name} is not documented"
        if parameter.default is not inspect.Parameter.empty:
            assert "Default" in explained[parameter.name], f"{name}.run: {explained[parameter.name]}"
        if field := _FIELDS.get(parameter.name):
            assert f"{field}``" in explained[parameter.name], f"{name}.run: {parameter.name} names no field"


# What describes a part of the request; Safeguards are about what is made around the jobs.
_DESCRIPTIONS = [
    name for name in _CALLABLES if dataclasses.is_dataclass(getattr(library, name)) and name != "Safeguards"
]


@pytest.mark.parametrize("name", _DESCRIPTIONS)
def test_every_field_of_a_description_names_the_apis(name: str) -> None:
    explained = _explained(getattr(library, name))
    for field in dataclasses.fields(getattr(library, name)):
        assert "API: ``" in explained[field.name], f"{name}: {field.name} names no field: {explained[field.name]}"
