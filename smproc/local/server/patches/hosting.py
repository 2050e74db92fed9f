"""ministack's server: its settings, services of our own on its port, and sessions of roles for them.

AWS: SageMaker has an API, which JSON 1.1 requests address by ``X-Amz-Target: SageMaker.<operation>``, and acts with
temporary credentials of the roles that are passed to it.
See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Operations_Amazon_SageMaker_Service.html
See: https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html

ministack 1.5.33: `ministack.core.router.SERVICE_PATTERNS` and `ministack.app.SERVICE_HANDLERS` have no ``sagemaker``,
and no extension point adds a service. `ministack.services.sts.register_session` makes a session without a request.

Removable when: a release of ministack serves SageMaker's processing jobs (1.5.33 does not). With a public
extension point for services, settings and sessions, only the calls of it would be left.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from smproc.local.server.patches.registry import Names, application, core, service, takes

# Takes the method, path, headers, body and query of a request; returns the status, headers and body of the response.
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
    "ministack.core.responses": {
        "get_account_id": callable,
        "get_region": callable,
        "set_request_account_id": takes("access_key_id"),
        "set_request_region": takes("region"),
    },
    "ministack.services.sts": {"register_session": callable},
}


def configure(*, port: int, region: str, account_dir: Path, temporary_dir: Path, enforce_iam: bool) -> None:
    """Set the environment variables that ministack reads when it is imported; call this before `load`.

    Args:
        port: the port of the server.
        region: the default region.
        account_dir: the directory of the account's content.
        temporary_dir: the directory for temporary files of this process.
        enforce_iam: whether policies are enforced.
    """
    os.environ.update(
        {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": region,
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "AUTH": "true" if enforce_iam else "false",
            "LOG_LEVEL": os.environ.get("LOG_LEVEL", "INFO"),
            "PERSIST_STATE": "1",
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(account_dir / "objects"),
            "STATE_DIR": str(account_dir / "services"),
            "TMPDIR": str(temporary_dir),
            # Functions run in this interpreter: ministack must not find a container engine.
            "DOCKER_HOST": f"unix://{temporary_dir / 'no-docker.sock'}",
            "LAMBDA_EXECUTOR": "local",
        }
    )
    tempfile.tempdir = None


def add_service(name: str, handler: Handler, *, target_prefix: str = "") -> None:
    """Route the requests of a service to a handler of ours.

    Args:
        name: the service's name, which is also the one in the requests' signatures.
        handler: answers a request.
        target_prefix: the prefix of X-Amz-Target; empty for a service of the REST protocol.
    """
    core("router").SERVICE_PATTERNS[name] = {
        "target_prefixes": [target_prefix] if target_prefix else [],
        "credential_scope": name,
        "host_patterns": [rf"(?:^|\.)api\.{name}\."],
    }
    application().SERVICE_HANDLERS[name] = handler


def request_account() -> str:
    """Return the account of the request or execution that the calling thread works for."""
    return str(core("responses").get_account_id())


def request_region() -> str:
    """Return the region of the request or execution that the calling thread works for."""
    return str(core("responses").get_region())


def act_for(account: str, region: str) -> None:
    """Make the calling thread work for an account and a region; for threads that are no request's.

    Args:
        account: the account id.
        region: the region.
    """
    core("responses").set_request_account_id(account)
    core("responses").set_request_region(region)


def role_session(role_arn: str, session_name: str) -> tuple[str, str, str]:
    """Create a session of a role; return its access key id, secret access key and session token.

    The session is created inside ministack and not with AssumeRole: the role of a job trusts sagemaker.amazonaws.com,
    and no caller of ministack over the network is that principal.

    Args:
        role_arn: the role.
        session_name: the name of the session.
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
