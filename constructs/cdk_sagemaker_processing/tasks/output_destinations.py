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
