"""Statements for a role of another stack, which belong to a policy of the stack that uses the role.

aws-cdk adds every statement to a policy in the role's own stack. That stack then depends on the resources that the
statement names, and their stack depends on the role: a circular dependency.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary, WeakSet

import jsii
from aws_cdk import Aspects, CfnElement, IAspect, Stack, Stage
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import IConstruct

from cdk_sagemaker_processing._internal.construct_tree import (
    node_of,
    path_of,
    resources_in,
    root_of,
    scope_of,
    stack_of,
)
from cdk_sagemaker_processing._internal.digests import short_digest
from cdk_sagemaker_processing._internal.nag import INLINE_POLICY, suppress, suppress_wildcards_by_resource
from cdk_sagemaker_processing._internal.policy_sizes import note_statement
from cdk_sagemaker_processing._internal.resource_facts import role_of, stacks_named
from cdk_sagemaker_processing._internal.statements import Statement

_LogicalIds = Callable[[Stack], set[str]]


class _Deferred(NamedTuple):
    """A statement about a stack of which it is not known yet whether it uses the role."""

    scope: IConstruct
    statement: iam.PolicyStatement | Statement
    reasons: Mapping[str, str]
    stacks: frozenset[str]


@dataclass(slots=True, kw_only=True)
class _RoleUse:
    """The stacks that use a role, their policies for it, and the statements that wait for a stack."""

    role: iam.IRole
    stack: Stack
    consumers: dict[str, Stack] = field(default_factory=dict)
    policies: dict[str, iam.Policy | None] = field(default_factory=dict)
    deferred: list[_Deferred] = field(default_factory=list)
    placed: dict[tuple[str, str], iam.AddToPrincipalPolicyResult] = field(default_factory=dict)

    @classmethod
    def of(cls, role: iam.IRole) -> _RoleUse:
        uses = _USES.setdefault(root_of(role), {})
        path = path_of(role)
        if path not in uses:
            uses[path] = cls(role=role, stack=stack_of(role))
        return uses[path]

    def place(
        self, statement: iam.PolicyStatement | Statement, reasons: Mapping[str, str], stack: Stack
    ) -> iam.AddToPrincipalPolicyResult:
        """Add a statement to the role's policy in a stack, unless the policy has it."""
        if not isinstance(statement, Statement):
            return self._place(statement, reasons, stack)
        key = (path_of(stack), statement.key)
        if key not in self.placed:
            self.placed[key] = self._place(statement, reasons, stack)
            if isinstance(self.role, iam.Role):
                note_statement(self.role, statement)
        return self.placed[key]

    def _place(
        self, statement: iam.PolicyStatement | Statement, reasons: Mapping[str, str], stack: Stack
    ) -> iam.AddToPrincipalPolicyResult:
        policy = self._policy(stack)
        where: IConstruct = self.role if policy is None else policy
        if reasons:
            suppress_wildcards_by_resource(where, reasons)
        if policy is None and isinstance(self.role, iam.Role):
            # Without the result of add_to_principal_policy, which jsii reads property by property.
            if isinstance(statement, Statement):
                statement.add_to(self.role)
            else:
                self.role.add_to_policy(statement)
            return iam.AddToPrincipalPolicyResult(statement_added=True, policy_dependable=self.role)
        made = statement.made if isinstance(statement, Statement) else statement
        if policy is None:
            return self.role.add_to_principal_policy(made)
        policy.add_statements(made)
        return iam.AddToPrincipalPolicyResult(statement_added=True, policy_dependable=policy)

    def _policy(self, stack: Stack) -> iam.Policy | None:
        """Return the policy of another stack; None for the role's own stack, and for a role that takes no policy."""
        path = path_of(stack)
        if path == path_of(self.stack):
            return None
        if path not in self.policies:
            # IAM knows a role's inline policies by their names, and aws-cdk derives a name from the construct's path in
            # its stack. So the id differs between the stacks that use the role.
            digest = short_digest(f"{path_of(self.role)}\n{path}")
            policy = iam.Policy(stack, f"ProcessingRolePolicy{digest}")
            self.role.attach_inline_policy(policy)
            suppress(policy, INLINE_POLICY)
            resource: Any = policy.node.default_child
            self.policies[path] = policy if stack.resolve(resource.roles) else None
        return self.policies[path]


_USES: WeakKeyDictionary[IConstruct, dict[str, _RoleUse]] = WeakKeyDictionary()


def add_statement(
    role: iam.IRole,
    statement: iam.PolicyStatement | Statement,
    scope: IConstruct,
    reasons: Mapping[str, str] | None = None,
) -> iam.AddToPrincipalPolicyResult:
    """Add a statement to a role's policy, in the stack that uses the role.

    A statement that names resources of a third stack waits until the scope's state machine is known, or until the app
    is synthesized.

    Args:
        role: the role.
        statement: the statement.
        scope: the construct that uses the role.
        reasons: the reason by resource for wildcards in the statement. Default: none.
    """
    use = _RoleUse.of(role)
    home = stack_of(scope)
    reasons = reasons or {}
    known = _MACHINE_STACKS.get(scope)
    named = stacks_named(statement.text if isinstance(statement, Statement) else str(statement.to_json()))
    if known is None and named - {path_of(home), path_of(use.stack)}:
        if not use.deferred:
            Aspects.of(scope).add(_PlaceDeferred(use))
        use.deferred.append(_Deferred(scope=scope, statement=statement, reasons=reasons, stacks=named))
        return iam.AddToPrincipalPolicyResult(statement_added=True, policy_dependable=role)
    return use.place(statement, reasons, home if known is None else known)


def used_in(scope: IConstruct, role: iam.IRole, stack: Stack) -> None:
    """Place the statements of a construct that waited for the stack that uses them.

    Args:
        scope: the construct.
        role: its role.
        stack: the stack of its state machine.
    """
    _MACHINE_STACKS[scope] = stack
    use = _RoleUse.of(role)
    use.consumers[path_of(stack)] = stack
    waiting, use.deferred = use.deferred, [each for each in use.deferred if each.scope is not scope]
    for each in waiting:
        if each.scope is scope:
            use.place(each.statement, each.reasons, stack)


def move_machine_statements(scope: IConstruct) -> None:
    """Move what aws-cdk itself adds to the role of a state machine to the state machine's stack, if that is another.

    aws-cdk adds the statements of its states, keys and roles to a policy in the role's stack. Those that name resources
    of the state machine's stack move there when the app is synthesized, before aws-cdk resolves references, which
    would end in a circular dependency.

    Args:
        scope: a construct of the app, which is visited when the app is synthesized.
    """
    root = root_of(scope)
    if root not in _MOVED:
        _MOVED.add(root)
        Aspects.of(scope).add(_MoveStatements(root))


_MOVED: WeakSet[IConstruct] = WeakSet()


def has_policy_of_other_stack(role: iam.IRole) -> bool:
    """Return whether another stack has a policy for a role."""
    return any(_RoleUse.of(role).policies.values())


_MACHINE_STACKS: WeakKeyDictionary[IConstruct, Stack] = WeakKeyDictionary()


@jsii.implements(IAspect)
class _PlaceDeferred:
    """The placement of statements that wait until the app is synthesized, when all stacks that use a role are known."""

    def __init__(self, use: _RoleUse) -> None:
        self._use = use

    def visit(self, node: IConstruct) -> None:  # noqa: ARG002 - jsii's
        """Place all statements on the first visit."""
        use = self._use
        waiting, use.deferred = use.deferred, []
        for each in waiting:
            named = each.stacks & use.consumers.keys()
            use.place(each.statement, each.reasons, use.consumers[min(named)] if named else use.stack)


@jsii.implements(IAspect)
class _MoveStatements:
    """The move of statements of the roles of all state machines of an app."""

    def __init__(self, root: IConstruct) -> None:
        self._root = root

    def visit(self, node: IConstruct) -> None:  # noqa: ARG002 - jsii's
        """Move the statements; on further visits none is left."""
        logical_ids = functools.cache(_logical_ids)
        for resource in resources_in(self._root, "AWS::StepFunctions::StateMachine"):
            machine = scope_of(resource)
            if isinstance(machine, sfn.StateMachine):
                role, stack = role_of(machine), stack_of(machine)
                if path_of(stack_of(role)) != path_of(stack) and Stage.of(role) == Stage.of(machine):
                    use = _RoleUse.of(role)
                    use.consumers[path_of(stack)] = stack
                    for policy in role.node.children:
                        if isinstance(policy, iam.Policy):
                            self._move(use, policy, logical_ids)

    def _move(self, use: _RoleUse, policy: iam.Policy, logical_ids: _LogicalIds) -> None:
        statements = policy.document.to_json().get("Statement", ())
        staying: list[Any] = []
        for statement in statements:
            if others := _named_consumers(use, statement, logical_ids):
                use.place(iam.PolicyStatement.from_json(statement), {}, use.consumers[min(others)])
            else:
                staying.append(statement)
        if len(staying) == len(statements):
            return
        if staying:
            resource: Any = policy.node.default_child
            resource.policy_document = iam.PolicyDocument.from_json({"Version": "2012-10-17", "Statement": staying})
        else:
            use.role.node.try_remove_child(policy.node.id)


def _named_consumers(use: _RoleUse, statement: Mapping[str, Any], logical_ids: _LogicalIds) -> frozenset[str]:
    """Return the paths of the stacks that use the role and whose resources a statement refers to."""
    others = {path: stack for path, stack in use.consumers.items() if path != use.stack.node.path}
    if named := stacks_named(str(statement)) & others.keys():
        return named
    # A reference in a joined text is visible only when it is resolved, and then without its stack.
    ids = set(re.findall(_REFERENCE, str(use.stack.resolve(statement)))) - logical_ids(use.stack)
    return frozenset(path for path, stack in others.items() if ids & logical_ids(stack))


_REFERENCE: Final = r"(?:'Ref': |'Fn::GetAtt': \[)'([A-Za-z0-9]+)'"


def _logical_ids(stack: Stack) -> set[str]:
    """Return the logical ids of a stack's own elements, without those of its nested stacks."""
    elements = [each for each in node_of(stack).find_all() if isinstance(each, CfnElement)]
    own = [each.logical_id for each in elements if path_of(stack_of(each)) == path_of(stack)]
    return set(stack.resolve(own))
