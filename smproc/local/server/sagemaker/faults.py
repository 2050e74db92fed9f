"""Fault injection: errors of AWS, produced on request."""

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
# The kinds of faults, with the descriptions that `smproc local fault` shows.
KINDS: Final[Mapping[str, str]] = {
    "throttle": "calls of the SageMaker API are answered with ThrottlingException",
    "quota": "the creation of a job is answered with ResourceLimitExceeded, as when all instances of a type are taken",
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
    """A fault.

    Attributes:
        kind: one of `KINDS`.
        times: the number of calls or jobs still to affect; None for no limit.
        share: the share of calls or jobs to affect, above 0 and at most 1.
        seconds: the delay, for the kind ``delay`` alone.
        name_contains: a part of the names of the jobs to affect; empty for all jobs.
        instance_type: for the kind ``quota`` alone, the instance type whose quota is 0; empty for all.
    """

    kind: str
    times: int | None = None
    share: float = 1.0
    seconds: float = 0.0
    name_contains: str = ""
    instance_type: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise invalid(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if self.times is not None and self.times < 1:
            raise invalid(f"times must be at least 1, got {self.times}")
        if not 0 < self.share <= 1:
            raise invalid(f"share must be above 0 and at most 1, got {self.share}")
        if (self.kind == "delay") != (self.seconds > 0):
            raise invalid(
                f"seconds must be above 0 for delay and 0 for other faults, got {self.seconds} for {self.kind}"
            )

        if self.instance_type and self.kind != "quota":
            raise invalid(f"instance_type must be empty for all faults but quota, got {self.instance_type!r}")

    def describe(self) -> dict[str, Any]:
        """Return the fault as its request has it."""
        return {
            "kind": self.kind,
            "times": self.times,
            "share": self.share,
            "seconds": self.seconds,
            "name_contains": self.name_contains,
            "instance_type": self.instance_type,
        }


@dataclass(slots=True)
class Faults:
    """The active faults."""

    _active: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, fault: Fault) -> None:
        """Activate a fault."""
        with self._lock:
            self._active.append(fault)

    def clear(self) -> None:
        """Deactivate every fault."""
        with self._lock:
            self._active.clear()

    def describe(self) -> list[dict[str, Any]]:
        """Return the active faults."""
        with self._lock:
            return [fault.describe() for fault in self._active]

    def throttle_call(self, job_name: str) -> None:
        """Throttle a call if a fault says so.

        Args:
            job_name: the job that the call is about; empty if it is about none.

        Raises:
            ApiError: the call is throttled.
        """
        if self._take("throttle", job_name) is not None:
            raise ApiError("ThrottlingException", "Rate exceeded")

    def exhausted_types(self) -> set[str]:
        """Return the instance types whose quotas are 0."""
        with self._lock:
            return {fault.instance_type for fault in self._active if fault.instance_type}

    def refuse_creation(self, kind: str, job_name: str, instance_type: str) -> None:
        """Refuse to create a job for lack of quota if a fault says so.

        Args:
            kind: the kind of the job, for the message: ``processing job``.
            job_name: the job.
            instance_type: its instance type; empty if it has several.

        Raises:
            ApiError: the job is refused.
        """
        fault = self._take("quota", job_name, instance_type)
        if fault is not None:
            # As users quote it: https://repost.aws/knowledge-center/sagemaker-resource-limit-exceeded-error
            limit = f"'{fault.instance_type} for {kind} usage'" if fault.instance_type else f"for {kind} usage"
            raise ApiError(
                "ResourceLimitExceeded",
                f"The account-level service limit {limit} is 0 Instances, with current utilization of "
                "0 Instances and a request delta of 1 Instances. Please use AWS Service Quotas to request an increase "
                "for this quota.",
                modelled=True,
            )

    def for_job(self, job_name: str) -> InjectedFault:
        """Return the fault to inject into a new job."""
        delay = self._take("delay", job_name)
        failure = next((kind for kind in _FAILURES if self._take(kind, job_name) is not None), None)
        return InjectedFault(
            delay_in_seconds=delay.seconds if delay else 0.0, failure=_FAILURES[failure] if failure else None
        )

    def _take(self, kind: str, job_name: str, instance_type: str = "") -> Fault | None:
        with self._lock:
            for fault in self._active:
                if fault.instance_type not in ("", instance_type):
                    continue
                if fault.kind != kind or fault.name_contains not in job_name or random.random() >= fault.share:  # noqa: S311
                    continue
                _log.info("Injecting the fault %s into %s", kind, job_name or "a call")
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self._active.remove(fault)
                return fault
        return None
