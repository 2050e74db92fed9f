"""A boto3 session for the threads of a server."""

from __future__ import annotations

import threading
from typing import Any

import boto3
from botocore.config import Config

# The local AWS is near: what does not answer soon does not answer at all, and a browser waits.
_CONFIG = Config(connect_timeout=2, read_timeout=30, retries={"total_max_attempts": 1})


class SharedSession(boto3.Session):
    """A session that creates a client once; sessions are not safe for threads, clients are.

    See: https://docs.aws.amazon.com/boto3/latest/guide/clients.html#multithreading-or-multiprocessing-with-clients
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._lock = threading.RLock()
        self._clients: dict[str, Any] = {}

    def client(self, service_name: str, *_: Any, **__: Any) -> Any:  # noqa: ANN401 - by its name
        """Return the client of a service."""
        with self._lock:
            if service_name not in self._clients:
                self._clients[service_name] = super().client(service_name, config=_CONFIG)  # type: ignore[call-overload]
            return self._clients[service_name]
