"""The container credentials endpoint, from which a job's program gets, and renews, the credentials of its role.

AWS sets ``AWS_CONTAINER_CREDENTIALS_RELATIVE_URI``, relative to 169.254.170.2, a link-local address that this machine
lacks. Every SDK accepts ``AWS_CONTAINER_CREDENTIALS_FULL_URI`` on loopback instead; the response has the same shape.

See: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from smproc.local.server.execution.clients import AssumeRole, Credentials

_VALID_IN_SECONDS = 3600.0
# SDKs renew from a quarter of an hour before the expiration.
_RENEWED_BEFORE_EXPIRATION_IN_SECONDS = 1800.0


@dataclass(slots=True)
class _Grant:
    role_arn: str
    authorization: str
    credentials: Credentials | None = None
    expires: float = 0.0


class CredentialsEndpoint:
    """Credentials of roles for running programs, each at a secret path and with a secret token of its own.

    Args:
        endpoint: the URL of the local AWS.
        assume_role: creates a session of the role with the given ARN.
        now: returns the time in seconds since 1970.
    """

    path: Final = "/_smproc/credentials/"

    def __init__(self, endpoint: str, assume_role: AssumeRole, now: Callable[[], float] = time.time) -> None:
        self._endpoint = endpoint
        self._assume_role = assume_role
        self._now = now
        self._grants: dict[str, _Grant] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def open(self, role_arn: str) -> Iterator[Mapping[str, str]]:
        """Serve a role's credentials while the context lasts; yield the environment variables that lead to them.

        Args:
            role_arn: the role.
        """
        name, authorization = secrets.token_urlsafe(16), secrets.token_urlsafe(32)
        self._grants[name] = _Grant(role_arn, authorization)
        try:
            yield {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self._endpoint}{self.path}{name}",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": authorization,
            }
        finally:
            del self._grants[name]

    def answer(self, path: str, authorization: str) -> tuple[HTTPStatus, bytes]:
        """Return the status and the body of the response to a request.

        Args:
            path: the request's path.
            authorization: the request's Authorization header.
        """
        grant = self._grants.get(path.removeprefix(self.path))
        if grant is None or not secrets.compare_digest(grant.authorization.encode(), authorization.encode()):
            denial = {"code": "AccessDenied", "message": "Only a running job's program can get these credentials."}
            return HTTPStatus.FORBIDDEN, json.dumps(denial).encode()
        with self._lock:
            if grant.credentials is None or grant.expires - self._now() < _RENEWED_BEFORE_EXPIRATION_IN_SECONDS:
                grant.credentials = self._assume_role(grant.role_arn)
                grant.expires = self._now() + _VALID_IN_SECONDS
            credentials, expires = grant.credentials, grant.expires
        answer = {
            "RoleArn": grant.role_arn,
            "AccessKeyId": credentials.access_key,
            "SecretAccessKey": credentials.secret_key,
            "Token": credentials.token,
            "Expiration": datetime.fromtimestamp(expires, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return HTTPStatus.OK, json.dumps(answer).encode()
