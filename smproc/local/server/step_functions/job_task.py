"""The integrations ``sagemaker:createProcessingJob`` and ``sagemaker:createTrainingJob``, both with ``.sync``."""

from __future__ import annotations

import contextlib
import functools
import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from moto.stepfunctions.parser.asl.component.state.exec.state_task import state_task_factory
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_factory
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from cdk_sagemaker_processing.model.service_rules import STEP_FUNCTIONS_TAG
from smproc.local.server import patches
from smproc.local.server.execution import Job, JobStatus
from smproc.local.server.sagemaker.api import SageMakerService
from smproc.local.server.sagemaker.authorization import PermissionCheck, require_permission
from smproc.local.server.sagemaker.errors import ApiError
from smproc.local.server.sagemaker.job_store import KINDS, AccountRegion
from smproc.local.server.sagemaker.state_change_events import in_milliseconds
from smproc.local.server.step_functions import failures, moto_package

_KINDS: Final[Mapping[str, type[Job]]] = {f"create{kind.api_name}": kind for kind in KINDS}
# How often a waiting task looks whether its execution goes on.
_POLL_IN_SECONDS = 0.25


class JobTask(StateTaskServiceCallback):
    """A task state that creates a processing or training job.

    Args:
        service: the service that creates and runs the job.
    """

    def __init__(self, service: SageMakerService) -> None:
        super().__init__(supported_integration_patterns={ResourceCondition.Sync})
        self._service = service

    def _validate_service_integration_is_supported(self) -> None:
        if self.resource.api_action not in _KINDS or self.resource.condition not in (None, ResourceCondition.Sync):
            raise ValueError(
                f"The resource provided {self.resource.resource_arn} is not recognized. The value is not a valid "
                "resource ARN, or the resource is not available in this region."
            )

    @property
    def _kind(self) -> type[Job]:
        return _KINDS[self.resource.api_action]

    def _eval_service_task(
        self,
        env: Environment,
        resource_runtime_part: Any,
        normalised_parameters: Mapping[str, Any],
        state_credentials: Any,
    ) -> None:
        kind = self._kind
        details = env.aws_execution_details
        scope = AccountRegion(details.account, resource_runtime_part.region)
        check_permission = self._permission_check(env, state_credentials)
        request = dict(normalised_parameters)
        if self.resource.condition:
            request = _with_tag(request)
        with self._step_functions_errors(env), self._recorded(env, state_credentials, f"Create{kind.api_name}"):
            arn = scope.job_arn(kind, str(request.get(f"{kind.api_name}Name")))
            require_permission(check_permission, f"sagemaker:Create{kind.api_name}", arn)
            patches.act_for(details.account, resource_runtime_part.region)
            answer = self._service.create(kind, scope, request, check_permission)
        env.stack.append(dict(answer))

    def _after_eval_execution(self, env: Environment, **arguments: Any) -> None:
        if not self.resource.condition:
            env.event_manager.add_event(
                context=env.event_history_context,
                event_type="TaskSubmitted",
                event_details={
                    "taskSubmittedEventDetails": {
                        "resource": self._get_sfn_resource(),
                        "resourceType": self._get_sfn_resource_type(),
                        "output": to_json_str(env.stack[-1]),
                        "outputDetails": {"truncated": False},
                    }
                },
            )
        super()._after_eval_execution(env, **arguments)

    def _eval_integration_pattern(
        self,
        env: Environment,
        resource_runtime_part: Any,
        normalised_parameters: Mapping[str, Any],
        state_credentials: Any,
    ) -> None:
        kind = self._kind
        job = self._service.job(str(env.stack.pop()[f"{kind.api_name}Arn"]))
        check_permission = self._permission_check(env, state_credentials)
        with self._step_functions_errors(env), self._recorded(env, state_credentials, f"Describe{kind.api_name}"):
            # Step Functions polls the job in case the event of its end is lost.
            require_permission(check_permission, f"sagemaker:Describe{kind.api_name}", job.arn)
        ended = threading.Event()
        job.call_on_end(ended.set)
        while env.is_running() and not ended.wait(_POLL_IN_SECONDS):
            pass
        if not job.status.final:
            with contextlib.suppress(ApiError), self._recorded(env, state_credentials, f"Stop{kind.api_name}"):
                require_permission(check_permission, f"sagemaker:Stop{kind.api_name}", job.arn)
                job.stop()
            env.stack.append({})
            return
        env.stack.append(self._result(env, job))

    def _result(self, env: Environment, job: Job) -> dict[str, Any]:
        described = in_milliseconds(job.describe())
        if job.status is not JobStatus.COMPLETED:
            raise failures.task(env, "sagemaker", self._get_sfn_resource(), "States.TaskFailed", json.dumps(described))
        return described

    def _permission_check(self, env: Environment, credentials: Any) -> PermissionCheck:
        name = env.states.context_object.context_object_data["Execution"]["Name"]
        return functools.partial(patches.check_role_permission, credentials.role_arn, name)

    @contextlib.contextmanager
    def _recorded(self, env: Environment, credentials: Any, operation: str) -> Iterator[None]:
        """Record a call of the state machine's role, and the error that refuses it, as an event of CloudTrail."""
        name = env.states.context_object.context_object_data["Execution"]["Name"]
        record = functools.partial(
            patches.record_role_call, credentials.role_arn, name, env.aws_execution_details.region, operation
        )
        try:
            yield
        except ApiError as error:
            record(error.code, error.message)
            raise
        record()

    @contextlib.contextmanager
    def _step_functions_errors(self, env: Environment) -> Iterator[None]:
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
            raise failures.task(env, "sagemaker", self._get_sfn_resource(), f"SageMaker.{name}", cause) from error


def register(service: SageMakerService) -> None:
    """Give the interpreter the integration.

    Args:
        service: the service that creates and runs the jobs.
    """
    original: Callable[[str], Any] = state_task_service_factory.state_task_service_for

    def state_task_service_for(service_name: str) -> Any:
        return JobTask(service) if service_name == "sagemaker" else original(service_name)

    moto_package.replace(state_task_factory, "state_task_service_for", state_task_service_for)


def _with_tag(request: dict[str, Any]) -> dict[str, Any]:
    """Return a request with the tag that Step Functions adds to a job that it waits for (aws/aws-cdk#26012)."""
    tags = request.get("Tags") or []
    return {**request, "Tags": [*tags, STEP_FUNCTIONS_TAG]} if isinstance(tags, list) else request
