"""The integration of the task state: its ARN, and which patterns and state machines it goes with."""

from __future__ import annotations

from weakref import WeakSet

import jsii
from aws_cdk import Aws, Stack
from aws_cdk import aws_stepfunctions as sfn
from constructs import IConstruct, IValidation

from smproc.job import InvalidValue

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


def refuse_express_machines(scope: IConstruct) -> None:
    """See that no Express state machine of the app has a run-job task of ours in it.

    A task does not know its state machine, so the app is looked through once when it is synthesized.
    """
    root = scope.node.root
    if root not in _LOOKED_THROUGH:
        _LOOKED_THROUGH.add(root)
        root.node.add_validation(_NoExpressMachineWaits(root))


_LOOKED_THROUGH: WeakSet[IConstruct] = WeakSet()


@jsii.implements(IValidation)
class _NoExpressMachineWaits:
    def __init__(self, root: IConstruct) -> None:
        self._root = root

    def validate(self) -> list[str]:
        """Called by aws-cdk when the app is synthesized."""
        return [
            f"{machine.node.path} is an Express state machine, which cannot wait for a processing job (RUN_JOB); make "
            "it a Standard one, or give its tasks integration_pattern=sfn.IntegrationPattern.REQUEST_RESPONSE"
            for machine in self._root.node.find_all()
            if isinstance(machine, sfn.CfnStateMachine)
            and machine.state_machine_type == "EXPRESS"
            and f"{_ACTION}.sync" in str(Stack.of(machine).resolve(machine.definition_string))
        ]
