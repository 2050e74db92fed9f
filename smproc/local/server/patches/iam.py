"""IAM where it is enforced: for our own service, for roles that act without a request; a line in the log per denial."""

from __future__ import annotations

import importlib
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from smproc.local.server.patches.registry import Names, responses, service, takes, wrap

NAMES: Names = {
    "ministack.app": {"AUTH": lambda value: isinstance(value, bool)},
    "ministack.core.iam_actions": {
        "SERVICE_TO_IAM_NAMESPACE": lambda value: value["sqs"] == "sqs",
        "extract_resource_arn": takes(
            "service", "method", "path", "headers", "body", "query_params", "region", "account_id"
        ),
        "identity_denial_message": takes("action", "principal_arn", "resource", "explicit_deny"),
    },
    "ministack.core.iam_evaluator": {
        "AuthError": callable,
        "EvalContext": callable,
        "enforce": takes("access_key_id", "iam_action", "service", "region", "resource_arn", "service_context"),
        "evaluate": takes("ctx", "policies"),
        "parse_policy_document": takes("doc"),
        "_conditions_met": takes("conditions", "ctx"),
        "_fnmatch_compile": takes("pattern", "ignore_case"),
        "_gather_role_policies": takes("role_name", "account_id"),
        "_service_principal_matches": takes("principal", "service"),
    },
    "ministack.core.router": {"extract_access_key_id": callable},
    "ministack.services.iam": {"_roles": lambda value: callable(value.get_scoped)},
}
_log = logging.getLogger("smproc.iam")
# Where the events of the request come from that is being checked; ministack does not know the key events:source.
_sources: ContextVar[frozenset[str]] = ContextVar("smproc_event_sources", default=frozenset())


def apply() -> None:
    """Let SageMaker's requests be checked as those of any other service, and denials be told in the log."""
    actions = importlib.import_module("ministack.core.iam_actions")
    actions.SERVICE_TO_IAM_NAMESPACE["sagemaker"] = "sagemaker"
    wrap(actions, "extract_resource_arn", _resource)
    wrap(_evaluator(), "enforce", _enforce)
    wrap(_evaluator(), "_fnmatch_compile", _any_letter)


def iam_is_enforced() -> bool:
    """Whether policies are enforced."""
    return bool(importlib.import_module("ministack.app").AUTH)


def denial_to_caller(headers: Mapping[str, str], action: str, resource: str, keys: Mapping[str, str]) -> str | None:
    """Why whoever made a request may not do something more that it asks for; None if they may.

    Args:
        headers: the request's.
        action: the IAM action.
        resource: the ARN of what it is done to.
        keys: the condition keys of the action.
    """
    if not iam_is_enforced():
        return None
    access_key = importlib.import_module("ministack.core.router").extract_access_key_id(dict(headers), {})
    denied = _evaluator().enforce(
        access_key, action, action.partition(":")[0], responses().get_region(), resource, dict(keys)
    )
    return None if denied is None else _told(denied, action, resource)


def denial_to_role(role_arn: str, session_name: str, action: str, resource: str, keys: Mapping[str, str]) -> str | None:
    """Why a role may not do something that no request of its own asks for; None if it may.

    Args:
        role_arn: the role.
        session_name: what acts as the role.
        action: the IAM action.
        resource: the ARN of what it is done to.
        keys: the condition keys of the action.
    """
    if not iam_is_enforced():
        return None
    account, name = _account_and_name(role_arn)
    principal = f"arn:aws:sts::{account}:assumed-role/{name}/{session_name}"
    context = _context(principal, account, action, resource, keys)
    policies = _evaluator()._gather_role_policies(name, account)
    denied = _evaluator().evaluate(context, policies)
    if denied.decision == "Allow":
        return None
    denied.principal_arn = principal
    _tell("our own patch", denied, action, resource)
    return _told(denied, action, resource)


def role_trusts(role_arn: str, principal: str, keys: Mapping[str, str]) -> bool:
    """Whether a role exists and lets a service of AWS' assume it; always, where IAM is not enforced.

    Args:
        role_arn: the role.
        principal: the service: ``sagemaker.amazonaws.com``.
        keys: the condition keys that the service sends.
    """
    if not iam_is_enforced():
        return True
    account, name = _account_and_name(role_arn)
    role = service("iam")._roles.get_scoped(account, None, name)
    if role is None:
        return False
    context = _context(principal, account, "sts:AssumeRole", role_arn, keys)
    names, meets = _evaluator()._service_principal_matches, _evaluator()._conditions_met
    return any(
        statement["Effect"] == "Allow"
        and names(statement.get("Principal"), principal)
        and meets(statement.get("Condition") or {}, context)
        for statement in _statements(role["AssumeRolePolicyDocument"])
    )


def _statements(document: str | Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    read = json.loads(document) if isinstance(document, str) else document
    statements = read.get("Statement", [])
    yield from [statements] if isinstance(statements, dict) else statements


def _account_and_name(role_arn: str) -> tuple[str, str]:
    *_, account, path = role_arn.split(":", 5)
    return account, path.rpartition("/")[2]


def _context(principal: str, account: str, action: str, resource: str, keys: Mapping[str, str]) -> object:
    return _evaluator().EvalContext(
        principal_arn=principal,
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=responses().get_region(),
        service_context={key.lower(): value for key, value in keys.items()},
    )


def _any_letter(original: Callable[..., re.Pattern[str]], pattern: str, ignore_case: bool) -> re.Pattern[str]:  # noqa: FBT001 - ministack's own
    """What a wildcard stands for is any letter, line breaks included: a key may have some."""
    made = original(pattern, ignore_case)
    return re.compile(made.pattern.removesuffix("$") + r"\Z", made.flags | re.DOTALL)


def _resource(original: Callable[..., str], service_name: str, *request: Any) -> str:
    _method, _path, _headers, body, _query, region, account = request
    asked: Any = {}
    if service_name in ("events", "sagemaker"):
        with suppress(ValueError):
            asked = json.loads(body or b"{}")
    if not isinstance(asked, dict):
        return "*"
    if service_name == "events":
        entries = [entry for entry in asked.get("Entries") or () if isinstance(entry, dict)]
        _sources.set(frozenset(str(entry.get("Source")) for entry in entries))
    if service_name != "sagemaker":
        return original(service_name, *request)
    if name := asked.get("ProcessingJobName"):
        return f"arn:aws:sagemaker:{region}:{account}:processing-job/{name}"
    return str(asked.get("ResourceArn") or "*")


def _enforce(
    original: Callable[..., Any],
    access_key_id: str,
    iam_action: str,
    service_name: str,
    region: str,
    resource_arn: str = "*",
    service_context: Mapping[str, Any] | None = None,
) -> object:
    contexts = [service_context]
    if iam_action == "events:PutEvents" and _sources.get():
        # Each entry is authorized by itself: service-authorization/latest/reference/list_amazoneventbridge.html
        contexts = [{**(service_context or {}), "events:source": source} for source in sorted(_sources.get())]
    answers = (original(access_key_id, iam_action, service_name, region, resource_arn, context) for context in contexts)
    denied = next((answer for answer in answers if answer is not None), None)
    if denied is not None and not isinstance(denied, _evaluator().AuthError):
        _tell("ministack", denied, iam_action, resource_arn)
    return denied


def _tell(by: str, denied: Any, action: str, resource: str) -> None:  # noqa: ANN401 - ministack's own type
    _log.warning("denied by %s: %s", by, _told(denied, action, resource))


def _told(denied: Any, action: str, resource: str) -> str:  # noqa: ANN401 - ministack's own type
    if isinstance(denied, _evaluator().AuthError):
        return str(denied.message)
    actions = importlib.import_module("ministack.core.iam_actions")
    return str(actions.identity_denial_message(action, denied.principal_arn, resource, denied.decision == "Deny"))


def _evaluator() -> ModuleType:
    return importlib.import_module("ministack.core.iam_evaluator")
