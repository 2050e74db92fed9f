"""The store of jobs, and the pages of ListProcessingJobs and ListTrainingJobs."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import UnionType
from typing import Any, Final

from smproc.local.server.execution import Job, ProcessingJob, TrainingJob
from smproc.local.server.sagemaker.errors import invalid, resource_in_use, unknown_job
from smproc.local.server.sagemaker.job_records import JobRecords

_PAGE_DEFAULT = 10
_SORT_KEYS: Mapping[str, Callable[[Job], Any]] = {
    "Name": lambda job: job.name,
    "CreationTime": lambda job: job.created.timestamp(),
    "Status": lambda job: str(job.status),
}


# The kinds of jobs that the local AWS runs.
KINDS: Final[Sequence[type[Job]]] = (ProcessingJob, TrainingJob)


@dataclass(frozen=True, slots=True)
class AccountRegion:
    """An account and a region.

    Attributes:
        account: the account id.
        region: the region.
    """

    account: str
    region: str

    def job_arn(self, kind: type[Job], name: str) -> str:
        """Return the ARN of a job by its kind and name."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{kind.arn_type}/{name}"


class JobStore:
    """The jobs of every account and region, by ARN.

    Args:
        records: the persistent records of the jobs.
    """

    def __init__(self, records: JobRecords) -> None:
        self._records = records
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        for record in records.load():
            job = _kind_of(record["arn"]).from_record(record)
            self._jobs[job.arn] = job
            if str(job.status) != record["status"]:
                records.save(job.arn, job.record())

    def add(self, job: Job) -> None:
        """Add a new job.

        Args:
            job: the job.

        Raises:
            ApiError: its name is in use.
        """
        with self._lock:
            if job.arn in self._jobs:
                raise resource_in_use(
                    "Job name must be unique within an AWS account and region, and a job with this name already exists "
                    f"({job.arn})"
                )
            self._jobs[job.arn] = job
            self._records.save(job.arn, job.record())

    def save(self, job: Job) -> None:
        """Write a job's record, unless the job was deleted.

        Args:
            job: the job.
        """
        with self._lock:
            if self._jobs.get(job.arn) is job:
                self._records.save(job.arn, job.record())

    def get(self, scope: AccountRegion, kind: type[Job], name: str) -> Job:
        """Return a job by its name.

        Args:
            scope: the job's account and region.
            kind: its kind.
            name: its name.

        Raises:
            ApiError: there is no such job.
        """
        if (job := self._jobs.get(scope.job_arn(kind, name))) is None:
            raise unknown_job(name)
        return job

    def by_arn(self, arn: str) -> Job:
        """Return a job by its ARN.

        Args:
            arn: the ARN.

        Raises:
            ApiError: there is no such job.
        """
        if (job := self._jobs.get(arn)) is None:
            raise unknown_job(arn.rpartition("/")[2])
        return job

    def remove(self, job: Job) -> None:
        """Delete a job that has ended.

        Args:
            job: the job.

        Raises:
            ApiError: the job has not ended.
        """
        with self._lock:
            if not job.status.final:
                kind = readable(type(job))
                raise resource_in_use(f"The {kind} {job.name} is {job.status}; stop it before deleting it")
            self._jobs.pop(job.arn, None)
            self._records.delete(job.arn)

    def all(self) -> list[Job]:
        """Return every job of every account and region."""
        with self._lock:
            return list(self._jobs.values())

    def page(self, scope: AccountRegion, kind: type[Job], request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer ListProcessingJobs or ListTrainingJobs.

        Args:
            scope: the caller's account and region.
            kind: the kind of jobs.
            request: the request.

        Raises:
            ApiError: NextToken was not returned by this operation.
        """
        by = request.get("SortBy", "CreationTime")
        sort_by = _SORT_KEYS[by]
        descending = request.get("SortOrder") == "Descending"
        prefix = scope.job_arn(kind, "")
        jobs = (job for job in self.all() if job.arn.startswith(prefix))

        def position(job: Job) -> tuple[Any, str]:
            return sort_by(job), job.name

        matching = sorted(_matching(jobs, request), key=position, reverse=descending)
        if token := request.get("NextToken"):
            # A token is valid for the sort order of its request.
            last = _decode(token, str if by != "CreationTime" else int | float)
            matching = [job for job in matching if (position(job) < last if descending else position(job) > last)]
        limit = request.get("MaxResults", _PAGE_DEFAULT)
        answer: dict[str, Any] = {f"{kind.api_name}Summaries": [job.summary() for job in matching[:limit]]}
        if len(matching) > limit:
            answer["NextToken"] = _encode(position(matching[limit - 1]))
        return answer


def readable(kind: type[Job]) -> str:
    """Return the name of a kind of jobs in a message: ``processing job``."""
    return kind.arn_type.replace("-", " ")


def _kind_of(arn: str) -> type[Job]:
    return next(kind for kind in KINDS if f":{kind.arn_type}/" in arn)


def _matching(jobs: Iterable[Job], request: Mapping[str, Any]) -> Iterable[Job]:
    def between(moment: datetime, name: str) -> bool:
        # Whole milliseconds: a filter by a reported time must not fail for the last digit of a float.
        after, before = (request.get(f"{name}{side}") for side in ("After", "Before"))
        milliseconds = round(moment.timestamp() * 1000)
        return (after is None or round(after * 1000) <= milliseconds) and (
            before is None or milliseconds <= round(before * 1000)
        )

    def matches(job: Job) -> bool:
        return (
            request.get("NameContains", "") in job.name
            and request.get("StatusEquals", job.status) == job.status
            and between(job.created, "CreationTime")
            and between(job.modified, "LastModifiedTime")
        )

    # No job has a warm pool or a training plan.
    if {"WarmPoolStatusEquals", "TrainingPlanArnEquals"} & request.keys():
        return ()
    return filter(matches, jobs)


def _encode(position: tuple[Any, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def _decode(token: str, kind: type | UnionType) -> tuple[Any, str]:
    try:
        value, name = json.loads(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError) as error:
        raise invalid("Invalid NextToken") from error
    if not isinstance(name, str) or not isinstance(value, kind) or isinstance(value, bool):
        raise invalid("Invalid NextToken")
    return value, name
