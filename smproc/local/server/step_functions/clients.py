"""The clients with which tasks call services: at the local AWS, with the credentials of the state machine's role."""

from __future__ import annotations

import gzip
import re
import threading
import uuid
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, Protocol

import botocore.session
from botocore.config import Config

_CONNECTIONS_MAX = 256
# A service's model begins with its metadata.
_METADATA_MAX_IN_CHARACTERS = 4096
# The longest that a Lambda function may run.
_READ_TIMEOUT_IN_SECONDS = 910

# Takes a role's ARN; returns the access key id, secret access key and session token of a session of it.
RoleSession = Callable[[str], tuple[str, str, str]]


class TaskCredentials(Protocol):
    """The credentials of a task, as the interpreter has them."""

    @property
    def role_arn(self) -> str:
        """The role that the task acts as."""


class TaskClients:
    """A cache of clients by region, service and role.

    Args:
        endpoint: the URL of the local AWS, which is an attribute, too.
        role_session: creates a session of a role.
    """

    def __init__(self, endpoint: str, role_session: RoleSession) -> None:
        self.endpoint = endpoint
        self._role_session = role_session
        self._session = botocore.session.Session()
        self._clients: dict[tuple[str, str, str], Any] = {}
        # botocore's sessions are not thread-safe.
        self._lock = threading.Lock()

    def get(self, region: str, service: str, role_arn: str) -> Any:
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

    def service_model(self, service: str) -> Any:
        """Return botocore's model of a service.

        Args:
            service: the service's name in botocore.
        """
        with self._lock:
            return self._session.get_service_model(service)

    def services(self) -> list[str]:
        """Return the names of the services that botocore knows."""
        with self._lock:
            return list(self._session.get_available_services())

    def service_id(self, service: str) -> str:
        """Return the id of a service: ``CloudWatch Logs``; from the beginning of its model, which is large.

        Args:
            service: the service's name in botocore.
        """
        loader = self._session.get_component("data_loader")
        version = loader.determine_latest_version(service, "service-2")
        for root in loader.search_paths:
            path = Path(root, service, version, "service-2.json")
            for candidate, opened in ((path, open), (path.with_name(f"{path.name}.gz"), gzip.open)):
                if candidate.exists():
                    with opened(candidate, "rt", encoding="utf-8") as model:
                        match = re.search(r'"serviceId"\s*:\s*"([^"]+)"', model.read(_METADATA_MAX_IN_CHARACTERS))
                    return match[1] if match else service
        return service

    def _create(self, region: str, service: str, role_arn: str) -> Any:
        access_key, secret_key, token = self._role_session(role_arn)
        client = self._session.create_client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
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
        client.meta.events.register("after-call.*.*", _note_response)
        return client


_responses = threading.local()


def _note_response(parsed: MutableMapping[str, Any], **_: object) -> None:
    """Give a response without a request id one, which causes of errors cite, and remember its metadata."""
    metadata = parsed.setdefault("ResponseMetadata", {})
    # The local AWS may send the header twice, which botocore joins.
    metadata["RequestId"] = str(metadata.get("RequestId") or uuid.uuid4()).partition(",")[0]
    _responses.metadata = metadata


def last_response_metadata() -> Mapping[str, Any]:
    """Return the metadata of the last response that the calling thread got."""
    metadata: Mapping[str, Any] = getattr(_responses, "metadata", {})
    return metadata


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


def boto_client_for(region: str, service: str, state_credentials: TaskCredentials | None = None) -> Any:
    """Return a client for a task; the interpreter calls this by name.

    Args:
        region: the region of the execution or of the task's resource.
        service: the service's name in botocore.
        state_credentials: the credentials of the task.
    """
    return task_clients().get(region, service, state_credentials.role_arn if state_credentials else "")
