"""The rules of CreateTrainingJob beyond the limits of the API, and what the local AWS refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from cdk_sagemaker_processing.model.service_rules import broken_image_rules, broken_program_rules
from smproc.local.server.execution import JobClientError
from smproc.local.server.execution.s3_uri import S3Uri

# Where they change what the program sees or what the job leaves behind, they are refused instead of ignored.
_UNSUPPORTED: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("ServerlessJobConfig", "MlflowConfig", "ModelPackageConfig"),
    "AlgorithmSpecification": ("AlgorithmName", "TrainingImageConfig"),
    "ResourceConfig": ("InstanceGroups",),
    "Channel": ("ShuffleConfig",),
    "DataSource": ("FileSystemDataSource", "DatasetSource"),
    "S3DataSource": ("AttributeNames", "InstanceGroupNames", "ModelAccessConfig", "HubAccessConfig"),
}
_OPT_ML_PARTS = len(PurePosixPath("/opt/ml").parts)
_DATA_TYPES = ("S3Prefix", "ManifestFile")


def training_errors(request: Mapping[str, Any], region: str) -> Iterator[str]:
    """Yield the messages of the rules that a CreateTrainingJob request breaks; it is within the limits of the API.

    Args:
        request: the request.
        region: the region of the job.
    """
    yield from _unsupported("", request)
    for member in ("AlgorithmSpecification", "ResourceConfig"):
        if member not in request:
            yield f"{member} must be given"
            return
    algorithm = request["AlgorithmSpecification"]
    yield from _unsupported("AlgorithmSpecification", algorithm)
    if "TrainingImage" not in algorithm:
        yield "TrainingImage must be given in AlgorithmSpecification"
        return
    for broken in broken_image_rules(algorithm["TrainingImage"], region, local_images=True):
        yield broken.message
    for broken in broken_program_rules(algorithm, request.get("Environment") or {}):
        yield broken.message
    yield from _resource_errors(request["ResourceConfig"])
    channels = request.get("InputDataConfig", ())
    names = [channel["ChannelName"] for channel in channels]
    if len(set(names)) < len(names):
        yield f"Channel names must be unique, got {', '.join(names)}"
    for channel in channels:
        yield from _channel_errors(channel, channel.get("InputMode") or algorithm["TrainingInputMode"])
    yield from _uri_errors("OutputDataConfig", request["OutputDataConfig"]["S3OutputPath"])
    yield from _checkpoint_errors(request)
    yield from _stopping_errors(request)


def _checkpoint_errors(request: Mapping[str, Any]) -> Iterator[str]:
    if checkpoints := request.get("CheckpointConfig"):
        yield from _uri_errors("CheckpointConfig", checkpoints["S3Uri"])
        path = PurePosixPath(checkpoints.get("LocalPath", "/opt/ml/checkpoints"))
        if (
            path.parts[:3] != ("/", "opt", "ml")
            or ".." in path.parts
            or len(path.parts) == _OPT_ML_PARTS
            or "\0" in str(path)
        ):
            yield f"The local AWS supports a LocalPath of CheckpointConfig below /opt/ml alone, got {str(path)!r}"


def _stopping_errors(request: Mapping[str, Any]) -> Iterator[str]:
    condition = request.get("StoppingCondition", {})
    wait, runtime = condition.get("MaxWaitTimeInSeconds"), condition.get("MaxRuntimeInSeconds")
    if request.get("EnableManagedSpotTraining") and wait is None:
        yield "MaxWaitTimeInSeconds must be given if EnableManagedSpotTraining is true"
    if wait is not None and runtime is not None and wait < runtime:
        yield f"MaxWaitTimeInSeconds must be at least MaxRuntimeInSeconds, got {wait} and {runtime}"


def _resource_errors(resources: Mapping[str, Any]) -> Iterator[str]:
    yield from _unsupported("ResourceConfig", resources)
    if ("InstanceType" in resources) == ("InstancePreferences" in resources):
        yield "Exactly one of InstanceType and InstancePreferences must be given in ResourceConfig"


def _channel_errors(channel: Mapping[str, Any], mode: str) -> Iterator[str]:
    where = f"channel {channel['ChannelName']}"
    if channel["ChannelName"] in (".", ".."):
        yield f"ChannelName must be the name of a directory, got {channel['ChannelName']}"
    source = channel["DataSource"]
    s3_source = source.get("S3DataSource", {})
    for shape, value in (("Channel", channel), ("DataSource", source), ("S3DataSource", s3_source)):
        yield from _unsupported(shape, value, f" ({where})")
    if not s3_source:
        yield f"S3DataSource must be given ({where})"
        return
    if s3_source["S3DataType"] not in _DATA_TYPES:
        yield f"The local AWS does not support S3DataType {s3_source['S3DataType']} ({where})"
    if channel.get("RecordWrapperType", "None") != "None":
        yield f"The local AWS does not support RecordWrapperType {channel['RecordWrapperType']} ({where})"
    if channel.get("CompressionType", "None") != "None" and mode != "Pipe":
        yield f"CompressionType {channel['CompressionType']} can only be used with input mode Pipe ({where})"
    yield from _uri_errors(where, s3_source["S3Uri"])


def _unsupported(shape: str, value: Mapping[str, Any], where: str = "") -> Iterator[str]:
    for member in _UNSUPPORTED[shape]:
        if member in value:
            yield f"The local AWS does not support {member}{where}"


def _uri_errors(where: str, uri: str) -> Iterator[str]:
    try:
        S3Uri.parse(uri)
    except JobClientError as error:
        yield f"{error} ({where})"
