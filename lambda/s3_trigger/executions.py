"""Executions of the state machine, each started once under its name."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from s3_trigger.config import Config
from s3_trigger.messages import Upload
from s3_trigger.runtime import Runtime


def start_once(runtime: Runtime, name: str, execution_input: dict[str, Any]) -> bool:
    """Start an execution under a name; return False when the same execution was started before.

    While the execution runs, Step Functions answers a repetition as if it had just started it; for 90 days afterwards
    it refuses the name. A refusal counts as success only when the existing execution has the same input. Therefore the
    input contains no time, and is serialized the same way each time.

    See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """
    serialized = json.dumps(execution_input, sort_keys=True)
    try:
        runtime.step_functions.start_execution(
            stateMachineArn=runtime.config.state_machine_arn, name=name, input=serialized
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise
        existing = runtime.step_functions.describe_execution(executionArn=runtime.config.execution_arn(name))
        if existing["input"] != serialized:
            raise
        return False
    return True


def start_upload(runtime: Runtime, upload: Upload) -> None:
    """Start the execution of one upload, or confirm that it was started before."""
    manifest_key = f"{runtime.config.manifest_prefix}/{upload.name}.json"
    # The same bytes each time, so a repetition does no harm.
    runtime.s3.put_object(
        Bucket=runtime.config.manifest_bucket,
        Key=manifest_key,
        Body=json.dumps(
            [{"prefix": f"s3://{upload.bucket}/{upload.folder}"}, upload.key[len(upload.folder) :]], ensure_ascii=False
        ).encode(),
        ContentType="application/json",
    )
    started = start_once(runtime, upload.name, single_input(runtime.config, upload, manifest_key))
    runtime.logger.info(
        "started" if started else "was started before",
        extra={"bucket": upload.bucket, "key": upload.key, "execution": upload.name},
    )


def single_input(config: Config, upload: Upload, manifest_key: str) -> dict[str, Any]:
    """Return the input of an execution for a single object."""
    return {
        "bucket": upload.bucket,
        "key": upload.key,
        "manifest_uri": f"s3://{config.manifest_bucket}/{manifest_key}",
        "sequencer": upload.sequencer,
    }
