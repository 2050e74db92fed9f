"""The state machines that are deployed: those of pipelines, and any other of a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smproc.operations.errors import PipelineNotFoundError
from smproc.operations.pipeline import choose_pipeline, find_pipelines
from smproc.operations.stack_resources import resources_of

if TYPE_CHECKING:
    from boto3 import Session


def deployed_state_machine(session: Session, name: str | None = None, *, stack: str | None = None) -> tuple[str, str]:
    """Return the name and the definition of the state machine of a pipeline, or of another one of a stack.

    Args:
        session: a boto3 session.
        name: the pipeline's name or the end of it after a slash; with a stack, also how the logical id of any of its
            state machines begins. Default: the only pipeline; with a stack that has none, its only state machine.
        stack: the name of the CloudFormation stack. Default: any.

    Raises:
        PipelineNotFoundError: there is none, or there are several and none is named.
    """
    pipelines = find_pipelines(session, stack=stack)
    try:
        pipeline = choose_pipeline(pipelines, name, stack=stack)
    except PipelineNotFoundError:
        if stack is None or (name is None and pipelines):
            raise
        return state_machine_of_stack(session, stack, name)
    described = session.client("stepfunctions").describe_state_machine(stateMachineArn=pipeline.state_machine_arn)
    return described["name"], described["definition"]


def state_machine_of_stack(session: Session, stack_name: str, name: str | None = None) -> tuple[str, str]:
    """Return the name and the definition of a state machine of a stack.

    Args:
        session: a boto3 session.
        stack_name: the name of the CloudFormation stack.
        name: how the state machine's logical id begins, as that of a pipeline's does with the pipeline's id. Default:
            the only state machine of the stack.

    Raises:
        PipelineNotFoundError: the stack does not exist, has no state machine, or has several and none is named.
    """
    arns = resources_of(session, stack_name, "AWS::StepFunctions::StateMachine")
    chosen = choose(list(arns), name, f"the stack {stack_name!r}")
    described = session.client("stepfunctions").describe_state_machine(stateMachineArn=arns[chosen])
    return described["name"], described["definition"]


def choose(logical_ids: list[str], name: str | None, where: str) -> str:
    """Return the state machine that a user means.

    Args:
        logical_ids: those that there are.
        name: how the logical id of the wanted one begins; None for the only one.
        where: where they are, for the message of an error.

    Raises:
        PipelineNotFoundError: there is none, or several and none of them is named.
    """
    if not logical_ids:
        raise PipelineNotFoundError(f"{where} has no state machine")
    found = [one for one in logical_ids if name is None or one.startswith(name)]
    if name in found:
        return name
    if len(found) != 1:
        problem = "several state machines" if name is None else f"{len(found) or 'no'} state machines {name!r}"
        raise PipelineNotFoundError(
            f"{where} has {problem}; name one of these, or its beginning, with --pipeline: "
            f"{', '.join(sorted(logical_ids))}"
        )
    return found[0]
