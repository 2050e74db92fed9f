"""The permissions that a job needs, where the local AWS enforces IAM.

See: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from smproc.local.server import patches
from smproc.local.server.sagemaker.errors import ApiError, invalid

# Takes an action, a resource and condition keys; returns why the action is denied, None if it is allowed.
PermissionCheck = Callable[[str, str, Mapping[str, str]], str | None]

_SAGEMAKER = "sagemaker.amazonaws.com"


def require_permission(
    check_permission: PermissionCheck, action: str, resource: str, keys: Mapping[str, str] | None = None
) -> None:
    """Require a permission.

    Args:
        check_permission: checks it.
        action: the IAM action.
        resource: the ARN of the action's resource.
        keys: the condition keys of the action. Default: none.

    Raises:
        ApiError: the permission is denied.
    """
    if (reason := check_permission(action, resource, keys or {})) is not None:
        raise ApiError("AccessDeniedException", reason)


def require_creation_permissions(check_permission: PermissionCheck, arn: str, request: Mapping[str, Any]) -> None:
    """Require the permissions that the creation of a job needs beside its own: to tag the job, and to pass its role.

    Args:
        check_permission: checks them.
        arn: the job's ARN.
        request: the request.

    Raises:
        ApiError: a permission is denied, or SageMaker may not assume the role.
    """
    for action, resource, keys in _further_permissions(arn, request):
        require_permission(check_permission, action, resource, keys)
    role = str(request.get("RoleArn", ""))
    if not patches.role_trusts(
        role, _SAGEMAKER, {"aws:SourceAccount": patches.request_account(), "aws:SourceArn": arn}
    ):
        raise invalid(
            f"Could not assume role {role}. Please ensure that the role exists and allows principal '{_SAGEMAKER}' to "
            f"assume the role. (local AWS: {patches.IAM_OFF})"
        )


def _further_permissions(arn: str, request: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    if request.get("Tags"):
        yield "sagemaker:AddTags", arn, {}
    yield "iam:PassRole", str(request.get("RoleArn", "")), {"iam:PassedToService": _SAGEMAKER}
