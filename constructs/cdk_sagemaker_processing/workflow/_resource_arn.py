"""The Resource of the task state, which also says which state machines and patterns it goes with."""

from __future__ import annotations

import jsii
from aws_cdk import Aws, IResolveContext, IStringProducer, Lazy
from aws_cdk import aws_stepfunctions as sfn

from smproc.job import ConflictingValues, InvalidValue

_ACTION = "sagemaker:createProcessingJob"


def check_pattern(pattern: sfn.IntegrationPattern) -> None:
    """Refuse a pattern that Step Functions does not offer for processing jobs.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
    """
    if pattern == sfn.IntegrationPattern.WAIT_FOR_TASK_TOKEN:
        raise InvalidValue(
            "integration_pattern",
            "WAIT_FOR_TASK_TOKEN",
            "be RUN_JOB or REQUEST_RESPONSE",
            "Step Functions offers no task token for CreateProcessingJob; RUN_JOB waits for the job's end",
        )


def integration_arn(pattern: sfn.IntegrationPattern) -> str:
    """The ARN of the integration, as metrics name it."""
    waits = pattern == sfn.IntegrationPattern.RUN_JOB
    return f"arn:{Aws.PARTITION}:states:::{_ACTION}{'.sync' if waits else ''}"


def task_resource(state: str, pattern: sfn.IntegrationPattern) -> str:
    """The task's Resource.

    A task does not know its state machine. Whoever resolves the definition does, so a run-job task asks then.
    """
    if pattern != sfn.IntegrationPattern.RUN_JOB:
        return integration_arn(pattern)
    return Lazy.uncached_string(_InStandardMachineOnly(state))


@jsii.implements(IStringProducer)
class _InStandardMachineOnly:
    """Gives the Resource of a run-job task, unless the definition is an Express state machine's."""

    def __init__(self, state: str) -> None:
        self._state = state

    def produce(self, context: IResolveContext) -> str:
        """Called by aws-cdk, with the resource whose property it resolves."""
        scope = context.scope
        if isinstance(scope, sfn.CfnStateMachine) and scope.state_machine_type == "EXPRESS":
            raise ConflictingValues(
                f"the state {self._state!r} waits for its job (RUN_JOB), which Express state machines cannot, got "
                f"{scope.node.path}; make it a Standard one, or give the state "
                "integration_pattern=sfn.IntegrationPattern.REQUEST_RESPONSE"
            )
        return integration_arn(sfn.IntegrationPattern.RUN_JOB)
