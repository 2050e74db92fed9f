"""Grants where a policy is not this app's to change: what it lacks is told at synth, statement by statement.

aws-cdk takes statements for such policies and drops them without a word. Every grant of this library comes by here.
"""

from __future__ import annotations

import json
from weakref import WeakKeyDictionary

import jsii
from aws_cdk import Annotations, Stack
from aws_cdk import aws_iam as iam
from constructs import IConstruct, IValidation

from cdk_sagemaker_processing._internal.template_text import one_line, to_template_text

_ID = "cdk-sagemaker-processing:foreign-policy"


@jsii.implements(IValidation)
class UnmanagedPolicy:
    """A policy that is not of this app, and the statements that it has to have.

    They are told in one annotation when the app is synthesized, after all grants.

    Args:
        scope: what the annotation is on.
        policy: whose policy it is.
        until: what makes the statements needless; empty when nothing does, and then the annotation is a warning.
    """

    def __init__(self, scope: IConstruct, policy: str, until: str = "") -> None:
        self._scope = scope
        self._policy = policy
        self._until = until
        self._statements: list[iam.PolicyStatement] = []

    @classmethod
    def of(cls, scope: IConstruct, policy: str, *, until: str = "") -> UnmanagedPolicy:
        """The one of a construct, made on first use."""
        known = _KNOWN.setdefault(scope.node.root, {})
        name = (scope.node.path, policy)
        if name not in known:
            known[name] = cls(scope, policy, until)
            scope.node.add_validation(known[name])
        if not until:
            known[name]._until = ""  # noqa: SLF001 - its own
        return known[name]

    def needs(self, statement: iam.PolicyStatement) -> None:
        """Have a statement told."""
        self._statements.append(statement)

    def validate(self) -> list[str]:
        """Called by aws-cdk when the app is synthesized."""
        if not self._statements:
            return []
        stack = Stack.of(self._scope)
        document = stack.resolve(iam.PolicyDocument(statements=self._statements, minimize=True))
        statements = json.dumps(to_template_text(document["Statement"]), indent=2)
        told = f"this app cannot change {one_line(stack.resolve(self._policy))}; add to it"
        annotations = Annotations.of(self._scope)
        if self._until:
            annotations.add_info_v2(_ID, f"{told}, unless {self._until}:\n{statements}")
        else:
            annotations.add_warning_v2(_ID, f"{told}:\n{statements}")
        return []


_KNOWN: WeakKeyDictionary[IConstruct, dict[tuple[str, str], UnmanagedPolicy]] = WeakKeyDictionary()
