"""Faults on request: what AWS does on a bad day, done on purpose."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from smproc.local.server.execution import InjectedFault
from smproc.local.server.sagemaker.errors import ApiError, invalid

_log = logging.getLogger(__name__)
# What a fault does, as `smproc local fault` explains it.
KINDS: Final[Mapping[str, str]] = {
    "throttle": "calls of the SageMaker API are answered with ThrottlingException",
    "quota": "CreateProcessingJob is answered with ResourceLimitExceeded, as when all instances of a type are taken",
    "capacity": "jobs are created and fail with a CapacityError, as when AWS has no such instance left",
    "error": "jobs are created and fail with an InternalServerError",
    "delay": "jobs start later",
}
_FAILURES: Final = {
    # As users quote it: https://repost.aws/knowledge-center/sagemaker-insufficient-capacity-error
    "capacity": (
        "CapacityError: Unable to provision requested ML compute capacity. "
        "Please retry using a different ML instance type."
    ),
    "error": "InternalServerError: We encountered an internal error. Please try again.",
}


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault.

    Attributes:
        kind: one of `KINDS`.
        times: how often it still strikes; None for ever.
        share: the part of calls or jobs that it strikes, 0 to 1.
        seconds: for ``delay``, how much later.
        name_contains: only jobs whose name contains this.
    """

    kind: str
    times: int | None = None
    share: float = 1.0
    seconds: float = 0.0
    name_contains: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise invalid(f"There is no fault {self.kind!r}; there are {', '.join(KINDS)}")
        if self.times is not None and self.times < 1:
            raise invalid(f"times must be at least 1, got {self.times}")
        if not 0 < self.share <= 1:
            raise invalid(f"share must be above 0 and at most 1, got {self.share}")
        if (self.kind == "delay") != (self.seconds > 0):
            raise invalid(f"seconds go with delay, and delay with seconds, got {self.kind} with {self.seconds}")

    def shown(self) -> dict[str, Any]:
        """The fault as it is asked for."""
        return {
            "kind": self.kind,
            "times": self.times,
            "share": self.share,
            "seconds": self.seconds,
            "name_contains": self.name_contains,
        }


@dataclass(slots=True)
class Faults:
    """The faults that are on."""

    _on: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, fault: Fault) -> None:
        """Switch one on."""
        with self._lock:
            self._on.append(fault)

    def clear(self) -> None:
        """Switch all off."""
        with self._lock:
            self._on.clear()

    def shown(self) -> list[dict[str, Any]]:
        """Those that will still strike."""
        with self._lock:
            return [fault.shown() for fault in self._on]

    def strike_call(self, job_name: str) -> None:
        """Throttle a call, if that is on.

        Raises:
            ApiError: it is.
        """
        if self._take("throttle", job_name) is not None:
            raise ApiError("ThrottlingException", "Rate exceeded")

    def strike_creation(self, job_name: str) -> None:
        """Refuse a job for want of quota, if that is on.

        Raises:
            ApiError: it is.
        """
        if self._take("quota", job_name) is not None:
            raise ApiError(
                "ResourceLimitExceeded",
                "The account-level service limit for processing job usage is 0 Instances, with current utilization of "
                "0 Instances and a request delta of 1 Instances. Please use AWS Service Quotas to request an increase "
                "for this quota.",
                modelled=True,
            )

    def for_job(self, job_name: str) -> InjectedFault:
        """What shall go wrong with a new job."""
        delay = self._take("delay", job_name)
        failed = next((kind for kind in _FAILURES if self._take(kind, job_name) is not None), None)
        return InjectedFault(
            delay_in_seconds=delay.seconds if delay else 0.0, failure=_FAILURES[failed] if failed else None
        )

    def _take(self, kind: str, job_name: str) -> Fault | None:
        with self._lock:
            for fault in self._on:
                if fault.kind != kind or fault.name_contains not in job_name or random.random() >= fault.share:  # noqa: S311
                    continue
                _log.info("the fault %s strikes %s", kind, job_name or "a call")
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self._on.remove(fault)
                return fault
        return None
