"""The Step Functions integration: ``sagemaker:createProcessingJob`` and ``.sync``."""

from __future__ import annotations

import contextlib
import functools
import json
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from smproc.local.server import patches
from smproc.local.server.execution import JobStatus, ProcessingJob
from smproc.local.server.sagemaker.api import SageMakerService
from smproc.local.server.sagemaker.authorization import PermissionCheck, require_permission
from smproc.local.server.sagemaker.errors import ApiError
from smproc.local.server.sagemaker.job_store import AccountRegion

RESOURCE = "arn:aws:states:::sagemaker:createProcessingJob"
_MILLISECONDS = 1000


@dataclass(frozen=True, slots=True)
class ProcessingJobTask:
    """Works on a task state that creates a processing job.

    Attributes:
        service: creates and runs the job.
    """

    service: SageMakerService

    def __call__(self, resource: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Create the job and, for ``.sync``, wait for its end.

        Args:
            resource: the task's Resource.
            request: its parameters.
        """
        suffix = resource.removeprefix(RESOURCE)
        if suffix not in ("", ".sync"):
            raise patches.task_error("States.Runtime", f"Step Functions has no integration {resource}")
        denial = _denial()
        with _named_as_by_step_functions():
            answer = self._create(request, denial)
        patches.task_submitted(f"createProcessingJob{suffix}", answer)
        if not suffix:
            return answer
        job = self.service.job(str(answer["ProcessingJobArn"]))
        with _named_as_by_step_functions():
            # By this Step Functions learns of the job's end where the event is lost.
            require_permission(denial, "sagemaker:DescribeProcessingJob", job.arn)
        return _wait(job, denial)

    def _create(self, request: Mapping[str, Any], denial: PermissionCheck) -> Mapping[str, Any]:
        scope = AccountRegion(patches.request_account(), patches.request_region())
        require_permission(
            denial, "sagemaker:CreateProcessingJob", scope.job_arn(str(request.get("ProcessingJobName")))
        )
        return self.service.create(scope, dict(request), denial)


def _denial() -> PermissionCheck:
    """What the state machine's role may not do; nobody's role, in TestState, may do all."""
    task = patches.current_task()
    if task is None:
        return lambda _action, _resource, _keys: None
    return functools.partial(patches.check_role_permission, task.role_arn, task.execution_arn.rpartition(":")[2])


@contextlib.contextmanager
def _named_as_by_step_functions() -> Iterator[None]:
    """Refusals of the service, as a state machine gets to see them."""
    try:
        yield
    except ApiError as error:
        # Step Functions names what the API's model declares after it, and lumps the rest together.
        name = f"{error.code}Exception" if error.modelled else "AmazonSageMakerException"
        cause = (
            f"{error.message} (Service: AmazonSageMaker; Status Code: 400; Error Code: {error.code}; "
            f"Request ID: {uuid.uuid4()})"
        )
        raise patches.task_error(f"SageMaker.{name}", cause) from error


def _wait(job: ProcessingJob, denial: PermissionCheck) -> Mapping[str, Any]:
    wake = threading.Event()
    forget_abort = patches.call_on_abort(wake.set)
    job.when_ended(wake.set)
    task = patches.current_task()
    try:
        timeout = None if task is None or task.ends_at is None else max(0.0, task.ends_at - time.monotonic())
        wake.wait(timeout)
    finally:
        forget_abort()
    if not job.status.final:
        if denial("sagemaker:StopProcessingJob", job.arn, {}) is None:
            job.stop()
        if patches.aborted():
            raise patches.task_error("States.TaskFailed", "The execution was aborted")
        raise patches.task_error("States.Timeout", "The task timed out")
    described = _in_milliseconds(job.describe())
    if job.status is not JobStatus.COMPLETED:
        raise patches.task_error("States.TaskFailed", json.dumps(described))
    return described


def _in_milliseconds(described: Mapping[str, Any]) -> dict[str, Any]:
    """A description with times as Step Functions gives them: milliseconds since 1970."""
    return {
        name: int(value.timestamp() * _MILLISECONDS) if isinstance(value, datetime) else value
        for name, value in described.items()
    }
