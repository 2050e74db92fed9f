"""The executions of a pipeline: list them, look at one, stop it, and let it go on from the step that failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from cdk_sagemaker_processing.model.s3_uri import S3Uri
from smproc.graphs.runs import StateRun
from smproc.operations.errors import ExecutionNotFoundError, OutputNotFoundError, RedriveRefusedError
from smproc.operations.execution_jobs import jobs_in_order
from smproc.operations.execution_lists import Execution, describe, pages_of_executions
from smproc.operations.executions import FAILED_STATUSES, keys_of, parse_object
from smproc.operations.histories import events_of, execution_run
from smproc.operations.jobs import StepJob, with_end
from smproc.terminal_text import shell_word

if TYPE_CHECKING:
    from boto3 import Session

    from smproc.operations.pipeline import Pipeline

# PENDING_REDRIVE is a status of the child executions of a Distributed Map alone.
STATUSES: Final = ("RUNNING", "SUCCEEDED", *FAILED_STATUSES)
# A beginning of a name is looked for in so many of the newest executions: 20 requests.
_SEARCHED = 20_000
_NAMED_IN_ERRORS = 5
# Of the child executions of Distributed Maps, each of which takes a request or two.
_CHILDREN_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionDetails:
    """An execution, and what it has done.

    Attributes:
        execution: the execution.
        error: the name of the error that it failed with; empty if it has not.
        cause: the text beside the name.
        redrives: how often it was redriven.
        redrivable: whether AWS would redrive it now.
        why_not_redrivable: why AWS would not; empty if it would.
        states: what it has done in each state, in the order in which it entered them.
        jobs: its processing jobs, in the order of their creation, then up to 20 of the child executions of its
            Distributed Maps: those that failed, if it has failed.
        objects: the S3 URIs of the objects that it processes.
        input: the input.
    """

    execution: Execution
    error: str = ""
    cause: str = ""
    redrives: int = 0
    redrivable: bool = False
    why_not_redrivable: str = ""
    states: Mapping[str, StateRun] = field(default_factory=dict)
    jobs: tuple[StepJob, ...] = ()
    objects: tuple[str, ...] = ()
    input: Mapping[str, Any] = field(default_factory=dict, repr=False)


def executions_of(
    pipeline: Pipeline, *, since: datetime | None = None, status: str | None = None, limit: int | None = None
) -> Iterator[Execution]:
    """Yield the executions of a pipeline, the newest first.

    Args:
        pipeline: the pipeline.
        since: executions that started before, and were not redriven since, are left out. Default: none.
        status: those with this status alone, one of `STATUSES`. Default: all.
        limit: the maximum number. Default: all.

    See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
    """
    count = 0
    pages = pages_of_executions(
        pipeline.session, pipeline.state_machine_arn, status=status, page_size=limit if limit is not None else 1000
    )
    for page in pages:
        for one in page:
            if (since is not None and one.listed_at < since) or (limit is not None and count >= limit):
                return
            if since is None or max(one.started, one.redriven or one.started) >= since:
                yield one
                count += 1


def find_execution(pipeline: Pipeline, text: str) -> Execution:
    """Return the execution that a user means.

    Args:
        pipeline: the pipeline.
        text: the ARN of the execution, its name, or a beginning of the name that no other of the pipeline's 20,000
            newest executions has.

    Raises:
        ExecutionNotFoundError: there is none, or there are several.
    """
    prefix = f"{pipeline.state_machine_arn.replace(':stateMachine:', ':execution:')}:"
    if text.startswith("arn:") and not text.startswith(prefix):
        raise ExecutionNotFoundError(f"{text!r} is not an execution of the pipeline {pipeline.name}")
    name = text.removeprefix(prefix)
    try:
        exact = describe(pipeline.session, pipeline.state_machine_arn, name) if name else None
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("InvalidArn", "ValidationException"):
            raise
        exact = None  # a text that is no name may still be shown as one that nothing has
    if exact is not None:
        return exact
    found = []
    if name and not text.startswith("arn:"):
        found = [one for one in executions_of(pipeline, limit=_SEARCHED) if one.name.startswith(name)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise ExecutionNotFoundError(
            f"the pipeline {pipeline.name} has no execution {text!r}; `smproc executions list` shows its executions"
        )
    names = ", ".join(one.name for one in found[:_NAMED_IN_ERRORS])
    raise ExecutionNotFoundError(
        f"{len(found):,} executions of the pipeline {pipeline.name} begin with {text!r}; give more of the name: {names}"
        + (", ..." if len(found) > _NAMED_IN_ERRORS else "")
    )


def last_success(pipeline: Pipeline) -> Execution:
    """Return the newest execution that succeeded.

    Raises:
        OutputNotFoundError: there is none.
    """
    found = next(executions_of(pipeline, status="SUCCEEDED", limit=1), None)
    if found is None:
        raise OutputNotFoundError(
            f"no execution of the pipeline {pipeline.name} has succeeded yet; `smproc executions list` shows those "
            "that there are, and --execution takes one that failed, too"
        )
    return found


def execution_details(session: Session, execution: Execution) -> ExecutionDetails:
    """Return what an execution has done, by its history.

    Args:
        session: a boto3 session.
        execution: the execution.
    """
    described: Mapping[str, Any] = session.client("stepfunctions").describe_execution(executionArn=execution.arn)
    events = list(events_of(session, execution.arn))
    run = execution_run(session, described, events)
    execution_input = parse_object(described.get("input"))
    bucket = execution_input.get("bucket")
    return ExecutionDetails(
        execution=execution,
        error=described.get("error", ""),
        cause=described.get("cause", ""),
        redrives=run.redrives,
        redrivable=described.get("redriveStatus") == "REDRIVABLE",
        why_not_redrivable=described.get("redriveStatusReason", ""),
        states=run.states,
        jobs=tuple(
            with_end(session, job)
            for job in jobs_in_order(
                session,
                execution.arn,
                events,
                children_max=_CHILDREN_MAX,
                failed=described["status"] in FAILED_STATUSES,
            )
        ),
        objects=tuple(str(S3Uri(str(bucket), key)) for key in keys_of(session, execution_input)),
        input=execution_input,
    )


def stop_execution(session: Session, execution: Execution, *, cause: str = "stopped by smproc") -> bool:
    """Stop an execution and the job that it waits for; return False if it had ended already.

    Args:
        session: a boto3 session.
        execution: the execution.
        cause: the cause that the execution is to show.

    See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html
    """
    client = session.client("stepfunctions")
    if client.describe_execution(executionArn=execution.arn)["status"] not in ("RUNNING", "PENDING_REDRIVE"):
        return False
    client.stop_execution(executionArn=execution.arn, error="Stopped", cause=cause)
    return True


def redrive_execution(session: Session, execution: Execution) -> datetime:
    """Run an execution again from the step that failed, with the input and results that it had; return the time.

    The steps before are not run again. The state machine's definition is the one with which the execution started.

    Args:
        session: a boto3 session.
        execution: an execution that failed, timed out or was stopped in the last 14 days.

    Raises:
        RedriveRefusedError: AWS does not redrive it.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
    """
    client = session.client("stepfunctions")
    described: Mapping[str, Any] = client.describe_execution(executionArn=execution.arn)
    name, status = execution.name, described["status"]
    if status not in FAILED_STATUSES:
        raise RedriveRefusedError(
            f"the execution {name} is {status}; only one that failed, timed out or was stopped can be redriven"
        )
    advice = f"`smproc retry {shell_word(execution.arn)}` runs its objects again in a new execution"
    if described.get("redriveStatus") == "NOT_REDRIVABLE":
        reason = described.get("redriveStatusReason", "").rstrip(".")
        raise RedriveRefusedError(
            f"Step Functions does not redrive the execution {name}: {reason or 'it gives no reason'}; {advice}"
        )
    try:
        return client.redrive_execution(executionArn=execution.arn)["redriveDate"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ExecutionNotRedrivable", "ExecutionLimitExceeded"):
            raise
        reason = error.response["Error"]["Message"].rstrip(".")
        raise RedriveRefusedError(f"Step Functions does not redrive the execution {name}: {reason}; {advice}") from None
