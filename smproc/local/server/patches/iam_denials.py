"""The text of a denial: the caller, the action, the resource, the statement that denies it, how to switch IAM off.

AWS: An access denied message names the caller and the action, mostly the resource, too, and says whether a policy
denies the request explicitly or no policy allows it. It does not name the statement.
See: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html

ministack 1.5.33: the text of most services, in `ministack.core.iam_actions.access_denied_response`, names no resource;
`ministack.core.iam_evaluator.evaluate` keeps of the statement that denies a request its Sid alone.

Removable when: never entirely, as the hint is about a command of ours; the resource can go when a release of ministack
names it for every service (1.5.33 does not).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from smproc.local.server.patches.registry import Names, Wrappers, core, takes

NAMES: Names = {
    "ministack.core.iam_actions": {
        "access_denied_response": takes("service", "action", "principal_arn", "request_id"),
        "identity_denial_message": takes("action", "principal_arn", "resource", "explicit_deny"),
        "_resource_policy_denial": takes("service", "action", "principal_arn", "resource_arn"),
    },
    "ministack.core.iam_evaluator": {"_first_match": takes("ctx", "stmts", "effect")},
}

IAM_OFF: Final = "to allow everything, start the local AWS with --no-enforce-iam"

_STATEMENT_MAX = 400
# The statement that denies the request that is being authorized; None if none does.
_denying: ContextVar[Any] = ContextVar("smproc_denying_statement", default=None)


def denial_message(denied: Any, action: str, resource: str) -> str:  # noqa: ANN401 - the type is ministack's
    """Return the text of a denial.

    Args:
        denied: ministack's result of the evaluation.
        action: the IAM action.
        resource: the ARN of the action's resource.
    """
    explicit = denied.decision == "Deny"
    if explicit and denied.resource_policy_arn:
        return _resource_policy_denial(action.partition(":")[0], action, denied.principal_arn, resource)
    return str(core("iam_actions").identity_denial_message(action, denied.principal_arn, resource, explicit))


def _resource_policy_denial(service_name: str, action: str, principal_arn: str, resource: str) -> str:
    text = core("iam_actions")._resource_policy_denial(service_name, action, principal_arn, resource)
    return f"{text} ({_explanation(explicit=True)})"


def _first_match(original: Callable[..., Any], ctx: object, stmts: object, effect: str) -> object:
    found = original(ctx, stmts, effect)
    if effect == "Deny":
        _denying.set(found)
    return found


def _identity_denial_message(original: Callable[..., str], *denial: Any) -> str:
    *_, explicit = denial
    return f"{original(*denial)} ({_explanation(explicit=explicit)})"


def _access_denied_response(
    original: Callable[..., object],
    service_name: str,
    action: str,
    principal_arn: str,
    request_id: str,
    **details: Any,
) -> object:
    if not details.get("message") and not details.get("error_code"):
        explicit, policy = details.get("explicit_deny", False), details.get("resource_policy_arn", "")
        resource = details.get("resource_arn", "*")
        if explicit and policy:
            details["message"] = _resource_policy_denial(service_name, action, principal_arn, policy)
        else:
            message = core("iam_actions").identity_denial_message
            details["message"] = message(action, principal_arn, resource, explicit)
    return original(service_name, action, principal_arn, request_id, **details)


def _explanation(*, explicit: bool) -> str:
    statement = _denying.get()
    if not explicit or statement is None:
        return f"local AWS: {IAM_OFF}"
    return f"local AWS: denied by the statement {_statement_text(statement)}; {IAM_OFF}"


def _statement_text(statement: Any) -> str:  # noqa: ANN401 - the type is ministack's
    elements = {
        "Sid": statement.sid,
        "Effect": statement.effect,
        "Action": statement.actions,
        "NotAction": statement.not_actions,
        "Resource": statement.resources,
        "NotResource": statement.not_resources,
        "Condition": statement.conditions,
    }
    text = json.dumps({name: value for name, value in elements.items() if value})
    return text if len(text) <= _STATEMENT_MAX else f"{text[:_STATEMENT_MAX]}..."


WRAPPERS: Wrappers = {
    "ministack.core.iam_actions": {
        "access_denied_response": _access_denied_response,
        "identity_denial_message": _identity_denial_message,
    },
    "ministack.core.iam_evaluator": {"_first_match": _first_match},
}
