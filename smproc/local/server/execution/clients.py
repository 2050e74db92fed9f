"""The AWS clients that move a job's data, with the credentials of the job's role."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_s3 import S3Client

_CONNECTIONS_MAX = 16


@dataclass(frozen=True, slots=True)
class Credentials:
    """A session of a role.

    Attributes:
        access_key: the access key id.
        secret_key: the secret access key.
        token: the session token.
    """

    access_key: str
    secret_key: str
    token: str


@dataclass(frozen=True, slots=True)
class RoleClients:
    """The clients that act as one role.

    Attributes:
        s3: an S3 client.
        logs: a CloudWatch Logs client.
    """

    s3: S3Client
    logs: CloudWatchLogsClient


AssumeRole = Callable[[str], Credentials]


class AwsClients:
    """A cache of clients by role: creating a client can take as long as a small job.

    Args:
        endpoint: the URL of the local AWS.
        assume_role: creates a session of the role with the given ARN.
    """

    def __init__(self, endpoint: str, assume_role: AssumeRole) -> None:
        self.endpoint = endpoint
        self._assume_role = assume_role
        self._session = botocore.session.Session()
        self._clients: dict[tuple[str, str], RoleClients] = {}
        # botocore's sessions are not thread-safe.
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Load the service models, which take most of the time of a first client, before the first job needs them."""
        with self._lock:
            for service in ("s3", "logs"):
                self._client(service, "us-east-1", Credentials("test", "test", ""))

    def for_role(self, role_arn: str, region: str) -> RoleClients:
        """Return the clients that act as a role.

        Args:
            role_arn: the role.
            region: the region of the clients.
        """
        with self._lock:
            if (clients := self._clients.get((role_arn, region))) is None:
                credentials = self._assume_role(role_arn)
                s3, logs = (self._client(service, region, credentials) for service in ("s3", "logs"))
                clients = self._clients[role_arn, region] = RoleClients(s3, logs)
            return clients

    def variables(self, region: str) -> dict[str, str]:
        """Return the environment variables that lead a program to the local AWS; AWS sets no AWS_ENDPOINT_URL."""
        return {"AWS_REGION": region, "AWS_DEFAULT_REGION": region, "AWS_ENDPOINT_URL": self.endpoint}

    def _client(self, service: str, region: str, credentials: Credentials) -> Any:  # noqa: ANN401 - the type depends on the service
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
