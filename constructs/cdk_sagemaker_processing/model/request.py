"""The CreateProcessingJob request, assembled as the SageMaker SDK does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from cdk_sagemaker_processing.model.errors import ConflictingValuesError, InvalidValueError
from cdk_sagemaker_processing.model.experiment import ExperimentConfig
from cdk_sagemaker_processing.model.instances import InstancePreference
from cdk_sagemaker_processing.model.limits import violations
from cdk_sagemaker_processing.model.network import NetworkConfig
from cdk_sagemaker_processing.model.tokens import is_unresolved
from cdk_sagemaker_processing.model.type_checks import check_each, check_type

# The constructs' parameter by field of the request, for messages. Other fields keep the API's name.
_PARAMETERS = {
    "ProcessingInputs": "inputs",
    "ProcessingOutputConfig.Outputs": "outputs",
    "ProcessingOutputConfig.KmsKeyId": "output_kms_key",
    "ProcessingResources.ClusterConfig.InstanceCount": "instance_count",
    "ProcessingResources.ClusterConfig.InstanceType": "instance_type",
    "ProcessingResources.ClusterConfig.InstancePreferences": "instance_preferences",
    "ProcessingResources.ClusterConfig.VolumeSizeInGB": "volume_size_in_gb",
    "ProcessingResources.ClusterConfig.VolumeKmsKeyId": "volume_kms_key",
    "StoppingCondition.MaxRuntimeInSeconds": "max_runtime_in_seconds",
    "AppSpecification.ImageUri": "image_uri",
    "AppSpecification.ContainerEntrypoint": "entrypoint",
    "AppSpecification.ContainerArguments": "arguments",
    "Environment": "env",
    "NetworkConfig": "network_config",
    "ExperimentConfig": "experiment_config",
    "RoleArn": "role",
    "Tags": "tags",
}
_INTO_A_FILE = "put it into a file and pass the file as an input, which has no such limit"
_ADVICE = {
    "inputs": "the inputs that a processor adds for code, dependencies and configuration count too",
    "arguments": _INTO_A_FILE,
    "env": _INTO_A_FILE,
}


def processing_request(
    *,
    job_name: str,
    role_arn: str,
    image_uri: str,
    volume_size_in_gb: int,
    instance_type: str | None = None,
    instance_count: int | None = None,
    instance_preferences: Sequence[InstancePreference] | None = None,
    volume_kms_key: str | None = None,
    inputs: Sequence[Mapping[str, object]] = (),
    outputs: Sequence[Mapping[str, object]] = (),
    output_kms_key: str | None = None,
    entrypoint: Sequence[str] | None = None,
    arguments: Sequence[str] | None = None,
    env: Mapping[str, str] | None = None,
    network_config: NetworkConfig | None = None,
    max_runtime_in_seconds: int | None = None,
    experiment_config: ExperimentConfig | Mapping[str, str] | None = None,
    tags: Mapping[str, str] | Sequence[Mapping[str, str]] | None = None,
) -> dict[str, Any]:
    """Return the checked request, without the parameters that are None.

    Raises:
        InvalidValueError: the first value that the service would refuse, under its parameter's name.
        ConflictingValuesError: two inputs or outputs with the same name or directory, an encryption key for outputs
            without outputs, an instance type together with preferences.
    """
    if not image_uri:
        raise InvalidValueError("image_uri", image_uri, "be the URI of an image", "or a DockerImage")
    check_type("network_config", network_config, NetworkConfig)
    check_each("instance_preferences", instance_preferences, InstancePreference)
    if output_kms_key is not None and not outputs:
        raise ConflictingValuesError(
            "output_kms_key encrypts outputs, and there are none; give outputs, or leave output_kms_key out"
        )
    request = {
        "ProcessingJobName": job_name,
        "ProcessingResources": {
            "ClusterConfig": _cluster(instance_type, instance_count, instance_preferences)
            | _without_none(VolumeSizeInGB=volume_size_in_gb, VolumeKmsKeyId=volume_kms_key)
        },
        "AppSpecification": _without_none(
            ImageUri=image_uri,
            ContainerArguments=_list("arguments", arguments),
            ContainerEntrypoint=_list("entrypoint", entrypoint),
        ),
        "RoleArn": role_arn,
    } | _without_none(
        ProcessingInputs=list(inputs) or None,
        ProcessingOutputConfig=_without_none(Outputs=list(outputs), KmsKeyId=output_kms_key) if outputs else None,
        Environment=dict(env) if isinstance(env, Mapping) else env,
        NetworkConfig=network_config and network_config.to_request(),
        StoppingCondition=None if max_runtime_in_seconds is None else {"MaxRuntimeInSeconds": max_runtime_in_seconds},
        ExperimentConfig=_experiment(experiment_config),
        Tags=_tags(tags),
    )
    check_request(request)
    return request


def _cluster(
    instance_type: str | None, instance_count: int | None, preferences: Sequence[InstancePreference] | None
) -> dict[str, Any]:
    if preferences is None:
        return _without_none(InstanceType=instance_type, InstanceCount=1 if instance_count is None else instance_count)
    if instance_type is not None:
        raise ConflictingValuesError(
            f"instance_type and instance_preferences exclude each other, got both ({instance_type!r}); "
            "make it the first preference"
        )
    counted = [preference.instance_count is not None for preference in preferences]
    if any(counted) and (not all(counted) or instance_count is not None):
        raise ConflictingValuesError(
            "instance_count must be set on each of instance_preferences, or on none of them and once for the job, "
            f"got {sum(counted)} of {len(counted)} preferences with one and instance_count={instance_count!r}"
        )
    if not any(counted):
        instance_count = 1 if instance_count is None else instance_count
    return _without_none(
        InstancePreferences=[preference.to_request() for preference in preferences], InstanceCount=instance_count
    )


def _experiment(config: ExperimentConfig | Mapping[str, str] | None) -> dict[str, str] | None:
    check_type("experiment_config", config, ExperimentConfig | Mapping)
    fields = config.to_request() if isinstance(config, ExperimentConfig) else dict(config or {})
    return fields or None


def _tags(tags: Mapping[str, str] | Sequence[Mapping[str, str]] | None) -> list[dict[str, str]] | str | None:
    """Return tags in the API's form; the SDK accepts both forms."""
    if isinstance(tags, Mapping):
        return [{"Key": key, "Value": value} for key, value in tags.items()]
    if tags is None or isinstance(tags, str):
        return tags
    return [dict(tag) if isinstance(tag, Mapping) else tag for tag in tags]


def _without_none(**values: object) -> dict[str, Any]:
    """Return the values that are not None; the API accepts no null."""
    return {name: value for name, value in values.items() if value is not None}


def _list(parameter: str, values: Sequence[Any] | None) -> Sequence[Any] | None:
    """Return a list of strings, or the expression that yields it at run time."""
    if isinstance(values, str) and not is_unresolved(values):
        raise InvalidValueError(parameter, values, "be a list of strings", f"for example [{values!r}]")
    return values if values is None or isinstance(values, str) else list(values)


def check_request(request: Mapping[str, Any]) -> None:
    """Check a whole request against the API's limits and against the rules that the service model lacks."""
    inputs = request.get("ProcessingInputs", ())
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", ())
    # The service answers each of these with a ValidationException that does not name the duplicate.
    _check_unique("inputs", "name", [entry["InputName"] for entry in inputs])
    _check_unique("outputs", "name", [entry["OutputName"] for entry in outputs])
    locations = [entry[key] for entry in (*inputs, *outputs) for key in _LOCATION_KEYS if key in entry]
    directories = [location["LocalPath"].rstrip("/") for location in locations if "LocalPath" in location]
    _check_unique("inputs and outputs", "LocalPath", directories)
    for violation in violations(request):
        for path, parameter in _PARAMETERS.items():
            if violation.path == path or violation.path.startswith((f"{path}.", f"{path}[")):
                above_limit = violation.rule.startswith("have at most")
                raise InvalidValueError(
                    f"{parameter}{violation.path[len(path) :]}",
                    violation.value,
                    violation.rule,
                    _ADVICE.get(parameter, "") if above_limit else "",
                )
        raise InvalidValueError(violation.path, violation.value, violation.rule)


_LOCATION_KEYS = ("S3Input", "S3Output", "DatasetDefinition")


def _check_unique(parameter: str, attribute: str, values: Sequence[str]) -> None:
    for value, count in Counter(values).items():
        if count > 1 and not is_unresolved(value):
            raise ConflictingValuesError(
                f"each of {parameter} must have its own {attribute}, got {value!r} {count} times; rename all but one"
            )
