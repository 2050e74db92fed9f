"""CloudTrail: the management events of each caller, denied calls included, in the event history.

AWS: the event history has the management events of the last 90 days, with the caller, a role's session among them, and
the error of a call that failed, such as one that IAM denied. Data events, such as those of objects, items and messages,
are not in it. LookupEvents returns pages, the newest events first, and takes one attribute.
See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html
See: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html

ministack 1.5.33: `ministack.services.cloudtrail.record_event` is off by default.
`ministack.app._maybe_record_cloudtrail` calls it with the access key for a user's name, for data events, too, and not
for denied requests, and what fails has no error. `ministack.services.cloudtrail._lookup_events` has no NextToken.

Removable when: ministack records denied requests, errors, and the sessions of roles, tells data events from management
events, and returns pages (not so in 1.5.33). What Step Functions does for a job is no request, so the call that records
it would be left.
"""

from __future__ import annotations

import functools
import logging
import sys
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final

from botocore.model import StructureShape
from botocore.parsers import ResponseParserError, create_parser

from smproc.local.server.cloudtrail import Call, Caller, EventHistory, InvalidLookupError, is_management_event
from smproc.local.server.operation_names import operation_name, service_model
from smproc.local.server.patches.registry import Names, Wrappers, application, core, service, takes

NAMES: Names = {
    "ministack.app": {
        "AUTH": lambda value: isinstance(value, bool),
        "_dispatch_service_request": takes("method", "path", "headers", "body", "query_params", "request_id"),
        "detect_service": takes("method", "path", "headers", "query_params"),
    },
    "ministack.core.iam_evaluator": {
        "CredentialResolutionError": callable,
        "resolve_credential": takes("access_key_id", "account_id", "session_token"),
    },
    "ministack.core.responses": {
        "error_response_json": takes("code", "message", "status", "extra"),
        "get_account_id": takes(),
        "get_region": takes(),
        "json_response": callable,
    },
    "ministack.core.router": {"extract_access_key_id": takes("headers", "query_params")},
    "ministack.services.cloudtrail": {
        "_DISPATCH": lambda value: callable(value["LookupEvents"]),
        "reset": takes(),
    },
    "ministack.services.iam": {"_roles": lambda value: callable(value.get_scoped)},
    "ministack.services.sts": {"_sessions": lambda value: callable(value.get)},
}
_Answer = tuple[int, Mapping[str, str], object]

_ERROR: Final = 400
_NO_MEMBERS: Final = StructureShape("Error", {"type": "structure", "members": {}})
_NOT_IMPLEMENTED: Final = 501
# The errors of requests whose caller is not known: they belong to no account.
_UNAUTHENTICATED: Final = frozenset(
    {
        "AuthorizationHeaderMalformed",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
# The longest message and user agent of an event.
# See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
_TEXT_MAX: Final = 1024
_log = logging.getLogger(__name__)
_history: Final = EventHistory()
# The service of the request that is being answered.
_service: ContextVar[str] = ContextVar("smproc_cloudtrail_service", default="")


def record_role_call(
    role_arn: str, session_name: str, region: str, operation: str, error_code: str = "", error_message: str = ""
) -> None:
    """Record a call of SageMaker that a role makes without a request.

    Args:
        role_arn: the role.
        session_name: the name of the role's session.
        region: the region.
        operation: the name of the operation.
        error_code: the code of the error. Default: there is none.
        error_message: its message.
    """
    *_, account, role = role_arn.split(":", 5)
    name = role.rpartition("/")[2]
    call = Call(
        service="sagemaker",
        operation=operation,
        region=region,
        caller=_session(account, f"arn:aws:sts::{account}:assumed-role/{name}/{session_name}"),
        request_id=str(uuid.uuid4()),
        error_code=error_code,
        error_message=error_message[:_TEXT_MAX],
    )
    _history.record(call)


def apply() -> None:
    """Look events up in our own history."""
    service("cloudtrail")._DISPATCH["LookupEvents"] = _lookup_events


def _lookup_events(request: Mapping[str, Any]) -> object:
    responses = core("responses")
    try:
        answer = _history.lookup(responses.get_account_id(), responses.get_region(), request)
    except InvalidLookupError as error:
        status = _NOT_IMPLEMENTED if error.code == "NotImplemented" else _ERROR
        return responses.error_response_json(error.code, str(error), status)
    return responses.json_response(answer)


def _reset(original: Callable[[], None]) -> None:
    original()
    _history.clear()


def _detect_service(original: Callable[..., str], *request: Any) -> str:
    detected = original(*request)
    _service.set(detected)
    return detected


async def _dispatch_service_request(
    original: Callable[..., Awaitable[_Answer]],
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    query: Mapping[str, list[str]],
    request_id: str,
) -> _Answer:
    answer = await original(method, path, headers, body, query, request_id)
    try:
        name = _service.get()
        of_an_object = name == "s3" and bool(path.strip("/").partition("/")[2])
        if not of_an_object:
            operation = operation_name(name, method, path, headers, body, query)
            if operation in _operations(name) and is_management_event(name, operation):
                _record(name, operation, headers, query, request_id, answer)
    except Exception:  # noqa: BLE001 - the request has been answered, whatever becomes of its event
        _log.exception("A request to %s was not recorded", _service.get())
    return answer


def _record(
    name: str,
    operation: str,
    headers: Mapping[str, str],
    query: Mapping[str, list[str]],
    request_id: str,
    answer: _Answer,
) -> None:
    code, message = _error(name, answer) if answer[0] >= _ERROR else ("", "")
    access_key = core("router").extract_access_key_id(headers, query)
    caller = _caller(access_key) if access_key and code not in _UNAUTHENTICATED else None
    if caller is not None:
        call = Call(
            service=name,
            operation=operation,
            region=core("responses").get_region(),
            caller=caller,
            request_id=request_id,
            # Many requests share it.
            user_agent=sys.intern(headers.get("user-agent", "")[:_TEXT_MAX]),
            error_code=code,
            error_message=message[:_TEXT_MAX],
        )
        _history.record(call)


@functools.cache
def _operations(name: str) -> frozenset[str]:
    """Return the operations of a service: only these are AWS's."""
    model = service_model(name)
    return frozenset(() if model is None else model.operation_names)


def _error(name: str, answer: _Answer) -> tuple[str, str]:
    """Return the code and the message of an error, as an SDK reads them."""
    status, headers, body = answer
    lower = {key.lower(): value for key, value in headers.items()}
    protocol = "rest-json"
    if "xml" in lower.get("content-type", ""):
        protocol = "ec2" if name == "ec2" else "rest-xml"
    response = {"status_code": status, "headers": lower, "body": body if isinstance(body, bytes) else b""}
    try:
        error = create_parser(protocol).parse(response, _NO_MEMBERS)["Error"]
    except ResponseParserError:
        return str(status), ""
    return str(error.get("Code") or status), str(error.get("Message") or "")


def _caller(access_key: str) -> Caller | None:
    """Return who has an access key; None if nobody has."""
    account = core("responses").get_account_id()
    found = core("iam_evaluator").resolve_credential(access_key, account)
    is_unknown = isinstance(found, core("iam_evaluator").CredentialResolutionError)
    if is_unknown and application().AUTH:
        return None
    if is_unknown or found.principal_type == "Root":
        # Where IAM is not enforced, any key is the account's.
        return Caller(
            kind="Root",
            arn=f"arn:aws:iam::{account}:root",
            principal_id=account,
            account=account,
            access_key=access_key,
            name="root",
        )
    if found.principal_type == "AssumedRole":
        return _session(found.account_id, found.principal_arn, access_key, found.principal_id)
    return Caller(
        kind="IAMUser" if found.principal_type == "User" else found.principal_type,
        arn=found.principal_arn,
        principal_id=found.principal_id,
        account=found.account_id,
        access_key=access_key,
        name=found.principal_name,
    )


def _session(account: str, arn: str, access_key: str = "", principal_id: str = "") -> Caller:
    """Return a session of a role as a caller.

    Args:
        account: the account.
        arn: the ARN of the session.
        access_key: the access key id. Default: it makes no requests.
        principal_id: its id, if there is no such role any more.
    """
    _, role_name, session_name = arn.split("/", 2)
    role = service("iam")._roles.get_scoped(account, None, role_name) or {}
    session = service("sts")._sessions.get(access_key) or {}
    role_id = role.get("RoleId")
    return Caller(
        kind="AssumedRole",
        arn=arn,
        principal_id=f"{role_id}:{session_name}" if role_id else principal_id,
        account=account,
        access_key=access_key,
        name=session_name,
        role_arn=role.get("Arn") or f"arn:aws:iam::{account}:role/{role_name}",
        since=session.get("IssuedAt"),
    )


WRAPPERS: Wrappers = {
    "ministack.app": {
        "_dispatch_service_request": _dispatch_service_request,
        "detect_service": _detect_service,
    },
    "ministack.services.cloudtrail": {"reset": _reset},
}
