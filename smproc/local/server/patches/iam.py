"""IAM, where it is enforced: requests to our own service, roles that act without a request, a log of denials.

AWS: CreateProcessingJob also needs iam:PassRole and, with tags, sagemaker:AddTags; a state machine acts with its role;
SageMaker must be able to assume the job's role. Each entry of PutEvents is authorized with its source as
``events:source``. The ARN of a rule of the default event bus does not name the bus. GetLogEvents is authorized for the
log stream, DescribeRepositories for the repository that it names. A batch of SQS needs the permission for one message.
A wildcard of a policy matches any character, a line break in an object's key included.
See: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
See: https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html
See: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
See: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
See: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
See: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
See: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
See: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html

ministack 1.5.33: `ministack.core.iam_actions.SERVICE_TO_IAM_NAMESPACE` has no ``sagemaker``,
no ``servicequotas`` and no ``access-analyzer``;
`ministack.services.stepfunctions._invoke_resource` does not check the role of the state machine;
`ministack.core.iam_evaluator.enforce` has no ``events:source`` and logs no denial;
`ministack.core.iam_actions.extract_resource_arn` writes the bus into the ARN of each rule, names the log group
alone, and has no ARN for ListTargetsByRule and DescribeRepositories;
`ministack.core.iam_actions.extract_iam_action` has actions for batches of
SQS, which AWS has not, and one for all requests about the concurrency of a function;
the wildcards of `ministack.core.iam_evaluator._fnmatch_compile` do not match a line break.

Removable when: a release of ministack serves SageMaker, checks the roles of state machines, and has the condition key,
the ARNs and such wildcards (1.5.33 does not).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from smproc.local.server.patches.iam_denials import denial_message
from smproc.local.server.patches.registry import Names, Wrappers, application, core, service, takes

# The members of SageMaker's requests that name a job, and the type of the job in its ARN.
_JOBS = {"ProcessingJobName": "processing-job", "TrainingJobName": "training-job"}

NAMES: Names = {
    "ministack.app": {"AUTH": lambda value: isinstance(value, bool)},
    "ministack.core.iam_actions": {
        "SERVICE_TO_IAM_NAMESPACE": lambda value: value["sqs"] == "sqs",
        "_BOTOCORE_SERVICE_MAP": lambda value: value["eks"] == ["eks"],
        "extract_iam_action": takes("service", "method", "path", "headers", "body", "query_params"),
        "extract_resource_arn": takes(
            "service", "method", "path", "headers", "body", "query_params", "region", "account_id"
        ),
    },
    "ministack.core.iam_evaluator": {
        "AuthError": callable,
        "EvalContext": callable,
        "enforce": takes("access_key_id", "iam_action", "service", "region", "resource_arn", "service_context"),
        "evaluate": takes("ctx", "policies"),
        "_conditions_met": takes("conditions", "ctx"),
        "_fnmatch_compile": takes("pattern", "ignore_case"),
        "_gather_role_policies": takes("role_name", "account_id"),
        "_service_principal_matches": takes("principal", "service"),
    },
    "ministack.core.responses": {"get_region": callable},
    "ministack.core.router": {"extract_access_key_id": callable},
    "ministack.services.iam": {"_roles": lambda value: callable(value.get_scoped)},
}
_log = logging.getLogger("smproc.iam")
_BATCHES = {
    f"sqs:{action}Batch": f"sqs:{action}" for action in ("ChangeMessageVisibility", "DeleteMessage", "SendMessage")
}
_CONCURRENCY = {"GET": "lambda:GetFunctionConcurrency", "DELETE": "lambda:DeleteFunctionConcurrency"}
# The sources of the events in the request that is being authorized.
_sources: ContextVar[frozenset[str]] = ContextVar("smproc_event_sources", default=frozenset())


def apply() -> None:
    """Authorize the requests to our own services like those of any other service."""
    for name in ("access-analyzer", "sagemaker", "servicequotas"):
        core("iam_actions").SERVICE_TO_IAM_NAMESPACE[name] = name
    # Its requests are known by their paths.
    core("iam_actions")._BOTOCORE_SERVICE_MAP["access-analyzer"] = ["accessanalyzer"]


def iam_is_enforced() -> bool:
    """Return whether policies are enforced."""
    return bool(application().AUTH)


def check_caller_permission(
    headers: Mapping[str, str], action: str, resource: str, keys: Mapping[str, str]
) -> str | None:
    """Check a further permission that a request needs; return why it is denied, None if it is granted.

    Args:
        headers: the request's headers, which identify the caller.
        action: the IAM action.
        resource: the ARN of the action's resource.
        keys: the condition keys of the action.
    """
    if not iam_is_enforced():
        return None
    access_key = core("router").extract_access_key_id(dict(headers), {})
    denied = core("iam_evaluator").enforce(
        access_key, action, action.partition(":")[0], core("responses").get_region(), resource, dict(keys)
    )
    return None if denied is None else _denial_message(denied, action, resource)


def check_role_permission(
    role_arn: str, session_name: str, action: str, resource: str, keys: Mapping[str, str]
) -> str | None:
    """Check a permission that a role needs without a request of its own; return why it is denied, None if granted.

    Args:
        role_arn: the role.
        session_name: the name of the role's session.
        action: the IAM action.
        resource: the ARN of the action's resource.
        keys: the condition keys of the action.
    """
    if not iam_is_enforced():
        return None
    account, name = _account_and_name(role_arn)
    principal = f"arn:aws:sts::{account}:assumed-role/{name}/{session_name}"
    context = _context(principal, account, action, resource, keys)
    policies = core("iam_evaluator")._gather_role_policies(name, account)
    result = core("iam_evaluator").evaluate(context, policies)
    if result.decision == "Allow":
        return None
    result.principal_arn = principal
    _log_denial("our own patch", result, action, resource)
    return _denial_message(result, action, resource)


def role_trusts(role_arn: str, principal: str, keys: Mapping[str, str]) -> bool:
    """Return whether a role exists and an AWS service may assume it; always true where IAM is not enforced.

    Args:
        role_arn: the role.
        principal: the service principal: ``sagemaker.amazonaws.com``.
        keys: the condition keys that the service sends.
    """
    if not iam_is_enforced():
        return True
    account, name = _account_and_name(role_arn)
    role = service("iam")._roles.get_scoped(account, None, name)
    if role is None:
        _log.warning("denied by our own patch: %s may not assume %s: the role does not exist", principal, role_arn)
        return False
    context = _context(principal, account, "sts:AssumeRole", role_arn, keys)
    evaluator = core("iam_evaluator")
    trusted = any(
        statement["Effect"] == "Allow"
        and evaluator._service_principal_matches(statement.get("Principal"), principal)
        and evaluator._conditions_met(statement.get("Condition") or {}, context)
        for statement in _statements(role["AssumeRolePolicyDocument"])
    )
    if not trusted:
        _log.warning("denied by our own patch: %s may not assume %s: its trust policy", principal, role_arn)
    return trusted


def _statements(document: str | Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    policy = json.loads(document) if isinstance(document, str) else document
    statements = policy.get("Statement", [])
    yield from [statements] if isinstance(statements, dict) else statements


def _account_and_name(role_arn: str) -> tuple[str, str]:
    *_, account, path = role_arn.split(":", 5)
    return account, path.rpartition("/")[2]


def _context(principal: str, account: str, action: str, resource: str, keys: Mapping[str, str]) -> object:
    return core("iam_evaluator").EvalContext(
        principal_arn=principal,
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=core("responses").get_region(),
        service_context={key.lower(): value for key, value in keys.items()},
    )


def _fnmatch_compile(original: Callable[..., re.Pattern[str]], pattern: str, ignore_case: bool) -> re.Pattern[str]:  # noqa: FBT001 - ministack's signature
    compiled = original(pattern, ignore_case)
    return re.compile(compiled.pattern.removesuffix("$") + r"\Z", compiled.flags | re.DOTALL)


def _extract_iam_action(
    original: Callable[..., str | None], service_name: str, method: str, *request: Any
) -> str | None:
    action = original(service_name, method, *request)
    if action == "lambda:PutFunctionConcurrency":
        return _CONCURRENCY.get(method, action)
    return _BATCHES.get(action, action) if action is not None else None


def _extract_resource_arn(original: Callable[..., str], service_name: str, *request: Any) -> str:
    _method, _path, headers, body, _query, region, account = request
    members: Any = {}
    if service_name in ("ecr", "events", "logs", "sagemaker"):
        with suppress(ValueError):
            members = json.loads(body or b"{}")
    if not isinstance(members, dict):
        return "*"
    if service_name == "events":
        entries = [entry for entry in members.get("Entries") or () if isinstance(entry, dict)]
        _sources.set(frozenset(str(entry.get("Source")) for entry in entries))
        if rule := members.get("Rule"):
            return f"arn:aws:events:{region}:{account}:rule/{rule}"
    if service_name == "sagemaker":
        names = {arn_type: members.get(member) for member, arn_type in _JOBS.items()}
        jobs = (f"arn:aws:sagemaker:{region}:{account}:{kind}/{name}" for kind, name in names.items() if name)
        return next(jobs, str(members.get("ResourceArn") or "*"))
    target = str(headers.get("x-amz-target", ""))
    if target.endswith(".GetLogEvents"):
        group, stream = members.get("logGroupName"), members.get("logStreamName")
        return f"arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:{stream}"
    if target.endswith(".DescribeRepositories") and len(members.get("repositoryNames") or ()) == 1:
        return f"arn:aws:ecr:{region}:{account}:repository/{members['repositoryNames'][0]}"
    return original(service_name, *request).replace(":rule/default/", ":rule/")


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
        # Each entry is authorized separately.
        contexts = [{**(service_context or {}), "events:source": source} for source in sorted(_sources.get())]
    results = (original(access_key_id, iam_action, service_name, region, resource_arn, context) for context in contexts)
    denied = next((result for result in results if result is not None), None)
    if denied is not None and not isinstance(denied, core("iam_evaluator").AuthError):
        _log_denial("ministack", denied, iam_action, resource_arn)
    return denied


def _log_denial(by: str, denied: Any, action: str, resource: str) -> None:  # noqa: ANN401 - the type is ministack's
    _log.warning("denied by %s: %s", by, _denial_message(denied, action, resource))


def _denial_message(denied: Any, action: str, resource: str) -> str:  # noqa: ANN401 - the type is ministack's
    if isinstance(denied, core("iam_evaluator").AuthError):
        return str(denied.message)
    return denial_message(denied, action, resource)


WRAPPERS: Wrappers = {
    "ministack.core.iam_actions": {
        "extract_iam_action": _extract_iam_action,
        "extract_resource_arn": _extract_resource_arn,
    },
    "ministack.core.iam_evaluator": {"enforce": _enforce, "_fnmatch_compile": _fnmatch_compile},
}
