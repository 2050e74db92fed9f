"""Executions of the state machine, each started once under its name."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from s3_trigger.config import Config
from s3_trigger.messages import BadMessageError, Upload
from s3_trigger.runtime import Runtime
from s3_trigger.single_object import MISSING_REASON, decide_source, source_of

# The fields of an input that an execution's name is derived from, in a batch and of a single object.
_BATCH_IDENTITY = ("batch",)
_OBJECT_IDENTITY = ("bucket", "key", "sequencer")


def start_once(runtime: Runtime, name: str, execution_input: dict[str, Any]) -> bool:
    """Start an execution under a name; return False when the same execution was started before.

    While the execution runs, Step Functions answers a repetition with the same input as if it had just started it;
    otherwise, and for 90 days after its end, it refuses the name. A refusal counts as success only when the existing
    execution is about the same upload or the same batch. The rest of the input may differ: between two attempts,
    another object may arrive or disappear whose key starts with the object's key, which decides whether the job reads
    the object through a manifest, and the functions may be updated. The first execution decides.

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
        existing = _input_of(runtime, name)
        if existing is None or _identity(existing) != _identity(execution_input):
            raise
        return False
    return True


def start_upload(runtime: Runtime, upload: Upload) -> None:
    """Start the execution of one upload, or confirm that it was started before.

    Raises:
        BadMessageError: no object has the key, and no execution was started for the upload.
    """
    manifest_key = decide_source(runtime, upload, f"{runtime.config.manifest_prefix}/{upload.name}.json")
    if manifest_key is not None:
        started = start_once(runtime, upload.name, single_input(runtime.config, upload, manifest_key))
    elif _input_of(runtime, upload.name) is None:
        raise BadMessageError(MISSING_REASON)
    else:
        started = False  # the job, or somebody after it, has deleted the object
    runtime.logger.info(
        "started" if started else "was started before",
        extra={"bucket": upload.bucket, "key": upload.key, "execution": upload.name},
    )


def single_input(config: Config, upload: Upload, manifest_key: str) -> dict[str, Any]:
    """Return the input of an execution for a single object."""
    return {
        "bucket": upload.bucket,
        "key": upload.key,
        "sequencer": upload.sequencer,
        **source_of(config, upload, manifest_key),
    }


def _identity(execution_input: dict[str, Any]) -> list[Any]:
    fields = _BATCH_IDENTITY if "batch" in execution_input else _OBJECT_IDENTITY
    return [execution_input.get(field) for field in fields]


def _input_of(runtime: Runtime, name: str) -> dict[str, Any] | None:
    """Return the input of an execution, empty if it is not a JSON object; None when there is no such execution."""
    try:
        execution = runtime.step_functions.describe_execution(executionArn=runtime.config.execution_arn(name))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
            raise
        return None
    value = json.loads(execution["input"])
    return value if isinstance(value, dict) else {}
