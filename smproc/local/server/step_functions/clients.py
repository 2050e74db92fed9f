"""The clients with which tasks call services: at the local AWS, with the credentials of the state machine's role."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, MutableMapping
from typing import Any, Protocol

import botocore.session
from botocore.config import Config

_CONNECTIONS_MAX = 256
# The longest that a Lambda function may run.
_READ_TIMEOUT_IN_SECONDS = 910

# Takes a role's ARN; returns the access key id, secret access key and session token of a session of it.
RoleSession = Callable[[str], tuple[str, str, str]]


class TaskCredentials(Protocol):
    """The credentials of a task, as the interpreter has them.

    Attributes:
        role_arn: the role that the task acts as.
    """

    role_arn: str


class TaskClients:
    """A cache of clients by region, service and role.

    Args:
        endpoint: the URL of the local AWS.
        role_session: creates a session of a role.
    """

    def __init__(self, endpoint: str, role_session: RoleSession) -> None:
        self._endpoint = endpoint
        self._role_session = role_session
        self._session = botocore.session.Session()
        self._clients: dict[tuple[str, str, str], Any] = {}
        # botocore's sessions are not thread-safe.
        self._lock = threading.Lock()

    def get(self, region: str, service: str, role_arn: str) -> Any:  # noqa: ANN401 - the type depends on the service
        """Return a client that acts as a role.

        Args:
            region: the region.
            service: the service's name in botocore.
            role_arn: the role.
        """
        key = (region, service, role_arn)
        with self._lock:
            if (client := self._clients.get(key)) is None:
                client = self._clients[key] = self._create(*key)
            return client

    def service_model(self, service: str) -> Any:  # noqa: ANN401 - botocore has no types
        """Return botocore's model of a service.

        Args:
            service: the service's name in botocore.
        """
        with self._lock:
            return self._session.get_service_model(service)

    def _create(self, region: str, service: str, role_arn: str) -> Any:  # noqa: ANN401 - the type depends on the service
        access_key, secret_key, token = self._role_session(role_arn)
        client = self._session.create_client(
            service,
            region_name=region,
            endpoint_url=self._endpoint,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            aws_session_token=token or None,
            config=Config(
                max_pool_connections=_CONNECTIONS_MAX,
                # Step Functions reports what the service answers, and retries only what a Retry names.
                parameter_validation=False,
                retries={"total_max_attempts": 1},
                read_timeout=_READ_TIMEOUT_IN_SECONDS,
                proxies={},  # the endpoint is on this machine
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"addressing_style": "path", "payload_signing_enabled": False},
            ),
        )
        client.meta.events.register("after-call.*.*", _set_request_id)
        return client


def _set_request_id(parsed: MutableMapping[str, Any], **_: object) -> None:
    """Give a response without a request id one: causes of errors cite it."""
    parsed.setdefault("ResponseMetadata", {}).setdefault("RequestId", str(uuid.uuid4()))


_configured: list[TaskClients] = []


def configure(endpoint: str, role_session: RoleSession) -> None:
    """Set the local AWS that tasks call.

    Args:
        endpoint: the URL of the local AWS.
        role_session: creates a session of a role.
    """
    _configured[:] = [TaskClients(endpoint, role_session)]


def task_clients() -> TaskClients:
    """Return the cache of clients."""
    (clients,) = _configured
    return clients


def boto_client_for(region: str, service: str, state_credentials: TaskCredentials | None = None) -> Any:  # noqa: ANN401 - the type depends on the service
    """Return a client for a task; the interpreter calls this by name.

    Args:
        region: the region of the execution or of the task's resource.
        service: the service's name in botocore.
        state_credentials: the credentials of the task.
    """
    return task_clients().get(region, service, state_credentials.role_arn if state_credentials else "")
