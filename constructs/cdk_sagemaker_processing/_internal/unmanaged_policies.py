"""Policies that this app cannot change, and the statements that they must contain, reported at synth.

aws-cdk accepts statements for such policies and silently drops them.
"""

from __future__ import annotations

import json
from weakref import WeakKeyDictionary

import jsii
from aws_cdk import Annotations, Stack
from aws_cdk import aws_iam as iam
from constructs import IConstruct, IValidation

from cdk_sagemaker_processing._internal.statements import Statement
from cdk_sagemaker_processing._internal.template_text import one_line, to_template_text

_ID = "cdk-sagemaker-processing:foreign-policy"


@jsii.implements(IValidation)
class UnmanagedPolicy:
    """A policy that this app does not manage, and the statements that it must contain.

    They are reported in one annotation when the app is synthesized, after all grants.

    Args:
        scope: the construct to annotate.
        policy: a description of the policy, e.g. ``the policy of the key ...``.
        unless: the condition under which the statements are not needed. Default: empty, there is none, and the
            annotation is a warning.
    """

    def __init__(self, scope: IConstruct, policy: str, unless: str = "") -> None:
        self._scope = scope
        self._policy = policy
        self.unless = unless
        self._statements: list[iam.PolicyStatement] = []

    @classmethod
    def of(cls, scope: IConstruct, policy: str, *, unless: str = "") -> UnmanagedPolicy:
        """Return the policy of a construct, created on first use."""
        policies = _POLICIES.setdefault(scope.node.root, {})
        name = (scope.node.path, policy)
        if name not in policies:
            policies[name] = cls(scope, policy, unless)
            scope.node.add_validation(policies[name])
        if not unless:
            policies[name].unless = ""
        return policies[name]

    def require(self, statement: iam.PolicyStatement | Statement) -> None:
        """Add a statement to the report."""
        self._statements.append(statement.made if isinstance(statement, Statement) else statement)

    @property
    def statements(self) -> tuple[iam.PolicyStatement, ...]:
        """The statements of the report."""
        return tuple(self._statements)

    def validate(self) -> list[str]:
        """Annotate the construct with the statements; aws-cdk calls this when the app is synthesized."""
        if not self._statements:
            return []
        stack = Stack.of(self._scope)
        document = stack.resolve(iam.PolicyDocument(statements=self._statements, minimize=True))
        statements = json.dumps(to_template_text(document["Statement"]), indent=2)
        message = f"this app cannot change {one_line(stack.resolve(self._policy))}; add to it"
        annotations = Annotations.of(self._scope)
        if self.unless:
            annotations.add_info_v2(_ID, f"{message}, unless {self.unless}:\n{statements}")
        else:
            annotations.add_warning_v2(_ID, f"{message}:\n{statements}")
        return []


_POLICIES: WeakKeyDictionary[IConstruct, dict[tuple[str, str], UnmanagedPolicy]] = WeakKeyDictionary()
