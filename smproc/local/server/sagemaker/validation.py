"""What CreateProcessingJob refuses before there is a job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cdk_sagemaker_processing.model.limits import violations
from smproc.local.server.execution import JobClientError, inside_processing
from smproc.local.server.execution.s3_uri import S3Uri
from smproc.local.server.sagemaker.errors import ApiError, constraint_violations, invalid, unreadable

# The model says no more of them than that they are times, which JSON tells in seconds since 1970.
_TIMES = {"CreationTimeAfter", "CreationTimeBefore", "LastModifiedTimeAfter", "LastModifiedTimeBefore"}
_TIME_MAX = 2**40


def validate(request: Mapping[str, Any], shape: str) -> None:
    """Hold a request against the limits of the API.

    Raises:
        ApiError: it breaks one.
    """
    for name in _TIMES & request.keys():
        if isinstance(request[name], bool) or not isinstance(request[name], int | float):
            raise unreadable(request[name], name)
        if not 0 <= request[name] < _TIME_MAX:
            raise invalid(f"{name} must be seconds since 1970, got {request[name]}")
    if broken := violations(request, shape=shape):
        raise constraint_violations(broken)


def validate_job(request: Mapping[str, Any]) -> None:
    """Hold a CreateProcessingJob request against the API's limits, its rules, and what the local AWS can do.

    Raises:
        ApiError: it breaks one.
    """
    validate(request, "CreateProcessingJobRequest")
    for problem in _problems(request):
        raise problem


def cleaned(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request without the members that are null: to the service they are not there.

    Raises:
        ApiError: a string in it is no text: half of a surrogate pair, which JSON can tell and UTF-8 cannot.
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
                "SerializationException", f"The request holds a string that is no text: {value!a}"
            ) from error
    return value


def _problems(request: Mapping[str, Any]) -> Iterator[ApiError]:
    cluster = request["ProcessingResources"]["ClusterConfig"]
    if ("InstanceType" in cluster) == ("InstancePreferences" in cluster):
        yield invalid("Exactly one of InstanceType and InstancePreferences must be given in ClusterConfig")
    if preferences := cluster.get("InstancePreferences"):
        counted = sum("InstanceCount" in preference for preference in preferences)
        if counted != (0 if "InstanceCount" in cluster else len(preferences)):
            yield invalid(
                "InstanceCount must be given in ClusterConfig or in each of its InstancePreferences, not both"
            )
    specification = request["AppSpecification"]
    words = [*specification.get("ContainerEntrypoint", ()), *specification.get("ContainerArguments", ())]
    if odd := [word for word in (*words, *request.get("Environment", {}).values()) if "\0" in word]:
        # The model lets it through; no operating system can hand it to a program.
        yield invalid(f"Entry point, arguments and environment must not hold a NUL character, got {odd[0]!r}")
    inputs = request.get("ProcessingInputs", ())
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", ())
    for kind, items, key in (("Input", inputs, "InputName"), ("Output", outputs, "OutputName")):
        names = [item[key] for item in items]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            # The model has no such rule; what the service does is documented nowhere. Two of a name are a mistake.
            yield invalid(f"{kind} names must be unique, and {', '.join(repeated)} is given more than once")
    for item in inputs:
        yield from _input_problems(item)
    for item in outputs:
        yield from _output_problems(item)


def _input_problems(item: Mapping[str, Any]) -> Iterator[ApiError]:
    name = item["InputName"]
    if "DatasetDefinition" in item:
        yield _not_here(f"DatasetDefinition (input {name}): query results have to come from Athena or Redshift in AWS")
    if (s3_input := item.get("S3Input")) is None:
        if not item.get("AppManaged"):
            yield invalid(f"Input {name} must have an S3Input or a DatasetDefinition")
        return
    piped = s3_input.get("S3InputMode") == "Pipe"
    if s3_input.get("S3CompressionType", "None") != "None" and not piped:
        yield invalid(f"S3CompressionType Gzip can only be used with S3InputMode Pipe (input {name})")
    yield from _place_problems(f"input {name}", s3_input, item, below=piped)


def _output_problems(item: Mapping[str, Any]) -> Iterator[ApiError]:
    name = item["OutputName"]
    if "FeatureStoreOutput" in item:
        yield _not_here(f"FeatureStoreOutput (output {name})")
    if (s3_output := item.get("S3Output")) is None:
        if not item.get("AppManaged"):
            yield invalid(f"Output {name} must have an S3Output or a FeatureStoreOutput")
        return
    yield from _place_problems(f"output {name}", s3_output, item)


def _place_problems(
    what: str, place: Mapping[str, Any], item: Mapping[str, Any], *, below: bool = False
) -> Iterator[ApiError]:
    try:
        S3Uri.parse(place["S3Uri"])
    except JobClientError as error:
        yield invalid(f"{error} ({what})")
    local_path = place.get("LocalPath")
    if local_path is None:
        if not item.get("AppManaged"):
            yield invalid(f"LocalPath must be given unless AppManaged is true ({what})")
    elif not inside_processing(local_path, below=below):
        # A pipe is named after its LocalPath, and so stands beside it.
        place_allowed = "/opt/ml/processing/" if below else "/opt/ml/processing"
        yield invalid(f"LocalPath must begin with {place_allowed}, got {local_path} ({what})")


def _not_here(what: str) -> ApiError:
    return invalid(f"The local AWS does not support {what}")
