"""The AWS clients with which a job moves its data, with its own role's credentials."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.config import Config

_CONNECTIONS_MAX = 16


@dataclass(frozen=True, slots=True)
class Credentials:
    """A session of a role.

    Attributes:
        access_key: the session's access key id.
        secret_key: its secret access key.
        token: its session token.
    """

    access_key: str
    secret_key: str
    token: str


@dataclass(frozen=True, slots=True)
class RoleClients:
    """What a role can use: untyped clients, as boto3's are.

    Attributes:
        s3: an S3 client.
        logs: a CloudWatch Logs client.
    """

    s3: Any
    logs: Any


AssumeRole = Callable[[str], Credentials]


class AwsClients:
    """Makes a role's clients once: making one takes as long as many a small job.

    Args:
        endpoint: where the local AWS answers.
        assume_role: makes a session of the role with the given ARN.
    """

    def __init__(self, endpoint: str, assume_role: AssumeRole) -> None:
        self.endpoint = endpoint
        self._assume_role = assume_role
        self._session = botocore.session.Session()
        self._made: dict[tuple[str, str], RoleClients] = {}
        # botocore's session is not made for several threads.
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Read the service models, most of the cost of a first client, before the first job needs them."""
        with self._lock:
            for service in ("s3", "logs"):
                self._client(service, "us-east-1", Credentials("test", "test", ""))

    def of_role(self, role_arn: str, region: str) -> RoleClients:
        """The clients that act as a role."""
        with self._lock:
            if (known := self._made.get((role_arn, region))) is None:
                credentials = self._assume_role(role_arn)
                s3, logs = (self._client(service, region, credentials) for service in ("s3", "logs"))
                known = self._made[role_arn, region] = RoleClients(s3, logs)
            return known

    def variables(self, region: str) -> dict[str, str]:
        """The environment variables with which a program finds the local AWS; in AWS there is no AWS_ENDPOINT_URL."""
        return {"AWS_REGION": region, "AWS_DEFAULT_REGION": region, "AWS_ENDPOINT_URL": self.endpoint}

    def _client(self, service: str, region: str, credentials: Credentials) -> Any:  # noqa: ANN401 - boto3 is untyped
        return self._session.create_client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            aws_session_token=credentials.token or None,
            config=Config(
                max_pool_connections=_CONNECTIONS_MAX,
                proxies={},  # the endpoint is on this machine
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                retries={"total_max_attempts": 3, "mode": "standard"},
                s3={"addressing_style": "path", "payload_signing_enabled": False},
            ),
        )
