"""Circumstances that nobody can bring about in AWS: only the local AWS does it on request."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from smproc.local import LocalAws
from tools.verify_aws.account import Account
from tools.verify_aws.question import NotProvokedError

_DEFAULT_PORT: Final = 4566


class Provoker:
    """Brings circumstances about where that is possible: in AWS, nothing is."""

    def provoke(self, kind: str, **_options: Any) -> None:
        """Bring a fault about.

        Args:
            kind: ``throttle``, ``quota`` or ``capacity``.

        Raises:
            NotProvokedError: always, in AWS.
        """
        raise NotProvokedError(f"AWS has no {kind} on request")


class LocalProvoker(Provoker):
    """Injects faults into the local AWS.

    Args:
        aws: the local AWS.
    """

    def __init__(self, aws: LocalAws) -> None:
        self._aws = aws

    def provoke(self, kind: str, **options: Any) -> None:
        """Inject a fault; it names the jobs that it concerns, so other questions go on undisturbed.

        Args:
            kind: the kind of the fault.
            options: the options of `smproc.local.LocalAws.put_fault`.
        """
        self._aws.put_fault(kind, **options)


def provoker_for(account: Account) -> Provoker:
    """Return the one that can provoke circumstances in an account."""
    if not account.is_local:
        return Provoker()
    return LocalProvoker(LocalAws(port=urlsplit(account.endpoint).port or _DEFAULT_PORT))
