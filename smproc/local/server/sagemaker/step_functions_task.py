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

from cdk_sagemaker_processing.model.service_rules import STEP_FUNCTIONS_TAG
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
    """The integration that runs a task state with a processing job.

    Attributes:
        service: the service that creates and runs the job.
    """

    service: SageMakerService

    def __call__(self, resource: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Create the job and, for ``.sync``, wait for its end; return the task's result.

        Args:
            resource: the Resource of the task.
            request: the parameters of the task.
        """
        suffix = resource.removeprefix(RESOURCE)
        if suffix not in ("", ".sync"):
            raise patches.task_error("States.Runtime", f"Step Functions has no integration {resource}")
        check_permission = _role_permission_check()
        with _step_functions_errors():
            answer = self._create(request if not suffix else _with_tag(request), check_permission)
        patches.task_submitted(f"createProcessingJob{suffix}", answer)
        if not suffix:
            return answer
        job = self.service.job(str(answer["ProcessingJobArn"]))
        with _step_functions_errors():
            # Step Functions polls the job in case the event of its end is lost.
            require_permission(check_permission, "sagemaker:DescribeProcessingJob", job.arn)
        return _wait(job, check_permission)

    def _create(self, request: Mapping[str, Any], check_permission: PermissionCheck) -> Mapping[str, Any]:
        scope = AccountRegion(patches.request_account(), patches.request_region())
        require_permission(
            check_permission, "sagemaker:CreateProcessingJob", scope.job_arn(str(request.get("ProcessingJobName")))
        )
        return self.service.create(scope, dict(request), check_permission)


def _with_tag(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a request with the tag that Step Functions adds to a job that it waits for (aws/aws-cdk#26012)."""
    tags = request.get("Tags") or []
    return {**request, "Tags": [*tags, STEP_FUNCTIONS_TAG]} if isinstance(tags, list) else request


def _role_permission_check() -> PermissionCheck:
    """Return the check of the state machine's role; TestState has no role here, and everything is allowed."""
    task = patches.current_task()
    if task is None:
        return lambda _action, _resource, _keys: None
    return functools.partial(patches.check_role_permission, task.role_arn, task.execution_arn.rpartition(":")[2])


@contextlib.contextmanager
def _step_functions_errors() -> Iterator[None]:
    """Convert errors of the service to the errors that a state machine sees."""
    try:
        yield
    except ApiError as error:
        # Step Functions names an error of the API's model after it, and has one name for all others.
        name = f"{error.code}Exception" if error.modelled else "AmazonSageMakerException"
        cause = (
            f"{error.message} (Service: AmazonSageMaker; Status Code: 400; Error Code: {error.code}; "
            f"Request ID: {uuid.uuid4()})"
        )
        raise patches.task_error(f"SageMaker.{name}", cause) from error


def _wait(job: ProcessingJob, check_permission: PermissionCheck) -> Mapping[str, Any]:
    woken = threading.Event()
    cancel = patches.call_on_abort(woken.set)
    job.call_on_end(woken.set)
    task = patches.current_task()
    try:
        timeout = None if task is None or task.ends_at is None else max(0.0, task.ends_at - time.monotonic())
        woken.wait(timeout)
    finally:
        cancel()
    if not job.status.final:
        if check_permission("sagemaker:StopProcessingJob", job.arn, {}) is None:
            job.stop()
        if patches.aborted():
            raise patches.task_error("States.TaskFailed", "The execution was aborted")
        raise patches.task_error("States.Timeout", "The task timed out")
    described = _in_milliseconds(job.describe())
    if job.status is not JobStatus.COMPLETED:
        raise patches.task_error("States.TaskFailed", json.dumps(described))
    return described


def _in_milliseconds(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return a description with times as in Step Functions: milliseconds since 1970."""
    return {
        name: int(value.timestamp() * _MILLISECONDS) if isinstance(value, datetime) else value
        for name, value in described.items()
    }
