"""The actions of IAM: those of the Service Authorization Reference, and the operations of botocore's models.

Some services have operations that are newer than the list in ``actions.json``. An action that is neither there nor in a
model does not exist, with the exceptions that AWS has added since without an operation of that name.
See: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import botocore.session

from smproc.local.server.policy_validation.documents import Node
from smproc.local.server.policy_validation.findings import Finding

_VARIABLE: Final = re.compile(r"\$\{[^}]*\}")


def action_findings(actions: Node) -> Iterator[Finding]:
    """Yield what is wrong with the actions of a statement."""
    if actions.value == []:
        yield Finding("EMPTY_ARRAY_ACTION", actions)
    for node in actions.items:
        if not isinstance(node.value, str):
            yield Finding("DATA_TYPE_MISMATCH", node, ("String",))
            continue
        service, colon, action = node.value.partition(":")
        if variable := _VARIABLE.search(node.value):
            yield Finding("VARIABLE_UNSUPPORTED_IN_ELEMENT", node, (variable[0],))
        elif node.value == "*" or (colon and has_wildcard(service)):
            # What a wildcard in the name of a service stands for is not decided here.
            continue
        elif not colon:
            yield Finding("INVALID_ACTION", node, (node.value,))
        elif service.lower() not in _services():
            yield Finding("INVALID_SERVICE_IN_ACTION", node, (service,))
        elif not _exists(service.lower(), action):
            yield Finding("INVALID_ACTION", node, (node.value,))


def is_service(prefix: str) -> bool:
    """Return whether a service has this prefix of actions."""
    return prefix in _services()


def has_wildcard(text: str) -> bool:
    """Return whether a text has a wildcard."""
    return "*" in text or "?" in text


def matches(pattern: str, action: str) -> bool:
    """Return whether a pattern of actions stands for an action; the case does not matter."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, action, re.IGNORECASE) is not None


def _exists(service: str, pattern: str) -> bool:
    known = _actions(service)
    return known is None or pattern.lower() in known or any(matches(pattern, each) for each in known)


@functools.cache
def _services() -> Mapping[str, Mapping[str, Any]]:
    text = Path(__file__).with_name("actions.json").read_text(encoding="utf-8")
    services: dict[str, Mapping[str, Any]] = json.loads(text)["services"]
    return services


@functools.cache
def _actions(service: str) -> frozenset[str] | None:
    """Return the actions of a service in lower case; None if there is no list of them."""
    found = _services()[service]
    if found["actions"] is None:
        return None
    session = botocore.session.Session()
    operations = (name for model in found["models"] for name in session.get_service_model(model).operation_names)
    return frozenset((*found["actions"], *(name.lower() for name in operations)))
