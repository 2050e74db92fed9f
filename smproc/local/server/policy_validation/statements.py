"""A statement of a policy: its elements, and what they must not have together.

See: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

from smproc.local.server.policy_validation.actions import action_findings, has_wildcard, matches
from smproc.local.server.policy_validation.conditions import condition_findings
from smproc.local.server.policy_validation.documents import Node
from smproc.local.server.policy_validation.findings import Finding
from smproc.local.server.policy_validation.principals import principal_findings
from smproc.local.server.policy_validation.resources import resource_findings

Kind = Literal["identity", "resource", "trust"]

_PAIRS: Final = (("Action", "NotAction"), ("Principal", "NotPrincipal"), ("Resource", "NotResource"))
_ELEMENTS: Final = frozenset({"sid", "effect", "condition", *(name.lower() for pair in _PAIRS for name in pair)})
_ROLE_PASSING: Final = "iam:PassRole"
_PASSED_TO: Final = "iam:passedtoservice"
_EVERY_ROLE: Final = re.compile(r"\*|arn:[^:]*:iam::[^:]*:(role/?)?\*")


def statement_findings(statement: Node, kind: Kind) -> Iterator[Finding]:
    """Yield what is wrong with a statement.

    Args:
        statement: the statement.
        kind: what the policy is for.
    """
    if not isinstance(statement.value, dict):
        yield Finding("DATA_TYPE_MISMATCH", statement, ("Object",))
        return
    for name, node in statement.value.items():
        if name.lower() not in _ELEMENTS:
            yield Finding("INVALID_POLICY_ELEMENT", node, (name,))
    for first, second in _PAIRS:
        if statement.member(first) and (other := statement.member(second)):
            yield Finding("UNSUPPORTED_ELEMENT_COMBINATION", other, (first, second))
    yield from _effect_findings(statement)
    yield from _sid_findings(statement, kind)
    yield from _principal_findings(statement, kind)
    if actions := _either(statement, "Action"):
        yield from action_findings(actions)
    else:
        yield Finding("MISSING_ACTION", statement)
    yield from _resource_findings(statement, kind)
    if condition := statement.member("Condition"):
        yield from condition_findings(condition)
    if kind == "identity":
        yield from _pass_role_findings(statement)


def _either(statement: Node, name: str) -> Node | None:
    return statement.member(name) or statement.member(f"Not{name}")


def _is_allowed(statement: Node) -> bool:
    effect = statement.member("Effect")
    return effect is not None and effect.value == "Allow"


def _effect_findings(statement: Node) -> Iterator[Finding]:
    effect = statement.member("Effect")
    if effect is None:
        yield Finding("MISSING_EFFECT", statement)
    elif not isinstance(effect.value, str):
        yield Finding("DATA_TYPE_MISMATCH", effect, ("String",))
    elif effect.value not in ("Allow", "Deny"):
        yield Finding("INVALID_EFFECT", effect, (effect.value,))


def _sid_findings(statement: Node, kind: Kind) -> Iterator[Finding]:
    sid = statement.member("Sid")
    if sid is None:
        return
    if not isinstance(sid.value, str):
        yield Finding("DATA_TYPE_MISMATCH", sid, ("String",))
    elif not sid.value:
        yield Finding("EMPTY_SID_VALUE", sid)
    elif kind == "identity" and not re.fullmatch(r"[A-Za-z0-9]+", sid.value):
        yield Finding("UNSUPPORTED_SID", sid)


def _principal_findings(statement: Node, kind: Kind) -> Iterator[Finding]:
    principal, excluded = statement.member("Principal"), statement.member("NotPrincipal")
    found = principal or excluded
    if kind == "identity":
        if found:
            yield Finding("UNSUPPORTED_PRINCIPAL", found, ("IDENTITY_POLICY",))
        return
    if found is None:
        yield Finding("MISSING_PRINCIPAL", statement)
        return
    if excluded and kind == "trust":
        yield Finding("ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL", excluded)
    elif excluded and _is_allowed(statement):
        yield Finding("ALLOW_WITH_NOT_PRINCIPAL", excluded)
    yield from principal_findings(found, is_trust=kind == "trust")


def _resource_findings(statement: Node, kind: Kind) -> Iterator[Finding]:
    resources = _either(statement, "Resource")
    if kind == "trust":
        if resources:
            yield Finding("ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE", resources)
    elif resources:
        yield from resource_findings(resources)
    elif kind == "identity":
        # Some policies of resources, such as those of repositories, are for their resource alone.
        yield Finding("MISSING_RESOURCE", statement)


def _pass_role_findings(statement: Node) -> Iterator[Finding]:
    """Yield whether all roles may be passed, to whichever service."""
    if not _is_allowed(statement) or _names_service(statement):
        return
    resources, all_but = statement.member("Resource"), statement.member("NotResource")
    if all_but is None and not _has_every_role(resources):
        return
    if actions := statement.member("Action"):
        for node, text in actions.texts():
            if matches(text, _ROLE_PASSING):
                star = "STAR_IN_ACTION_AND_" if has_wildcard(text) else "STAR_IN_" if all_but is None else ""
                yield Finding(f"PASS_ROLE_WITH_{star}{'NOT_' if all_but else ''}RESOURCE", node)
                return
    elif (excluded := statement.member("NotAction")) and not any(
        matches(text, _ROLE_PASSING) for _, text in excluded.texts()
    ):
        code = "NOT_ACTION_AND_NOT_RESOURCE" if all_but else "STAR_IN_RESOURCE_AND_NOT_ACTION"
        yield Finding(f"PASS_ROLE_WITH_{code}", excluded)


def _has_every_role(resources: Node | None) -> bool:
    return resources is not None and any(_EVERY_ROLE.fullmatch(text) for _, text in resources.texts())


def _names_service(statement: Node) -> bool:
    condition = statement.member("Condition")
    operators = condition.value.values() if condition and isinstance(condition.value, dict) else ()
    return any(isinstance(keys.value, dict) and keys.member(_PASSED_TO) for keys in operators)
