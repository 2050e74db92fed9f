"""The destinations of outputs that name none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cdk_sagemaker_processing.tasks.query_languages import context_object_values

if TYPE_CHECKING:
    from aws_cdk import aws_s3 as s3

_OUTPUTS_PREFIX = "outputs"


def default_destination(bucket: s3.IBucket, output_name: str, *, per_entry: bool = False) -> str:
    """Return a destination that no other execution writes to, and no other attempt of this one.

    Args:
        bucket: the bucket.
        output_name: the output's name.
        per_entry: whether the destination also differs each time that an execution enters the state. Default: False.
    """
    values = context_object_values()
    entry = f"{values.entered_time}/" if per_entry else ""
    return (
        f"s3://{bucket.bucket_name}/{_OUTPUTS_PREFIX}/{values.execution_name}/{values.state_name}/{entry}"
        f"try-{values.retry_count}/{output_name}"
    )


def separate_outputs(request: Mapping[str, Any], bucket: s3.IBucket) -> dict[str, Any]:
    """Return a request whose default destinations differ each time, also for items that enter the state together.

    The index of an item is not available here: AWS provides it to the ItemSelector of a ``Map`` only, and the states
    inside see the time at which they were entered, which several items share. So each destination ends in a UUID.

    Args:
        request: the request.
        bucket: the bucket of the default destinations.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
    """
    config = request.get("ProcessingOutputConfig")
    if not isinstance(config, Mapping) or not isinstance(config.get("Outputs"), list):
        return dict(request)
    outputs = [
        output
        | {"S3Output": output["S3Output"] | {"S3Uri": f"{output['S3Output']['S3Uri']}/{context_object_values().uuid}"}}
        if _has_default_destination(output, bucket)
        else output
        for output in config["Outputs"]
    ]
    return {**request, "ProcessingOutputConfig": {**config, "Outputs": outputs}}


def has_destination_per_entry(request: Mapping[str, Any], bucket: s3.IBucket) -> bool:
    """Return whether the default destinations of a request differ each time that an execution enters the state."""
    return all(
        output["S3Output"]["S3Uri"] != default_destination(bucket, output["OutputName"])
        for output in request.get("ProcessingOutputConfig", {}).get("Outputs", ())
        if "S3Output" in output
    )


def _has_default_destination(output: Mapping[str, Any], bucket: s3.IBucket) -> bool:
    name = output["OutputName"]
    defaults = [default_destination(bucket, name, per_entry=per_entry) for per_entry in (False, True)]
    return output.get("S3Output", {}).get("S3Uri") in defaults


def separate_outputs_per_entry(request: Mapping[str, Any], bucket: s3.IBucket) -> None:
    """Change the default destinations in a request to ones that differ each time that an execution enters the state.

    Args:
        request: the request, which is modified.
        bucket: the bucket of the default destinations.
    """
    for output in request.get("ProcessingOutputConfig", {}).get("Outputs", ()):
        name = output["OutputName"]
        if output.get("S3Output", {}).get("S3Uri") == default_destination(bucket, name):
            output["S3Output"]["S3Uri"] = default_destination(bucket, name, per_entry=True)
