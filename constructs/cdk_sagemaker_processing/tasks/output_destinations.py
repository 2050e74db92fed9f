"""The destinations of outputs that name none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cdk_sagemaker_processing._internal.resource_facts import bucket_name_of
from cdk_sagemaker_processing.tasks.run_time_values import context_object_values

if TYPE_CHECKING:
    from aws_cdk import aws_s3 as s3

_OUTPUTS_PREFIX = "outputs"


def default_destination(bucket: s3.IBucket, output_name: str) -> str:
    """Return a destination that no other execution writes to, and no other attempt of this one.

    Args:
        bucket: the bucket.
        output_name: the output's name.
    """
    values = context_object_values()
    return (
        f"s3://{bucket_name_of(bucket)}/{_OUTPUTS_PREFIX}/{values.execution_name}/{values.state_name}/"
        f"try-{values.retry_count}/{output_name}"
    )


def separate_outputs(request: Mapping[str, Any], bucket: s3.IBucket) -> dict[str, Any]:
    """Return a request whose default destinations differ each time that an execution enters the state.

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
        output | {"S3Output": output["S3Output"] | {"S3Uri": f"{destination}/{context_object_values().uuid}"}}
        if output.get("S3Output", {}).get("S3Uri") == (destination := default_destination(bucket, output["OutputName"]))
        else output
        for output in config["Outputs"]
    ]
    return {**request, "ProcessingOutputConfig": {**config, "Outputs": outputs}}
