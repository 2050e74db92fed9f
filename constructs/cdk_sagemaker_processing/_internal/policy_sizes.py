"""The check that the policies of the roles of this library fit into what IAM stores."""

from __future__ import annotations

import json
from typing import Any
from weakref import WeakKeyDictionary

import jsii
from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import IConstruct, IValidation

from cdk_sagemaker_processing._internal.construct_tree import node_of, path_of, root_of, stack_of
from cdk_sagemaker_processing._internal.template_text import to_template_text
from cdk_sagemaker_processing.model.service_limits import maximum


def check_policy_sizes(role: iam.IRole) -> None:
    """Register the check of a role's policies, in the role's own stack and in others, when the app is synthesized."""
    root = root_of(role)
    if root not in _ROLES:
        _ROLES[root] = {}
        node_of(root).add_validation(_PolicySizes(root))
    _ROLES[root][path_of(role)] = role


_ROLES: WeakKeyDictionary[IConstruct, dict[str, iam.IRole]] = WeakKeyDictionary()


@jsii.implements(IValidation)
class _PolicySizes:
    """The check of all registered roles of an app."""

    def __init__(self, root: IConstruct) -> None:
        self._root = root
        self._names: dict[str, dict[str, str]] = {}

    def validate(self) -> list[str]:
        """Return the errors; aws-cdk calls this when the app is synthesized, after it has split large policies."""
        problems = []
        inline: dict[str, int] = {}
        managed: dict[str, int] = {}
        for construct in node_of(self._root).find_all():
            if isinstance(construct, iam.CfnPolicy):
                for role in self._roles_of(construct):
                    inline[role] = inline.get(role, 0) + _size(construct)
            elif isinstance(construct, iam.CfnManagedPolicy):
                for role in self._roles_of(construct):
                    managed[role] = managed.get(role, 0) + 1
                    if (size := _size(construct)) > (limit := maximum("ManagedPolicyCharacters")):
                        problems.append(
                            f"{construct.node.path}: a managed policy must have at most {limit} characters, got "
                            f"{size}; grant access to fewer or shorter prefixes"
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

    def _roles_of(self, policy: iam.CfnPolicy | iam.CfnManagedPolicy) -> list[str]:
        """Return the paths of the registered roles that a policy is attached to."""
        stack = stack_of(policy)
        if path_of(stack) not in self._names:
            self._names[path_of(stack)] = {
                path: name for path, role in _ROLES[self._root].items() if (name := _name_in(stack, role))
            }
        names = json.dumps(stack.resolve(policy.roles))
        return [path for path, name in self._names[path_of(stack)].items() if name in names]


def _name_in(stack: Stack, role: iam.IRole) -> str:
    """Return a role's name as a stack writes it; empty if the stack does not refer to it."""
    own = stack_of(role)
    try:
        name = stack.resolve(role.role_name)
    except RuntimeError:
        return ""  # aws-cdk refuses the reference: the stacks are of different accounts or regions
    if path_of(own) != path_of(stack) and isinstance(name, dict) and name == own.resolve(role.role_name):
        return ""  # without a reference aws-cdk writes the logical id, which another resource may have in this stack
    return json.dumps(name)


def _size(policy: Any) -> int:  # noqa: ANN401 - a policy of either kind
    """Return the characters of a policy without white space; a reference counts about as its value will."""
    document = to_template_text(stack_of(policy).resolve(policy.policy_document))
    return len("".join(json.dumps(document, ensure_ascii=False, separators=(",", ":")).split()))
