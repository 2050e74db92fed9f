"""Executions of the state machine: started once under a name."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from s3_trigger.messages import Upload
from s3_trigger.runtime import client, logger, settings


def start_once(name: str, given: dict[str, Any]) -> bool:
    """Start an execution under a name; False when the same was started before.

    Step Functions answers a repetition while the execution runs as if it had just started it, and refuses it for 90
    days afterwards; a refusal is success only when the execution there has the same input. So the input has no time in
    it, and is written the same way each time.

    See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """
    execution_input = json.dumps(given, sort_keys=True)
    try:
        client("stepfunctions").start_execution(
            stateMachineArn=settings.state_machine_arn, name=name, input=execution_input
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise
        existing = client("stepfunctions").describe_execution(executionArn=settings.execution_arn(name))
        if existing["input"] != execution_input:
            raise
        return False
    return True


def start_upload(upload: Upload) -> None:
    """Start the execution of one upload, or see that it was started before."""
    manifest_key = f"{settings.manifest_prefix}/{upload.name}.json"
    # The same bytes each time, so a repetition does no harm.
    client("s3").put_object(
        Bucket=settings.manifest_bucket,
        Key=manifest_key,
        Body=json.dumps(
            [{"prefix": f"s3://{upload.bucket}/{upload.folder}"}, upload.key[len(upload.folder) :]], ensure_ascii=False
        ).encode(),
        ContentType="application/json",
    )
    started = start_once(upload.name, single_input(upload, manifest_key))
    logger.info(
        "started" if started else "was started before",
        extra={"bucket": upload.bucket, "key": upload.key, "execution": upload.name},
    )


def single_input(upload: Upload, manifest_key: str) -> dict[str, Any]:
    """The input of an execution that is about one object."""
    return {
        "bucket": upload.bucket,
        "key": upload.key,
        "manifest_uri": f"s3://{settings.manifest_bucket}/{manifest_key}",
        "sequencer": upload.sequencer,
    }
