"""The container-credentials address: where a job's program gets, and renews, the credentials of its role.

In AWS that is ``AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`` at 169.254.170.2, a link-local address that this machine
lacks. Every SDK takes ``AWS_CONTAINER_CREDENTIALS_FULL_URI`` on loopback instead, and the answer has the same shape.

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
# SDKs ask anew from a quarter of an hour before the end.
_RENEWED_BEFORE_END_IN_SECONDS = 1800.0


@dataclass(slots=True)
class _Grant:
    role_arn: str
    authorization: str
    credentials: Credentials | None = None
    expires: float = 0.0


class CredentialsEndpoint:
    """Answers programs that ask for their role's credentials; each knows its own address and word alone.

    Args:
        endpoint: where the local AWS answers.
        assume_role: makes a session of the role with the given ARN.
        now: the time, in seconds since 1970.
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
        """Give out a role's credentials for as long as the context lasts; the variables that lead to them."""
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
        """Answer a request.

        Args:
            path: the request's path.
            authorization: its Authorization header.
        """
        grant = self._grants.get(path.removeprefix(self.path))
        if grant is None or not secrets.compare_digest(grant.authorization.encode(), authorization.encode()):
            refusal = {"code": "AccessDenied", "message": "These credentials are for a running job's program alone."}
            return HTTPStatus.FORBIDDEN, json.dumps(refusal).encode()
        with self._lock:
            if grant.credentials is None or grant.expires - self._now() < _RENEWED_BEFORE_END_IN_SECONDS:
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
