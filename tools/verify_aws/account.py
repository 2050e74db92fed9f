"""The account that is asked: credentials, region and clients of boto3, and whether it is the local AWS."""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationModel

from tools.verify_aws.question import NotAnsweredError

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
# The answers of the local AWS to what it does not have.
_NOT_IMPLEMENTED: Final = frozenset({"NotImplemented", "UnknownOperationException"})


class NoAccountError(Exception):
    """There are no credentials or no region, or they lead nowhere."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account and a region, with the clients of the caller.

    Attributes:
        number: the 12 digits of the account.
        region: the region.
        caller: the ARN of who asks.
        endpoint: the address of the local AWS; empty for AWS.
        calls: the requests so far, as ``stepfunctions:StartExecution``.
    """

    number: str
    region: str
    caller: str
    endpoint: str
    calls: set[str] = field(default_factory=set, compare=False)
    _clients_of: Callable[..., Any] = field(repr=False, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, profile: str | None = None, region: str | None = None) -> Account:
        """Return the account that boto3's chain of credentials leads to.

        Args:
            profile: a profile of the AWS configuration. Default: the chain's.
            region: the region. Default: the profile's, or that of the environment.

        Raises:
            NoAccountError: there are no credentials, no region, or they are refused.
        """
        try:
            session = boto3.Session(profile_name=profile, region_name=region)
            if session.region_name is None:
                raise NoAccountError("region must be known, got none; pass --region, or set AWS_REGION")
            client = session.client("sts")
            identity = client.get_caller_identity()
        except (BotoCoreError, ClientError) as error:
            raise NoAccountError(f"the credentials must lead to an account: {error}") from error
        return cls(
            number=identity["Account"],
            region=session.region_name,
            caller=identity["Arn"],
            endpoint=_local_endpoint(client.meta.endpoint_url),
            _clients_of=session.client,
        )

    @property
    def is_local(self) -> bool:
        """True for an account of the local AWS."""
        return bool(self.endpoint)

    def in_region(self, region: str) -> Account:
        """Return the account in another region; its requests count as those of this one.

        Args:
            region: the region.
        """
        if region == self.region:
            return self
        clients_of = functools.partial(self._clients_of, region_name=region)
        return dataclasses.replace(self, region=region, _clients_of=clients_of, _clients={})

    def client(self, service: str) -> Any:  # noqa: ANN401 - the type depends on the service
        """Return the client of a service, created once; clients may be used by several threads."""
        with self._lock:
            if service not in self._clients:
                config = Config(retries={"mode": "adaptive", "total_max_attempts": 8}, max_pool_connections=40)
                client = self._clients_of(service, config=config)
                client.meta.events.register("before-call", functools.partial(self._note, service))
                self._clients[service] = client
            return self._clients[service]

    def _note(self, service: str, model: OperationModel, **_: object) -> None:
        self.calls.add(f"{service}:{model.name}")

    def ask(self, service: str, operation: str, **request: Any) -> Any:  # noqa: ANN401 - depends on the operation
        """Call an operation.

        Args:
            service: the name of the service, as boto3 has it.
            operation: the method of its client.
            request: its parameters.

        Raises:
            NotAnsweredError: the account is of the local AWS, which does not have the operation.
        """
        try:
            return getattr(self.client(service), operation)(**request)
        except ClientError as error:
            if self.is_local and error.response["Error"]["Code"] in _NOT_IMPLEMENTED:
                raise NotAnsweredError(f"the local AWS has no {service}:{operation}") from error
            raise


def _local_endpoint(url: str) -> str:
    return url if urlsplit(url).hostname in _LOOPBACK else ""
