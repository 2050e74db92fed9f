"""The check that the policies of the roles of this library fit into what IAM stores."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from aws_cdk import CfnResource, NestedStack, Stack
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from cdk_sagemaker_processing._internal.app_checks import register_app_check
from cdk_sagemaker_processing._internal.construct_tree import path_of, resources_in, root_of, stack_of
from cdk_sagemaker_processing._internal.resource_facts import role_name_of
from cdk_sagemaker_processing._internal.statements import Statement
from cdk_sagemaker_processing._internal.template_text import to_template_text
from cdk_sagemaker_processing.model.service_limits import maximum


def check_policy_sizes(role: iam.IRole) -> None:
    """Register the check of a role's policies, in the role's own stack and in others, when the app is synthesized."""
    root = root_of(role)
    register_app_check(root, _errors)
    _ROLES.setdefault(root, {})[path_of(role)] = role


def note_statement(role: iam.Role, statement: Statement) -> None:
    """Note a statement of a role of this library, and register the check of the role once they may be too long.

    What this library allows a function or a job is known, and mostly far below the limit; aws-cdk takes long to write
    it for a check. Where users add statements to such a role, aws-cdk splits its policy.

    Args:
        role: the role.
        statement: the statement.
    """
    characters = _CHARACTERS[role] = _CHARACTERS.get(role, 0) + statement.characters_at_most
    if characters > maximum("InlinePolicyCharacters") - _OF_OTHERS:
        check_policy_sizes(role)


# The statements of logs, metrics, tracing, network interfaces, keys and topics, which are added otherwise.
_OF_OTHERS: Final = 2_560
_CHARACTERS: WeakKeyDictionary[iam.Role, int] = WeakKeyDictionary()
_ROLES: WeakKeyDictionary[IConstruct, dict[str, iam.IRole]] = WeakKeyDictionary()


def _errors(root: IConstruct) -> list[str]:
    """Return the errors; this is called when aws-cdk has split large policies."""
    resources = resources_in(root, "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
    problems = []
    inline: dict[str, int] = {}
    managed: dict[str, int] = {}
    for policy in _policies(root, resources):
        if isinstance(policy.resource, iam.CfnPolicy):
            for role in policy.roles:
                inline[role] = inline.get(role, 0) + policy.size
            continue
        for role in policy.roles:
            managed[role] = managed.get(role, 0) + 1
            if policy.size > (limit := maximum("ManagedPolicyCharacters")):
                problems.append(
                    f"{policy.resource.node.path}: a managed policy must have at most {limit} characters, got "
                    f"{policy.size}; grant access to fewer or shorter prefixes"
                )
    for role, size in inline.items():
        if size > (limit := maximum("InlinePolicyCharacters")):
            problems.append(
                f"{role}: the inline policies of a role must have at most {limit} characters in all, got {size}; "
                "create a role in each stack, or grant access to fewer or shorter prefixes"
            )
    return problems + [
        f"{role}: a role must have at most {limit} managed policies, got {count}, which its permissions need; use "
        "several roles, or grant access to fewer or shorter prefixes"
        for role, count in managed.items()
        if count > (limit := maximum("ManagedPoliciesOfRole"))
    ]


class _Policy(NamedTuple):
    """A policy that is attached to registered roles.

    Attributes:
        resource: the policy.
        roles: the paths of the roles.
        size: the characters without white space; a reference counts about as its value will.
    """

    resource: iam.CfnPolicy | iam.CfnManagedPolicy
    roles: list[str]
    size: int


def _policies(root: IConstruct, resources: Sequence[CfnResource]) -> Iterator[_Policy]:
    """Yield the policies that are attached to registered roles; each stack resolves those in it at once."""
    stacks: dict[str, tuple[Stack, list[iam.CfnPolicy | iam.CfnManagedPolicy]]] = {}
    for resource in resources:
        if isinstance(resource, iam.CfnPolicy | iam.CfnManagedPolicy):
            stack = stack_of(resource)
            stacks.setdefault(path_of(stack), (stack, []))[1].append(resource)
    for stack, policies in stacks.values():
        own = {path: role for path, role in _ROLES[root].items() if path_of(stack_of(role)) == path_of(stack)}
        written = _resolved(stack, [*map(role_name_of, own.values()), *(policy.roles for policy in policies)])
        own_names, attached = written[: len(own)], written[len(own) :]
        names = {path: json.dumps(name) for path, name in zip(own, own_names, strict=True)}
        names |= _names_of_other_stacks(stack, _ROLES[root], names, [name for each in attached for name in each or ()])
        roles = [[path for path, name in names.items() if name in json.dumps(each)] for each in attached]
        ours = [(policy, paths) for policy, paths in zip(policies, roles, strict=True) if paths]
        documents = _resolved(stack, [policy.policy_document for policy, _ in ours])
        for (policy, paths), document in zip(ours, documents, strict=True):
            text = json.dumps(to_template_text(document), ensure_ascii=False, separators=(",", ":"))
            yield _Policy(policy, paths, len("".join(text.split())))


def _resolved(stack: Stack, values: Sequence[Any]) -> list[Any]:
    """Return values as a stack writes them, None for those that it leaves out."""
    resolved = stack.resolve({str(number): value for number, value in enumerate(values)}) if values else {}
    return [resolved.get(str(number)) for number in range(len(values))]


def _names_of_other_stacks(
    stack: Stack, roles: Mapping[str, iam.IRole], own: Mapping[str, str], attached: Sequence[object]
) -> dict[str, str]:
    """Return the names of the registered roles of other stacks by their paths, as a stack writes them.

    They are looked at only if policies of this stack are attached to such roles: otherwise each stack would take more
    time with each other stack of the app.
    """
    if all(json.dumps(name) in own.values() or not _may_be_of_another_stack(stack, name) for name in attached):
        return {}
    return {path: name for path, role in roles.items() if path not in own and (name := _name_in(stack, role))}


def _may_be_of_another_stack(stack: Stack, name: object) -> bool:
    """Return whether a role's name as a stack writes it may be that of a role of another stack.

    A plain reference is to a role of the stack itself, but in a nested one it may be to a parameter.
    """
    return isinstance(stack, NestedStack) or not (isinstance(name, dict) and "Ref" in name)


def _name_in(stack: Stack, role: iam.IRole) -> str:
    """Return the name of a role of another stack as a stack writes it; empty if the stack does not refer to it."""
    try:
        name = stack.resolve(role_name_of(role))
    except RuntimeError:
        return ""  # aws-cdk refuses the reference: the stacks are of different accounts or regions
    if isinstance(name, dict) and name == stack_of(role).resolve(role_name_of(role)):
        return ""  # without a reference aws-cdk writes the logical id, which another resource may have in this stack
    return json.dumps(name)
