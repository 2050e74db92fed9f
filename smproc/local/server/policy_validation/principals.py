"""The principals of a statement.

See: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from smproc.local.server.policy_validation.actions import has_wildcard
from smproc.local.server.policy_validation.documents import Node
from smproc.local.server.policy_validation.findings import Finding

_KEYS: Final = ("AWS", "CanonicalUser", "Federated", "Service")


def principal_findings(principal: Node, *, is_trust: bool) -> Iterator[Finding]:
    """Yield what is wrong with the principals of a statement.

    Args:
        principal: the element.
        is_trust: whether the policy is a role's trust policy.
    """
    if principal.value == "*":
        if is_trust:
            yield Finding("ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL", principal)
    elif principal.value == []:
        yield Finding("EMPTY_ARRAY_PRINCIPAL", principal)
    elif not isinstance(principal.value, dict):
        yield Finding("INVALID_PRINCIPAL_FORMAT", principal)
    elif not principal.value:
        yield Finding("EMPTY_OBJECT_PRINCIPAL", principal)
    else:
        for key, values in principal.value.items():
            yield from _value_findings(key, values)


def _value_findings(key: str, values: Node) -> Iterator[Finding]:
    if key not in _KEYS:
        yield Finding("INVALID_PRINCIPAL_KEY", values, (key,))
        return
    if values.value == []:
        yield Finding("EMPTY_ARRAY_PRINCIPAL", values)
    for node in values.items:
        if not isinstance(node.value, str):
            yield Finding("DATA_TYPE_MISMATCH", node, ("String",))
        elif has_wildcard(node.value) and not (key == "AWS" and node.value == "*"):
            yield Finding("UNSUPPORTED_WILDCARD_IN_PRINCIPAL", node, (key,))
        elif key == "Service" and "." not in node.value:
            yield Finding("INVALID_SERVICE_PRINCIPAL_FORMAT", node, ("service.amazonaws.com",))
