"""The check at synth that SageMaker may assume the roles of jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakSet

import jsii
from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import IValidation

SAGEMAKER = "sagemaker.amazonaws.com"


def register_trust_check(role: iam.IRole) -> None:
    """Register the check that SageMaker may assume a role of the app; an imported role is not known.

    The check runs when the app is synthesized, because a statement may be added to the trust policy until then.

    See: https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
    """
    resource = role.node.default_child
    if isinstance(resource, iam.CfnRole) and role not in _REGISTERED:
        _REGISTERED.add(role)
        resource.node.add_validation(_TrustCheck(resource))


_REGISTERED: WeakSet[iam.IRole] = WeakSet()


@jsii.implements(IValidation)
class _TrustCheck:
    """The check of one role."""

    def __init__(self, resource: iam.CfnRole) -> None:
        self._resource = resource

    def validate(self) -> list[str]:
        """Return the errors; aws-cdk calls this when the app is synthesized."""
        document = Stack.of(self._resource).resolve(self._resource.assume_role_policy_document)
        if any(_may_allow(statement) for statement in _list(document.get("Statement"))):
            return []
        path = self._resource.node.path.removesuffix("/Resource")
        error = (
            f"role must allow SageMaker to assume it, got {path}, whose trust policy does not name {SAGEMAKER}; create "
            f"it with assumed_by=iam.ServicePrincipal({SAGEMAKER!r}), combine principals with iam.CompositePrincipal, "
            "or leave role out"
        )
        return [error]


def _may_allow(statement: Mapping[str, Any]) -> bool:
    """Return whether a statement allows SageMaker to assume the role, as far as it is known at synth."""
    actions, principal = _list(statement.get("Action")), statement.get("Principal")
    if statement.get("Effect") != "Allow" or not any(_matches(action) for action in actions):
        return False
    if not isinstance(principal, Mapping):
        return True
    services = _list(principal.get("Service"))
    return any(service == SAGEMAKER or not isinstance(service, str) for service in services)


def _matches(action: object) -> bool:
    return not isinstance(action, str) or action.lower() in ("sts:assumerole", "sts:assume*", "sts:*", "*")


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - a part of a policy
    return value if isinstance(value, list) else [] if value is None else [value]
