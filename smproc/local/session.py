"""A boto3 session for the threads of a server."""

from __future__ import annotations

import threading
from typing import Any

import boto3
from botocore.config import Config

from smproc.local.controller import LocalAws
from smproc.local.environment import pointing_at

# The local AWS is near: what does not answer soon does not answer at all, and a browser waits.
_CONFIG = Config(connect_timeout=2, read_timeout=30, retries={"total_max_attempts": 1}, proxies={})


class SharedSession(boto3.Session):
    """A session of a local AWS that creates a client once; sessions are not safe for threads, clients are.

    Args:
        local_aws: the local AWS; whatever the environment says, no client calls another one.

    See: https://docs.aws.amazon.com/boto3/latest/guide/clients.html#multithreading-or-multiprocessing-with-clients
    """

    def __init__(self, local_aws: LocalAws) -> None:
        variables = pointing_at(local_aws.port, local_aws.region, {}, local_aws.account)
        super().__init__(
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
            region_name=local_aws.region,
        )
        self._endpoint = local_aws.endpoint
        self._lock = threading.RLock()
        self._clients: dict[str, Any] = {}

    def client(self, service_name: str, *_: Any, **__: Any) -> Any:  # noqa: ANN401 - by its name
        """Return the client of a service."""
        with self._lock:
            if service_name not in self._clients:
                self._clients[service_name] = super().client(service_name, endpoint_url=self._endpoint, config=_CONFIG)  # type: ignore[call-overload]
            return self._clients[service_name]
