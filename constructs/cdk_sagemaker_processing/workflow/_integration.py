"""The integration of the task state: its ARN, and which patterns and state machines it goes with."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import jsii
from aws_cdk import Aws, Stack
from aws_cdk import aws_stepfunctions as sfn
from constructs import IConstruct, IValidation

from cdk_sagemaker_processing._internal.foreign import ForeignPolicy, drops_statements
from cdk_sagemaker_processing._internal.readable import one_line
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


def look_at_machines(task: IConstruct) -> None:
    """See that the state machines of a task of ours can run it: they wait, and their roles may do it.

    A task does not know its state machine, so the app is looked through once when it is synthesized.
    """
    root = task.node.root
    if root not in _TASKS:
        _TASKS[root] = []
        root.node.add_validation(_Machines(root))
    _TASKS[root].append(task)


_TASKS: WeakKeyDictionary[IConstruct, list[Any]] = WeakKeyDictionary()


@jsii.implements(IValidation)
class _Machines:
    def __init__(self, root: IConstruct) -> None:
        self._root = root

    def validate(self) -> list[str]:
        """Called by aws-cdk when the app is synthesized."""
        found = self._root.node.find_all()
        for machine in found:
            if isinstance(machine, sfn.StateMachine) and drops_statements(machine.role):
                self._tell_what_drops(machine)
        return [
            f"{machine.node.path} is an Express state machine, which cannot wait for a processing job (RUN_JOB); make "
            "it a Standard one, or give its tasks integration_pattern=sfn.IntegrationPattern.REQUEST_RESPONSE"
            for machine in found
            if isinstance(machine, sfn.CfnStateMachine)
            and machine.state_machine_type == "EXPRESS"
            and f"{_ACTION}.sync" in _definition(machine)
        ]

    def _tell_what_drops(self, machine: sfn.StateMachine) -> None:
        resource = machine.node.default_child
        text = _definition(resource) if isinstance(resource, sfn.CfnStateMachine) else ""
        policies = ForeignPolicy(machine, f"the policies of the role {machine.role.role_arn}")
        for task in _TASKS[self._root]:
            if f'"{task.state_id}":{{' in text:
                for statement in task.statements():
                    policies.needs(statement)
        policies.validate()


def _definition(machine: sfn.CfnStateMachine) -> str:
    return one_line(Stack.of(machine).resolve(machine.definition_string))
