"""The trigger that publishes the failures of executions that no trigger started."""

from __future__ import annotations

import json
from typing import cast
from weakref import WeakKeyDictionary

from aws_cdk import Reference, Stack, Tokenization
from aws_cdk import aws_stepfunctions as sfn
from constructs import IConstruct

from cdk_sagemaker_processing._internal.construct_tree import default_child_of, path_of, root_of
from cdk_sagemaker_processing._internal.resource_facts import text_of
from cdk_sagemaker_processing.model import is_unresolved

_CLAIMED: WeakKeyDictionary[IConstruct, set[str]] = WeakKeyDictionary()


def claims_other_executions(state_machine: sfn.IStateMachine) -> bool:
    """Claim the executions of a state machine that no trigger started; return False if another trigger has them.

    Several triggers may start one state machine, and all receive the ends of its executions. The input of an execution
    names the trigger that started it; the first trigger of the app publishes the failures of all others, for example of
    executions that somebody started in the console.
    """
    claimed = _CLAIMED.setdefault(root_of(state_machine), set())
    identity = _identity(state_machine)
    is_first = identity not in claimed
    claimed.add(identity)
    return is_first


def _identity(state_machine: sfn.IStateMachine) -> str:
    """Return a text that all constructs of a state machine share, as far as they can be known to be the same one."""
    resource = default_child_of(state_machine)
    if resource is not None:
        return path_of(resource)
    arn = text_of(state_machine, "state_machine_arn")
    if not is_unresolved(arn):
        return arn
    tokens = Tokenization.reverse_string(arn).tokens
    if len(tokens) == 1 and Reference.is_reference(tokens[0]):
        return cast("Reference", tokens[0]).target.node.path
    stack = Stack.of(state_machine)
    return f"{stack.node.path}: {json.dumps(stack.resolve(arn), sort_keys=True)}"
