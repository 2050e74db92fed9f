"""The service: ValidatePolicy, over the REST protocol with JSON."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

from smproc.local.server.operation_names import operation_name
from smproc.local.server.policy_validation.policies import findings_of
from smproc.local.server.policy_validation.statements import Kind
from smproc.local.server.refusals import Answer, refusal

# Its name in the signatures of requests.
ACCESS_ANALYZER: Final = "access-analyzer"
_OPERATION: Final = "ValidatePolicy"
_PAGE_MAX: Final = 1_000
_PAGE: Final = 100
_BAD_REQUEST, _NOT_IMPLEMENTED, _OK = 400, 501, 200
_TYPES: Final = ("IDENTITY_POLICY", "RESOURCE_POLICY", "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")
_TRUST: Final = "AWS::IAM::AssumeRolePolicyDocument"
_RESOURCE_TYPES: Final = (
    "AWS::S3::Bucket",
    "AWS::S3::AccessPoint",
    "AWS::S3::MultiRegionAccessPoint",
    "AWS::S3ObjectLambda::AccessPoint",
    _TRUST,
    "AWS::DynamoDB::Table",
)


class _InvalidRequestError(Exception):
    """A request that AWS refuses: the reason by AWS's name, the member that is wrong, if it is one, and the rule."""

    def __init__(self, reason: str, member: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.member = member


class AccessAnalyzer:
    """The service."""

    async def handle(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> Answer:
        """Answer a request of the REST protocol with JSON, as `patches.Handler` describes."""
        operation = operation_name(ACCESS_ANALYZER, method, path, headers, body, query)
        if operation != _OPERATION:
            return _not_implemented(headers, operation, f"it has {_OPERATION}")
        try:
            request = _request_in(body)
            kind = _kind(request)
            if kind is None:
                return _not_implemented(headers, operation, f"it does not validate a {request['policyType']}")
            answer = _page(findings_of(request["policyDocument"], kind), query)
        except _InvalidRequestError as error:
            return _invalid(error)
        return _OK, _headers(), json.dumps(answer).encode()


def _request_in(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body or b"{}")
    except ValueError as error:
        raise _InvalidRequestError("cannotParse", "", f"The body must be JSON: {error}") from error
    if not isinstance(request, dict):
        raise _InvalidRequestError("cannotParse", "", "The body must be a JSON object")
    return request


def _kind(request: Mapping[str, Any]) -> Kind | None:
    """Return what the policy of a request is for; None for policies of organizations."""
    if not isinstance(request.get("policyDocument"), str):
        raise _InvalidRequestError("fieldValidationFailed", "policyDocument", "policyDocument must be a string")
    for member, values in (("policyType", _TYPES), ("validatePolicyResourceType", ("", *_RESOURCE_TYPES))):
        # The resource type may be absent.
        if request.get(member, "" if "" in values else None) not in values:
            rule = f"{member} must be one of {', '.join(filter(None, values))}, got {request.get(member)!r}"
            raise _InvalidRequestError("fieldValidationFailed", member, rule)
    if request["policyType"] == "IDENTITY_POLICY":
        return "identity"
    if request["policyType"] == "RESOURCE_POLICY":
        return "trust" if request.get("validatePolicyResourceType") == _TRUST else "resource"
    return None


def _page(findings: list[dict[str, Any]], query: Mapping[str, list[str]]) -> dict[str, Any]:
    start, size = _number(query, "nextToken", 0, len(findings)), _number(query, "maxResults", _PAGE, _PAGE_MAX)
    more = {"nextToken": str(start + size)} if start + size < len(findings) else {}
    return {"findings": findings[start : start + size], **more}


def _number(query: Mapping[str, list[str]], name: str, default: int, most: int) -> int:
    (text,) = query.get(name, [str(default)])[:1]
    least = min(default, 1)
    if not text.isdecimal() or not least <= int(text) <= most:
        rule = f"{name} must be a number from {least} to {most}, got {text!r}"
        raise _InvalidRequestError("fieldValidationFailed", name, rule)
    return int(text)


def _not_implemented(headers: Mapping[str, str], operation: str, reason: str) -> Answer:
    message = f"The local AWS does not implement {ACCESS_ANALYZER}:{operation}: {reason}"
    return refusal(ACCESS_ANALYZER, headers, _NOT_IMPLEMENTED, "NotImplemented", message)


def _invalid(error: _InvalidRequestError) -> Answer:
    message = str(error)
    fields = {"fieldList": [{"name": error.member, "message": message}]} if error.member else {}
    answer = json.dumps({"message": message, "reason": error.reason, **fields}).encode()
    return _BAD_REQUEST, {**_headers(), "x-amzn-errortype": "ValidationException"}, answer


def _headers() -> dict[str, str]:
    return {"Content-Type": "application/json", "x-amzn-RequestId": str(uuid.uuid4())}
