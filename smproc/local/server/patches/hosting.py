"""What every service of a cloud has: a way in for requests, somebody who makes them, sessions of roles."""

from __future__ import annotations

import importlib
import secrets
from collections.abc import Awaitable, Callable

from smproc.local.server.patches.registry import Names, responses, service

Handler = Callable[
    [str, str, dict[str, str], bytes, dict[str, list[str]]], Awaitable[tuple[int, dict[str, str], bytes]]
]

NAMES: Names = {
    "ministack.app": {
        "app": callable,
        "AUTH": lambda value: isinstance(value, bool),
        "SERVICE_HANDLERS": lambda value: isinstance(value, dict) and callable(value.get("s3")),
    },
    "ministack.core.router": {
        "SERVICE_PATTERNS": lambda value: isinstance(value, dict) and "target_prefixes" in value.get("sqs", {}),
    },
    "ministack.core.responses": {"get_account_id": callable, "get_region": callable},
    "ministack.services.sts": {"register_session": callable},
}


def add_service(name: str, target_prefix: str, handler: Handler) -> None:
    """Let ministack route a JSON service's requests to us.

    Args:
        name: the service's name, which is also what requests to it are signed for.
        target_prefix: what X-Amz-Target begins with.
        handler: answers a request.
    """
    router = importlib.import_module("ministack.core.router")
    router.SERVICE_PATTERNS[name] = {
        "target_prefixes": [target_prefix],
        "credential_scope": name,
        "host_patterns": [rf"(?:^|\.)api\.{name}\."],
    }
    importlib.import_module("ministack.app").SERVICE_HANDLERS[name] = handler


def request_account() -> str:
    """The account of the request, or of the execution, that the calling thread works for."""
    return str(responses().get_account_id())


def request_region() -> str:
    """The region of the request, or of the execution, that the calling thread works for."""
    return str(responses().get_region())


def role_session(role_arn: str, session_name: str) -> tuple[str, str, str]:
    """Make a session of a role: access key id, secret access key and session token.

    Made in ministack itself and not with AssumeRole: a role of a job trusts sagemaker.amazonaws.com, and who calls
    ministack over the network is never that.
    """
    *_, account, role = role_arn.split(":", 5)
    role_name = role.rpartition("/")[2]
    access_key, secret, token = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(64)
    service("sts").register_session(
        access_key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role_name}/{session_name}",
            "UserId": f"{role_name}:{session_name}",
            "SecretAccessKey": secret,
            "SessionToken": token,
            "AccountId": account,
            "PrincipalType": "AssumedRole",
        },
    )
    return access_key, secret, token
