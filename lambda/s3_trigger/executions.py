"""Executions of the state machine, each started once under its name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from s3_trigger.config import execution_arn
from s3_trigger.messages import ExecutionEnded

if TYPE_CHECKING:
    from s3_trigger.runtime import Runtime

# The fields of an input that an execution's name is derived from, in a batch and of a single object.
_BATCH_IDENTITY = ("batch",)
_OBJECT_IDENTITY = ("bucket", "key", "sequencer")


def start_once(runtime: Runtime, state_machine: str, name: str, execution_input: dict[str, Any]) -> bool:
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
        runtime.step_functions.start_execution(stateMachineArn=state_machine, name=name, input=serialized)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise
        existing = describe(runtime, state_machine, name)
        if existing is None or _identity(existing.fields) != _identity(execution_input):
            raise
        return False
    return True


def _identity(execution_input: dict[str, Any]) -> list[Any]:
    fields = _BATCH_IDENTITY if "batch" in execution_input else _OBJECT_IDENTITY
    return [execution_input.get(field) for field in fields]


def describe(runtime: Runtime, state_machine: str, name: str) -> ExecutionEnded | None:
    """Return the state of an execution, which need not have ended; None when there is no such execution."""
    arn = execution_arn(state_machine, name)
    try:
        execution = runtime.step_functions.describe_execution(executionArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
            raise
        return None
    return ExecutionEnded(
        name=name,
        arn=arn,
        status=execution["status"],
        error=execution.get("error") or "",
        cause=execution.get("cause") or "",
        input=execution.get("input") or "",
        redrives=execution.get("redriveCount") or 0,
    )


def running_names(runtime: Runtime, state_machine: str) -> set[str]:
    """Return the names of the executions of a state machine that run, as far as Step Functions knows already.

    See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
    """
    pages = runtime.step_functions.get_paginator("list_executions").paginate(
        stateMachineArn=state_machine, statusFilter="RUNNING", PaginationConfig={"PageSize": 1000}
    )
    return {execution["name"] for page in pages for execution in page["executions"]}
