"""The jobs that there are, and pages of them."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import UnionType
from typing import Any

from smproc.local.server.execution import ProcessingJob
from smproc.local.server.sagemaker.errors import invalid, resource_in_use, unknown_job
from smproc.local.server.sagemaker.job_records import JobRecords

_PAGE_DEFAULT = 10
_SORT_KEYS: Mapping[str, Callable[[ProcessingJob], Any]] = {
    "Name": lambda job: job.name,
    "CreationTime": lambda job: job.created.timestamp(),
    "Status": lambda job: str(job.status),
}


@dataclass(frozen=True, slots=True)
class AccountRegion:
    """Whose jobs, and where.

    Attributes:
        account: the account id.
        region: the region.
    """

    account: str
    region: str

    def job_arn(self, name: str) -> str:
        """The ARN of a job by its name."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:processing-job/{name}"


class JobStore:
    """The jobs that there are, by scope and name.

    Args:
        records: what outlives the server.
    """

    def __init__(self, records: JobRecords) -> None:
        self._records = records
        self._lock = threading.Lock()
        self._jobs: dict[str, ProcessingJob] = {}
        for record in records.load():
            job = ProcessingJob.remembered(record)
            self._jobs[job.arn] = job
            if str(job.status) != record["status"]:
                records.save(job.arn, job.record())

    def add(self, job: ProcessingJob) -> None:
        """Take a new job in.

        Raises:
            ApiError: its name is taken.
        """
        with self._lock:
            if job.arn in self._jobs:
                raise resource_in_use(
                    "Job name must be unique within an AWS account and region, and a job with this name already exists "
                    f"({job.arn})"
                )
            self._jobs[job.arn] = job
            self._records.save(job.arn, job.record())

    def save(self, job: ProcessingJob) -> None:
        """Remember a job as it is now, unless it was deleted meanwhile."""
        with self._lock:
            if self._jobs.get(job.arn) is job:
                self._records.save(job.arn, job.record())

    def get(self, scope: AccountRegion, name: str) -> ProcessingJob:
        """A job by its name.

        Raises:
            ApiError: there is none.
        """
        if (job := self._jobs.get(scope.job_arn(name))) is None:
            raise unknown_job(name)
        return job

    def by_arn(self, arn: str) -> ProcessingJob:
        """A job by its ARN.

        Raises:
            ApiError: there is none.
        """
        if (job := self._jobs.get(arn)) is None:
            raise unknown_job(arn.rpartition("/")[2])
        return job

    def remove(self, job: ProcessingJob) -> None:
        """Forget a job that has ended.

        Raises:
            ApiError: it has not.
        """
        with self._lock:
            if not job.status.final:
                raise resource_in_use(f"The processing job {job.name} is {job.status}; stop it before deleting it")
            self._jobs.pop(job.arn, None)
            self._records.forget(job.arn)

    def all(self) -> list[ProcessingJob]:
        """Every job of every account and region."""
        with self._lock:
            return list(self._jobs.values())

    def page(self, scope: AccountRegion, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer ListProcessingJobs.

        Raises:
            ApiError: NextToken is not one of ours.
        """
        by = request.get("SortBy", "CreationTime")
        sort_by = _SORT_KEYS[by]
        descending = request.get("SortOrder") == "Descending"
        prefix = scope.job_arn("")
        mine = (job for job in self.all() if job.arn.startswith(prefix))

        def place(job: ProcessingJob) -> tuple[Any, str]:
            return sort_by(job), job.name

        found = sorted(_matching(mine, request), key=place, reverse=descending)
        if token := request.get("NextToken"):
            # A token goes with the sorting that it was given out for.
            last = _decode(token, str if by != "CreationTime" else int | float)
            found = [job for job in found if (place(job) < last if descending else place(job) > last)]
        limit = request.get("MaxResults", _PAGE_DEFAULT)
        answer: dict[str, Any] = {"ProcessingJobSummaries": [job.summary() for job in found[:limit]]}
        if len(found) > limit:
            answer["NextToken"] = _encode(place(found[limit - 1]))
        return answer


def _matching(jobs: Iterable[ProcessingJob], request: Mapping[str, Any]) -> Iterable[ProcessingJob]:
    def between(moment: datetime, what: str) -> bool:
        # Whole milliseconds: a time that was told and is asked for must not be lost to a float's last digit.
        after, before = (request.get(f"{what}{side}") for side in ("After", "Before"))
        told = round(moment.timestamp() * 1000)
        return (after is None or round(after * 1000) <= told) and (before is None or told <= round(before * 1000))

    def matches(job: ProcessingJob) -> bool:
        return (
            request.get("NameContains", "") in job.name
            and request.get("StatusEquals", job.status) == job.status
            and between(job.created, "CreationTime")
            and between(job.modified, "LastModifiedTime")
        )

    return filter(matches, jobs)


def _encode(place: tuple[Any, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _decode(token: str, kind: type | UnionType) -> tuple[Any, str]:
    try:
        value, name = json.loads(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError) as error:
        raise invalid("Invalid NextToken") from error
    if not isinstance(name, str) or not isinstance(value, kind) or isinstance(value, bool):
        raise invalid("Invalid NextToken")
    return value, name
