"""What a processing job asks of IAM, where the local AWS enforces it.

See: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from smproc.local.server import patches
from smproc.local.server.sagemaker.errors import ApiError, invalid

# Why somebody may not do something to a resource under condition keys; None if they may.
PermissionCheck = Callable[[str, str, Mapping[str, str]], str | None]

_SAGEMAKER = "sagemaker.amazonaws.com"


def require_permission(
    denial: PermissionCheck, action: str, resource: str, keys: Mapping[str, str] | None = None
) -> None:
    """Refuse unless somebody may do something.

    Raises:
        ApiError: they may not.
    """
    if (reason := denial(action, resource, keys or {})) is not None:
        raise ApiError("AccessDeniedException", reason)


def require_creation_permissions(denial: PermissionCheck, arn: str, request: Mapping[str, Any]) -> None:
    """Refuse unless somebody may do what CreateProcessingJob does beside creating: tag, and pass a role.

    Args:
        denial: tells what they may not.
        arn: the job's ARN.
        request: the request.

    Raises:
        ApiError: they may not, or SageMaker may not assume the role.
    """
    for action, resource, keys in _beside_creation(arn, request):
        require_permission(denial, action, resource, keys)
    role = str(request.get("RoleArn", ""))
    if not patches.role_trusts(
        role, _SAGEMAKER, {"aws:SourceAccount": patches.request_account(), "aws:SourceArn": arn}
    ):
        raise invalid(
            f"Could not assume role {role}. Please ensure that the role exists and allows principal '{_SAGEMAKER}' to "
            "assume the role."
        )


def _beside_creation(arn: str, request: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    if request.get("Tags"):
        yield "sagemaker:AddTags", arn, {}
    yield "iam:PassRole", str(request.get("RoleArn", "")), {"iam:PassedToService": _SAGEMAKER}
