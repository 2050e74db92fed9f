"""Executions, and the objects that they processed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from botocore.exceptions import ClientError

from cdk_sagemaker_processing.model.s3_uri import S3Uri, split_s3_uri
from smproc.operations.errors import NothingToRetryError

if TYPE_CHECKING:
    from boto3 import Session
    from types_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef

FAILED_STATUSES: Final[tuple[Literal["FAILED", "TIMED_OUT", "ABORTED"], ...]] = ("FAILED", "TIMED_OUT", "ABORTED")


def keys_of(session: Session, execution_input: Mapping[str, Any]) -> list[str]:
    """Return the keys of the objects that an execution processes, by its input."""
    if isinstance(execution_input.get("key"), str):
        return [execution_input["key"]]
    # Executions that an earlier version of the trigger started have a manifest_uri.
    uri = execution_input.get("s3_uri", execution_input.get("manifest_uri"))
    bucket = execution_input.get("bucket")
    if not isinstance(uri, str) or not isinstance(bucket, str):
        return []
    manifest_bucket, manifest_key = split_s3_uri(uri)
    try:
        body = session.client("s3").get_object(Bucket=manifest_bucket, Key=manifest_key)["Body"].read()
    except ClientError:
        return []
    first, *names = json.loads(body)
    prefix = first["prefix"].removeprefix(str(S3Uri(bucket, "")))
    return [f"{prefix}{name}" for name in names]


def describe_execution(session: Session, execution_arn: str) -> DescribeExecutionOutputTypeDef:
    """Describe an execution.

    Raises:
        NothingToRetryError: there is no such execution.
    """
    try:
        return session.client("stepfunctions").describe_execution(executionArn=execution_arn)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ExecutionDoesNotExist", "InvalidArn"):
            raise
        raise NothingToRetryError(f"there is no execution {execution_arn!r}") from None


def parse_object(text: object) -> dict[str, Any]:
    """Parse a JSON object; return an empty one for anything else."""
    try:
        value = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
