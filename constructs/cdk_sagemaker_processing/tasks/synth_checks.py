"""The checks at synth that state machines can run the tasks of this library."""

from __future__ import annotations

import functools
from typing import Any
from weakref import WeakKeyDictionary

from aws_cdk import Stack
from aws_cdk import aws_stepfunctions as sfn
from constructs import IConstruct

from cdk_sagemaker_processing._internal.app_checks import register_app_check
from cdk_sagemaker_processing._internal.construct_tree import path_of, resources_in, root_of, scope_of
from cdk_sagemaker_processing._internal.consuming_stacks import move_machine_statements
from cdk_sagemaker_processing._internal.grants import drops_statements
from cdk_sagemaker_processing._internal.resource_facts import role_of
from cdk_sagemaker_processing._internal.template_text import one_line
from cdk_sagemaker_processing._internal.unmanaged_policies import UnmanagedPolicy
from cdk_sagemaker_processing.model.service_limits import maximum
from cdk_sagemaker_processing.tasks.execution_input import is_triggered
from cdk_sagemaker_processing.tasks.integration import ACTION
from cdk_sagemaker_processing.tasks.state_location import search_locations
from cdk_sagemaker_processing.tasks.ungranted_access import warn_of_ungranted_access


def register_state_machine_check(task: IConstruct) -> None:
    """Register the check that the state machine of a task can wait for jobs and has the permissions to run them.

    A task does not know its state machine, so one check searches the whole app when it is synthesized.
    """
    root = root_of(task)
    register_app_check(root, _errors)
    move_machine_statements(task)
    _TASKS.setdefault(root, []).append(task)


_TASKS: WeakKeyDictionary[IConstruct, list[Any]] = WeakKeyDictionary()


def _errors(root: IConstruct) -> list[str]:
    """Return the errors of all state machines in an app."""
    resources = resources_in(root, "AWS::StepFunctions::StateMachine")
    policies = functools.cache(lambda: resources_in(root, "AWS::IAM::Policy"))
    locations = search_locations(root, resources)
    for resource in resources:
        machine = scope_of(resource) if isinstance(resource, sfn.CfnStateMachine) else None
        if isinstance(machine, sfn.StateMachine) and drops_statements(role_of(machine)):
            _report_dropped_statements(root, machine)
    tasks = [(task, locations.get(path_of(task))) for task in _TASKS[root]]
    for task, location in tasks:
        if location is not None:
            triggered = is_triggered(location.machine)
            warn_of_ungranted_access(task, task.role, task.request, location, triggered=triggered, policies=policies)
    problems = [
        f"{task.node.path}: {problem}"
        for task, location in tasks
        if location is not None
        for problem in task.problems(location)
    ]
    machines = {path_of(location.machine): location.machine for _, location in tasks if location is not None}
    for path, machine in machines.items():
        # Almost all definitions are far from the limit, and to resolve one takes time.
        within = [(task, location) for task, location in tasks if location is not None and location.machine is machine]
        bytes_at_most = within[0][1].definition_bytes + sum(task.request_bytes_at_most for task, _ in within)
        if 2 * bytes_at_most < (limit := maximum("DefinitionBytes")):
            continue
        if (size := len(_definition(machine).encode())) > limit:
            problems.append(
                f"{path}: the definition of a state machine must have at most {limit} bytes, got {size}; put long "
                "arguments and environments into files, or start a second state machine"
            )
    return problems + [
        f"{machine.node.path} is an Express state machine, which cannot wait for a processing job (RUN_JOB); make "
        "it a Standard one, or give its tasks integration_pattern=sfn.IntegrationPattern.REQUEST_RESPONSE"
        for machine in resources
        if isinstance(machine, sfn.CfnStateMachine)
        and machine.state_machine_type == "EXPRESS"
        and f"{ACTION}.sync" in _definition(machine)
    ]


def _report_dropped_statements(root: IConstruct, machine: sfn.StateMachine) -> None:
    resource = machine.node.default_child
    text = _definition(resource) if isinstance(resource, sfn.CfnStateMachine) else ""
    policies = UnmanagedPolicy(machine, f"the policies of the role {machine.role.role_arn}")
    for task in _TASKS[root]:
        if f'"{task.state_id}":{{' in text:
            for statement in task.statements():
                policies.require(statement)
    policies.validate()


def _definition(machine: sfn.CfnStateMachine) -> str:
    return one_line(Stack.of(machine).resolve(machine.definition_string))
