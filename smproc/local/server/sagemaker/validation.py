"""The validation of requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cdk_sagemaker_processing.model.limits import violations
from cdk_sagemaker_processing.model.service_rules import broken_rules
from smproc.local.server.execution import Job, JobClientError, TrainingJob
from smproc.local.server.execution.s3_uri import S3Uri
from smproc.local.server.sagemaker.errors import ApiError, constraint_violations, invalid, wrong_type
from smproc.local.server.sagemaker.training_validation import training_errors

# Timestamps, which are seconds since 1970 in JSON; the model has no limits for them.
_TIMES = {"CreationTimeAfter", "CreationTimeBefore", "LastModifiedTimeAfter", "LastModifiedTimeBefore"}
_TIME_MAX = 2**40


def validate(request: Mapping[str, Any], shape: str) -> None:
    """Validate a request against the limits of the API.

    Args:
        request: the request.
        shape: the name of the request's shape in the API's model.

    Raises:
        ApiError: the request violates a limit.
    """
    for name in _TIMES & request.keys():
        if isinstance(request[name], bool) or not isinstance(request[name], int | float):
            raise wrong_type(request[name], name)
        if not 0 <= request[name] < _TIME_MAX:
            raise invalid(f"{name} must be seconds since 1970, got {request[name]}")
    if violated := violations(request, shape=shape):
        raise constraint_violations(violated)


def validate_job(kind: type[Job], request: Mapping[str, Any], region: str) -> None:
    """Validate a request that creates a job against the limits and rules of the API and those of the local AWS.

    Args:
        kind: the kind of the job.
        request: the request.
        region: the region of the job.

    Raises:
        ApiError: the request violates one.
    """
    validate(request, f"Create{kind.api_name}Request")
    if kind is TrainingJob:
        for message in training_errors(request, region):
            raise invalid(message)
        return
    for error in _errors(request):
        raise error
    for broken in broken_rules(request, region=region, local_images=True):
        raise invalid(broken.message)


def cleaned(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request without its null members, which the service ignores.

    Args:
        request: the request.

    Raises:
        ApiError: a string is not valid Unicode: it has half of a surrogate pair, which JSON allows and UTF-8 does not.
    """
    return {str(_cleaned(name)): _cleaned(item) for name, item in request.items() if item is not None}


def _cleaned(value: object) -> object:
    if isinstance(value, dict):
        return cleaned(value)
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ApiError(
                "SerializationException", f"The request has a string that is not valid Unicode: {value!a}"
            ) from error
    return value


def _errors(request: Mapping[str, Any]) -> Iterator[ApiError]:
    cluster = request["ProcessingResources"]["ClusterConfig"]
    if ("InstanceType" in cluster) == ("InstancePreferences" in cluster):
        yield invalid("Exactly one of InstanceType and InstancePreferences must be given in ClusterConfig")
    if preferences := cluster.get("InstancePreferences"):
        counted = sum("InstanceCount" in preference for preference in preferences)
        if counted != (0 if "InstanceCount" in cluster else len(preferences)):
            yield invalid(
                "InstanceCount must be given in ClusterConfig or in each of its InstancePreferences, not both"
            )
    inputs = request.get("ProcessingInputs", ())
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", ())
    for item in inputs:
        yield from _input_errors(item)
    for item in outputs:
        yield from _output_errors(item)


def _input_errors(item: Mapping[str, Any]) -> Iterator[ApiError]:
    name = item["InputName"]
    if "DatasetDefinition" in item:
        yield _unsupported(f"DatasetDefinition (input {name}), which needs Athena or Redshift")
    if (s3_input := item.get("S3Input")) is None:
        if not item.get("AppManaged"):
            yield invalid(f"Input {name} must have an S3Input or a DatasetDefinition")
        return
    yield from _location_errors(f"input {name}", s3_input, item)


def _output_errors(item: Mapping[str, Any]) -> Iterator[ApiError]:
    name = item["OutputName"]
    if "FeatureStoreOutput" in item:
        yield _unsupported(f"FeatureStoreOutput (output {name})")
    if (s3_output := item.get("S3Output")) is None:
        if not item.get("AppManaged"):
            yield invalid(f"Output {name} must have an S3Output or a FeatureStoreOutput")
        return
    yield from _location_errors(f"output {name}", s3_output, item)


def _location_errors(name: str, location: Mapping[str, Any], item: Mapping[str, Any]) -> Iterator[ApiError]:
    try:
        S3Uri.parse(location["S3Uri"])
    except JobClientError as error:
        yield invalid(f"{error} ({name})")
    if location.get("LocalPath") is None and not item.get("AppManaged"):
        yield invalid(f"LocalPath must be given unless AppManaged is true ({name})")


def _unsupported(feature: str) -> ApiError:
    return invalid(f"The local AWS does not support {feature}")
