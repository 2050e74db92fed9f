"""A policy as a whole: its syntax, its version, its statements, and the variables in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from smproc.local.server.policy_validation.documents import Node, parse
from smproc.local.server.policy_validation.findings import Finding
from smproc.local.server.policy_validation.statements import Kind, statement_findings

_ELEMENTS: Final = frozenset({"version", "id", "statement"})
_VERSION: Final = "2012-10-17"
_VERSIONS: Final = (_VERSION, "2008-10-17")
_WITH_VARIABLES: Final = ("Resource", "NotResource", "Condition")
# Wildcards and the dollar sign as characters.
_LITERALS: Final = re.compile(r"\$\{[*?$]\}")


def findings_of(text: str, kind: Kind) -> list[dict[str, Any]]:
    """Return the findings about a policy, as ValidatePolicy describes them.

    Args:
        text: the policy.
        kind: what it is for.
    """
    try:
        policy = parse(text)
    except json.JSONDecodeError as error:
        place = f" at index {error.pos} line {error.lineno} column {error.colno}"
        found = [Finding("JSON_SYNTAX_ERROR", Node(None, (), error.pos, error.pos), (place,))]
    except RecursionError:
        found = [Finding("JSON_SYNTAX_ERROR", Node(None, (), 0, 0), ("",))]
    else:
        found = list(_policy_findings(policy, kind))
    return [each.described(text) for each in found]


def _policy_findings(policy: Node, kind: Kind) -> Iterator[Finding]:
    if not isinstance(policy.value, dict):
        yield Finding("DATA_TYPE_MISMATCH", policy, ("Object",))
        return
    for name, node in policy.value.items():
        if name.lower() not in _ELEMENTS:
            yield Finding("INVALID_POLICY_ELEMENT", node, (name,))
    yield from _version_findings(policy)
    statements = policy.member("Statement")
    if statements is None or statements.value == []:
        yield Finding("MISSING_STATEMENT", statements or policy)
        return
    version = policy.member("Version")
    has_variables = version is not None and version.value == _VERSION
    for statement in statements.items:
        yield from statement_findings(statement, kind)
        for name in _WITH_VARIABLES:
            if isinstance(statement.value, dict) and (element := statement.member(name)):
                yield from _variable_findings(element, has_variables=has_variables)
    if kind == "identity":
        yield from _same_sids(statements)


def _same_sids(statements: Node) -> Iterator[Finding]:
    seen: set[str] = set()
    for statement in statements.items:
        sid = statement.member("Sid") if isinstance(statement.value, dict) else None
        if sid is None or not isinstance(sid.value, str) or not sid.value:
            continue
        if sid.value in seen:
            yield Finding("UNIQUE_SIDS_REQUIRED", sid)
        seen.add(sid.value)


def _version_findings(policy: Node) -> Iterator[Finding]:
    version = policy.member("Version")
    if version is None:
        yield Finding("MISSING_VERSION", policy)
    elif not isinstance(version.value, str):
        yield Finding("DATA_TYPE_MISMATCH", version, ("String",))
    elif version.value not in _VERSIONS:
        yield Finding("INVALID_VERSION", version, (version.value, ", ".join(_VERSIONS)))


def _variable_findings(element: Node, *, has_variables: bool) -> Iterator[Finding]:
    if isinstance(element.value, dict | list):
        for node in element.value.values() if isinstance(element.value, dict) else element.value:
            yield from _variable_findings(node, has_variables=has_variables)
        return
    if not isinstance(element.value, str) or "${" not in element.value:
        return
    if not has_variables:
        yield Finding("VARIABLE_UNSUPPORTED_IN_VERSION", element)
        return
    text = _LITERALS.sub("", element.value)
    if re.search(r"\$\{\s*\}", text):
        yield Finding("EMPTY_VARIABLE", element)
    if re.search(r"\$\{[^}]*$", text):
        yield Finding("MISSING_BRACE_IN_VARIABLE", element)
