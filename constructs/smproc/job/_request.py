"""The CreateProcessingJob request, as the SageMaker SDK assembles it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from smproc.job._network import NetworkConfig
from smproc.job._tokens import is_unresolved
from smproc.job.api import violations
from smproc.job.errors import ConflictingValues, InvalidValue

# The request's names in the words of the constructs' parameters, for messages. What is not here keeps the API's name.
_PARAMETERS = {
    "ProcessingInputs": "inputs",
    "ProcessingOutputConfig.Outputs": "outputs",
    "ProcessingOutputConfig.KmsKeyId": "output_kms_key",
    "ProcessingResources.ClusterConfig.InstanceCount": "instance_count",
    "ProcessingResources.ClusterConfig.InstanceType": "instance_type",
    "ProcessingResources.ClusterConfig.VolumeSizeInGB": "volume_size_in_gb",
    "ProcessingResources.ClusterConfig.VolumeKmsKeyId": "volume_kms_key",
    "StoppingCondition.MaxRuntimeInSeconds": "max_runtime_in_seconds",
    "AppSpecification.ImageUri": "image_uri",
    "AppSpecification.ContainerEntrypoint": "entrypoint",
    "AppSpecification.ContainerArguments": "arguments",
    "Environment": "env",
    "NetworkConfig": "network_config",
    "Tags": "tags",
}


def processing_request(
    *,
    job_name: str,
    role_arn: str,
    image_uri: str,
    instance_type: str,
    instance_count: int,
    volume_size_in_gb: int,
    volume_kms_key: str | None = None,
    inputs: Sequence[Mapping[str, object]] = (),
    outputs: Sequence[Mapping[str, object]] = (),
    output_kms_key: str | None = None,
    entrypoint: Sequence[str] | None = None,
    arguments: Sequence[str] | None = None,
    env: Mapping[str, str] | None = None,
    network_config: NetworkConfig | None = None,
    max_runtime_in_seconds: int | None = None,
    tags: Sequence[Mapping[str, str]] | None = None,
) -> dict[str, Any]:
    """Assemble and check the request; what is not given is not sent.

    Raises:
        InvalidValue: the first value that the service would refuse, by the name of the parameter that brought it.
        ConflictingValues: two inputs or outputs of one name or one folder, an encryption key for outputs without
            outputs.
    """
    if output_kms_key is not None and not outputs:
        raise ConflictingValues(
            "output_kms_key encrypts outputs, and there are none; give outputs, or leave output_kms_key out"
        )
    request = {
        "ProcessingJobName": job_name,
        "ProcessingResources": {
            "ClusterConfig": _given(
                InstanceType=instance_type,
                InstanceCount=instance_count,
                VolumeSizeInGB=volume_size_in_gb,
                VolumeKmsKeyId=volume_kms_key,
            )
        },
        "AppSpecification": _given(
            ImageUri=image_uri,
            ContainerArguments=_list(arguments),
            ContainerEntrypoint=_list(entrypoint),
        ),
        "RoleArn": role_arn,
    } | _given(
        ProcessingInputs=_list(inputs or None),
        ProcessingOutputConfig=_given(Outputs=_list(outputs), KmsKeyId=output_kms_key) if outputs else None,
        Environment=None if env is None else dict(env),
        NetworkConfig=network_config and network_config.to_request(),
        StoppingCondition=None if max_runtime_in_seconds is None else {"MaxRuntimeInSeconds": max_runtime_in_seconds},
        Tags=_list(tags),
    )
    check_request(request)
    return request


def _given(**values: object) -> dict[str, Any]:
    """What is given; the API takes no null."""
    return {name: value for name, value in values.items() if value is not None}


def _list(values: Sequence[Any] | None) -> list[Any] | None:
    return None if values is None else list(values)


def check_request(request: Mapping[str, Any]) -> None:
    """Hold a whole request against the API's limits and against what its model cannot say."""
    inputs = request.get("ProcessingInputs", ())
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", ())
    # The service answers any of these with a ValidationException that does not name it.
    _check_unique("inputs", "name", [entry["InputName"] for entry in inputs])
    _check_unique("outputs", "name", [entry["OutputName"] for entry in outputs])
    places = [entry[place]["LocalPath"] for entry in (*inputs, *outputs) for place in _PLACES if place in entry]
    _check_unique("inputs and outputs", "LocalPath", [place.rstrip("/") for place in places])
    for violation in violations(request):
        for path, parameter in _PARAMETERS.items():
            if violation.path == path or violation.path.startswith((f"{path}.", f"{path}[")):
                raise InvalidValue(f"{parameter}{violation.path[len(path) :]}", violation.value, violation.rule)
        raise InvalidValue(violation.path, violation.value, violation.rule)


_PLACES = ("S3Input", "S3Output")


def _check_unique(parameter: str, what: str, values: Sequence[str]) -> None:
    for value, count in Counter(values).items():
        if count > 1 and not is_unresolved(value):
            raise ConflictingValues(
                f"each of {parameter} must have a {what} of its own, got {value!r} {count} times; rename all but one"
            )
