"""The CreateProcessingJob request, assembled as the SageMaker SDK does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cdk_sagemaker_processing.model.errors import ConflictingValuesError, InvalidValueError
from cdk_sagemaker_processing.model.experiment import ExperimentConfig
from cdk_sagemaker_processing.model.instances import InstancePreference, InstancePreferences, preferences_of
from cdk_sagemaker_processing.model.limits import check, violations
from cdk_sagemaker_processing.model.network import NetworkConfig
from cdk_sagemaker_processing.model.service_rules import broken_rules, broken_tag_rules
from cdk_sagemaker_processing.model.tokens import is_unresolved
from cdk_sagemaker_processing.model.type_checks import check_type

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
    instance_preferences: InstancePreferences | None = None,
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
    region: str | None = None,
    waits: bool = False,
) -> dict[str, Any]:
    """Return the checked request, without the parameters that are None.

    ``region`` is that of the job, None if it is not known; ``waits`` is whether Step Functions waits for it (RUN_JOB).

    Raises:
        InvalidValueError: the first value that the service would refuse, under its parameter's name.
        ConflictingValuesError: two inputs or outputs with the same name or directory, an encryption key for outputs
            without outputs, an instance type together with preferences.
    """
    if not image_uri:
        raise InvalidValueError("image_uri", image_uri, "be the URI of an image", "or a DockerImage")
    check_type("network_config", network_config, NetworkConfig)
    if output_kms_key is not None and not outputs:
        raise ConflictingValuesError(
            "output_kms_key encrypts outputs, and there are none; give outputs, or leave output_kms_key out"
        )
    request = {
        "ProcessingJobName": job_name,
        "ProcessingResources": {
            "ClusterConfig": _cluster(instance_type, instance_count, preferences_of(instance_preferences))
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
    check_request(request, region=region, waits=waits)
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


def check_request(request: Mapping[str, Any], *, region: str | None = None, waits: bool = False) -> None:
    """Check a whole request against the API's limits and against the rules that the service model lacks.

    Args:
        request: the request.
        region: the region of the job. Default: not known.
        waits: whether Step Functions waits for the job (RUN_JOB). Default: False.
    """
    for violation in violations(request):
        parameter, field = _parameter(violation.path)
        above_limit = violation.rule.startswith("have at most")
        advice = _ADVICE.get(parameter, "") if above_limit else ""
        raise InvalidValueError(f"{parameter}{field}", violation.value, violation.rule, advice)
    for broken in broken_rules(request, region=region, waits=waits):
        if broken.conflict:
            raise ConflictingValuesError(broken.conflict)
        raise InvalidValueError("".join(_parameter(broken.path)), broken.value, broken.rule, broken.advice)


def check_tags(tags: Sequence[Mapping[str, str]], *, waits: bool) -> None:
    """Check the tags of a request after a tag was added; see `check_request`."""
    check("TagList", "tags", tags)
    for broken in broken_tag_rules(tags, waits=waits):
        if broken.conflict:
            raise ConflictingValuesError(broken.conflict)
        raise InvalidValueError("".join(_parameter(broken.path)), broken.value, broken.rule, broken.advice)


def _parameter(path: str) -> tuple[str, str]:
    """Return the constructs' parameter for a field of the request, and the rest of the field's path."""
    for field, parameter in _PARAMETERS.items():
        if path == field or path.startswith((f"{field}.", f"{field}[")):
            return parameter, path[len(field) :]
    return path, ""
