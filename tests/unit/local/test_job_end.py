"""The end of a job of which a change cannot be recorded, as on a full disk: whoever waits for it still gets it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from smproc.local.runners import StopSignal
from smproc.local.server.execution.executor import JobExecutor
from smproc.local.server.execution.job_parts import InjectedFault, JobStatus
from smproc.local.server.execution.processing_job import ProcessingJob


def job_that_fails(**options: Any) -> tuple[ProcessingJob, list[str]]:
    """Return a job that fails at once, and the statuses that its end calls back with."""
    job = ProcessingJob(
        arn="arn:aws:sagemaker:us-east-1:000000000000:processing-job/job",
        region="us-east-1",
        request={"ProcessingJobName": "job", "RoleArn": "arn:aws:iam::000000000000:role/job"},
        stop_signal=StopSignal(0.0),
        tags={},
        fault=InjectedFault(failure="the script failed"),
        **options,
    )
    called: list[str] = []
    job.call_on_end(lambda: called.append(str(job.status)))
    return job, called


@pytest.mark.parametrize("lost", [1, 2], ids=["the start", "the end"])
def test_who_waits_for_a_job_gets_its_end_although_a_change_of_it_is_not_recorded(tmp_path: Path, lost: int) -> None:
    changes: list[dict[str, Any]] = []

    def record(changed: ProcessingJob) -> None:
        changes.append(json.loads(json.dumps(changed.record())))
        if len(changes) == lost:
            raise OSError(28, "No space left on device")

    job, called = job_that_fails(on_change=record)
    unused: Any = None
    executor = JobExecutor(jobs_dir=tmp_path, clients=unused, credentials=unused, runner=unused)
    with contextlib.suppress(OSError):  # its thread would report it
        executor._execute(job)

    assert called == ["Failed"]
    assert job.status is JobStatus.FAILED
    reasons = {1: "InternalServerError: OSError: [Errno 28] No space left on device", 2: "the script failed"}
    assert job.failure_reason == reasons[lost]
    assert [change["status"] for change in changes] == ["InProgress", "Failed"]
