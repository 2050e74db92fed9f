"""The operations of the SageMaker API on processing and training jobs."""

from __future__ import annotations

import functools
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from smproc.local.runners import StopSignal
from smproc.local.server import patches
from smproc.local.server.execution import Job, JobExecutor, JobStatus
from smproc.local.server.sagemaker.authorization import PermissionCheck, require_creation_permissions
from smproc.local.server.sagemaker.errors import ApiError, invalid
from smproc.local.server.sagemaker.faults import Fault, Faults
from smproc.local.server.sagemaker.job_records import JobRecords
from smproc.local.server.sagemaker.job_store import KINDS, AccountRegion, JobStore, readable
from smproc.local.server.sagemaker.state_change_events import StateChangeEvents
from smproc.local.server.sagemaker.tags import as_list, with_tags
from smproc.local.server.sagemaker.validation import cleaned, validate, validate_job
from smproc.local.state_dir import StateDir

_CONTENT_TYPE = "application/x-amz-json-1.1"
_OK = 200
_BAD_REQUEST = 400
_SERVER_ERROR = 500
_Operation = Callable[[AccountRegion, dict[str, Any]], Mapping[str, Any]]
_log = logging.getLogger(__name__)


class SageMakerService:
    """The SageMaker service: it answers requests and runs the jobs that they create.

    Args:
        executor: runs the jobs.
        state_dir: the directory that keeps the jobs' records, and their counts for `status`.
        stop_grace_in_seconds: the time between SIGTERM and SIGKILL for a job's program.
    """

    def __init__(self, executor: JobExecutor, state_dir: StateDir, stop_grace_in_seconds: float) -> None:
        self._executor = executor
        self._state_dir = state_dir
        self._stop_grace_in_seconds = stop_grace_in_seconds
        self._records = JobRecords(state_dir.records)
        self._jobs = JobStore(self._records)
        self._events = StateChangeEvents()
        self._faults = Faults()
        self._threads: list[threading.Thread] = []
        self._count_lock = threading.Lock()
        self._closed = False
        self._operations: dict[str, _Operation] = {
            "AddTags": self._add_tags,
            "DeleteTags": self._delete_tags,
            "ListTags": self._list_tags,
        }
        for kind in KINDS:
            self._operations |= {
                f"Delete{kind.api_name}": functools.partial(self._delete, kind),
                f"Describe{kind.api_name}": functools.partial(self._describe, kind),
                f"List{kind.api_name}s": functools.partial(self._list, kind),
                f"Stop{kind.api_name}": functools.partial(self._stop, kind),
            }
        # Not part of AWS: the requests of `smproc local fault`.
        self._own_operations: Mapping[str, _Operation] = {
            "LocalPutFault": self._put_fault,
            "LocalListFaults": lambda _scope, _request: {"Faults": self._faults.describe()},
            "LocalClearFaults": self._clear_faults,
        }
        self._write_counts()

    async def handle(
        self, method: str, path: str, headers: dict[str, str], body: bytes, _query: dict[str, list[str]]
    ) -> tuple[int, dict[str, str], bytes]:
        """Answer a request of the JSON 1.1 protocol, as `patches.Handler` describes."""
        # Other parts of SageMaker, such as Feature Store's runtime, have REST APIs.
        operation = headers.get("x-amz-target", "").rpartition(".")[2] or f"{method} {path}"
        scope = AccountRegion(patches.request_account(), patches.request_region())
        check_permission = functools.partial(patches.check_caller_permission, headers)
        try:
            status, answer = _OK, self._answer(operation, scope, body, check_permission)
        except ApiError as error:
            status, answer = _BAD_REQUEST, {"__type": error.code, "message": error.message}
        except Exception as error:  # noqa: BLE001 - reported to the caller, and in full to the log
            _log.exception("%s failed with an internal error", operation)
            message = f"The local AWS failed: {type(error).__name__}: {error}"
            status, answer = _SERVER_ERROR, {"__type": "InternalFailure", "message": message}
        headers = {"Content-Type": _CONTENT_TYPE, "x-amzn-RequestId": str(uuid.uuid4())}
        return status, headers, json.dumps(answer, default=_epoch_seconds).encode()

    def create(
        self, kind: type[Job], scope: AccountRegion, request: dict[str, Any], check_permission: PermissionCheck
    ) -> Mapping[str, Any]:
        """Answer CreateProcessingJob or CreateTrainingJob: check the request and start the job.

        Args:
            kind: the kind of the job.
            scope: the caller's account and region.
            request: the request.
            check_permission: checks the further permissions that the request needs.

        Raises:
            ApiError: the request is rejected.
        """
        request = cleaned(request)
        validate_job(kind, request, scope.region)
        name = request[f"{kind.api_name}Name"]
        arn = scope.job_arn(kind, name)
        require_creation_permissions(check_permission, arn, request)
        self._faults.throttle_call(name)
        self._faults.refuse_creation(readable(kind), name, _instance_type(request))
        job = kind(
            arn=arn,
            region=scope.region,
            request=request,
            stop_signal=StopSignal(self._stop_grace_in_seconds),
            tags=with_tags({}, request.get("Tags", ())),
            fault=self._faults.for_job(name),
            on_change=self._changed,
            on_phase=self._jobs.save,
        )
        if self._closed:
            raise ApiError("ServiceUnavailable", "The local AWS is stopping")
        self._jobs.add(job)
        self._write_counts()
        self._events.publish(job)
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        self._threads.append(self._executor.submit(job))
        return {f"{kind.api_name}Arn": job.arn}

    def exhausted_types(self) -> set[str]:
        """Return the instance types whose quotas are 0, by a fault."""
        return self._faults.exhausted_types()

    def job(self, arn: str) -> Job:
        """Return a job by its ARN.

        Args:
            arn: the ARN.

        Raises:
            ApiError: there is no such job.
        """
        return self._jobs.by_arn(arn)

    def close(self, timeout_in_seconds: float) -> None:
        """Kill every job and close the records.

        Args:
            timeout_in_seconds: the time to wait for the jobs to end.
        """
        self._closed = True
        for job in self._jobs.all():
            job.stop_signal.request_now()
        deadline = time.monotonic() + timeout_in_seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._records.close()

    def _answer(
        self, operation: str, scope: AccountRegion, body: bytes, check_permission: PermissionCheck
    ) -> Mapping[str, Any]:
        operations: dict[str, _Operation] = {
            **self._operations,
            **{
                f"Create{kind.api_name}": functools.partial(self.create, kind, check_permission=check_permission)
                for kind in KINDS
            },
        }
        handler = operations.get(operation) or self._own_operations.get(operation)
        if handler is None:
            raise ApiError(
                "UnknownOperationException",
                f"The local AWS does not have the SageMaker operation {operation}; it has "
                f"{', '.join(sorted(operations))}",
            )
        try:
            request = json.loads(body or b"{}")
        except (ValueError, RecursionError) as error:
            raise ApiError("SerializationException", f"The request is not JSON: {error}") from error
        if not isinstance(request, dict):
            raise ApiError("SerializationException", "The request is not a JSON object")
        # `create`, which Step Functions calls too, throttles itself.
        if operation in self._operations:
            names = (request.get(f"{kind.api_name}Name") for kind in KINDS)
            self._faults.throttle_call(str(next(filter(None, names), "")))
        return handler(scope, cleaned(request))

    def _describe(self, kind: type[Job], scope: AccountRegion, request: dict[str, Any]) -> Mapping[str, Any]:
        validate(request, f"Describe{kind.api_name}Request")
        return self._jobs.get(scope, kind, request[f"{kind.api_name}Name"]).describe()

    def _list(self, kind: type[Job], scope: AccountRegion, request: dict[str, Any]) -> Mapping[str, Any]:
        validate(request, f"List{kind.api_name}sRequest")
        return self._jobs.page(scope, kind, request)

    def _stop(self, kind: type[Job], scope: AccountRegion, request: dict[str, Any]) -> Mapping[str, Any]:
        validate(request, f"Stop{kind.api_name}Request")
        job = self._jobs.get(scope, kind, request[f"{kind.api_name}Name"])
        if job.status.final:
            # The service's own message is not documented.
            raise invalid(f"The {readable(kind)} {job.name} has already ended with status {job.status}")
        job.stop()
        return {}

    def _delete(self, kind: type[Job], scope: AccountRegion, request: dict[str, Any]) -> Mapping[str, Any]:
        validate(request, f"Delete{kind.api_name}Request")
        self._jobs.remove(self._jobs.get(scope, kind, request[f"{kind.api_name}Name"]))
        self._write_counts()
        return {}

    def _add_tags(self, _scope: AccountRegion, request: dict[str, Any]) -> Mapping[str, Any]:
        validate(request, "AddTagsInput")
        job = self._jobs.by_arn(request["ResourceArn"])
        job.tags = with_tags(job.tags, request["Tags"])
        self._jobs.save(job)
        return {"Tags": as_list(job.tags)}

    def _delete_tags(self, _scope: AccountRegion, request: dict[str, Any]) -> Mapping[str, Any]:
        validate(request, "DeleteTagsInput")
        job = self._jobs.by_arn(request["ResourceArn"])
        job.tags = {key: value for key, value in job.tags.items() if key not in request["TagKeys"]}
        self._jobs.save(job)
        return {}

    def _list_tags(self, _scope: AccountRegion, request: dict[str, Any]) -> Mapping[str, Any]:
        validate(request, "ListTagsInput")
        if request.get("NextToken"):
            # A resource's tags fit on one page, so no token was ever returned.
            raise invalid("Invalid NextToken")
        return {"Tags": as_list(self._jobs.by_arn(request["ResourceArn"]).tags)}

    def _put_fault(self, _scope: AccountRegion, request: dict[str, Any]) -> Mapping[str, Any]:
        try:
            fault = Fault(**request)
        except TypeError as error:
            raise invalid(f"The fault must have the members of a fault, got {request}: {error}") from error
        self._faults.put(fault)
        return {}

    def _clear_faults(self, _scope: AccountRegion, _request: dict[str, Any]) -> Mapping[str, Any]:
        self._faults.clear()
        return {}

    def _changed(self, job: Job) -> None:
        self._jobs.save(job)
        self._write_counts()
        # `create` has published the event of the creation.
        if job.status is not JobStatus.IN_PROGRESS:
            self._events.publish(job)

    def _write_counts(self) -> None:
        with self._count_lock:
            jobs = self._jobs.all()
            ended = sum(job.status.final for job in jobs)
            self._state_dir.write_counts(in_progress=len(jobs) - ended, finished=ended)


def _instance_type(request: Mapping[str, Any]) -> str:
    """Return the instance type of a job; empty if it has a choice."""
    resources = request.get("ProcessingResources", {}).get("ClusterConfig") or request.get("ResourceConfig") or {}
    return str(resources.get("InstanceType", ""))


def _epoch_seconds(value: object) -> float:
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    raise TypeError(f"{type(value).__name__} is not JSON serializable")
