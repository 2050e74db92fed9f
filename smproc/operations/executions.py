"""Failed executions, and the objects that they were about."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from smproc.operations.errors import NothingToRetryError

FAILED_STATUSES = ("FAILED", "TIMED_OUT", "ABORTED")


def failed_execution_of(session: Any, state_machine_arn: str, key: str) -> str:  # noqa: ANN401
    """The ARN of the newest failed execution that was about an object.

    Raises:
        NothingToRetryError: there is none.
    """
    states = session.client("stepfunctions")
    key = key.partition("://")[2].partition("/")[2] if key.startswith("s3://") else key
    newest: tuple[Any, str] | None = None
    for status in FAILED_STATUSES:
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=state_machine_arn, statusFilter=status)
        for page in pages:
            for listed in page["executions"]:
                if newest is not None and listed["startDate"] <= newest[0]:
                    break
                given = parse_object(states.describe_execution(executionArn=listed["executionArn"]).get("input"))
                if key in keys_of(session, given):
                    newest = listed["startDate"], listed["executionArn"]
    if newest is None:
        raise NothingToRetryError(f"no failed execution of the pipeline was about the object {key!r}")
    return newest[1]


def keys_of(session: Any, given: dict[str, Any]) -> list[str]:  # noqa: ANN401
    """The keys of the objects that an execution is about, by its input."""
    if isinstance(given.get("key"), str):
        return [given["key"]]
    uri, bucket = given.get("manifest_uri"), given.get("bucket")
    if not isinstance(uri, str) or not isinstance(bucket, str):
        return []
    manifest_bucket, _, manifest_key = uri.removeprefix("s3://").partition("/")
    try:
        body = session.client("s3").get_object(Bucket=manifest_bucket, Key=manifest_key)["Body"].read()
    except ClientError:
        return []
    first, *names = json.loads(body)
    prefix = first["prefix"].removeprefix(f"s3://{bucket}/")
    return [f"{prefix}{name}" for name in names]


def describe_execution(session: Any, execution_arn: str) -> dict[str, Any]:  # noqa: ANN401
    """Describe an execution.

    Raises:
        NothingToRetryError: there is no such execution.
    """
    try:
        execution: dict[str, Any] = session.client("stepfunctions").describe_execution(executionArn=execution_arn)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ExecutionDoesNotExist", "InvalidArn"):
            raise
        raise NothingToRetryError(f"there is no execution {execution_arn!r}") from None
    return execution


def parse_object(text: object) -> dict[str, Any]:
    """The JSON object in a text; empty when it is none."""
    try:
        value = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
