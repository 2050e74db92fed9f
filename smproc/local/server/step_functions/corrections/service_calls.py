"""Tasks that call services: names of members, metadata of responses, and errors of the task itself.

AWS: members are in Pascal case in parameters and results. The result of an optimized integration has the response's
SdkHttpMetadata and SdkResponseMetadata; that of an ``aws-sdk`` integration has not.
See: https://docs.aws.amazon.com/step-functions/latest/dg/integrate-services.html

moto: `StateTaskService._normalise_parameters` and `_normalise_response` do nothing, metadata are dropped, and
DynamoDB's `_from_error` takes every failure for one of DynamoDB.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_dynamodb import (
    StateTaskServiceDynamoDB,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_events import (
    StateTaskServiceEvents,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_lambda import (
    StateTaskServiceLambda,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sns import (
    StateTaskServiceSns,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sqs import (
    StateTaskServiceSqs,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment

from smproc.local.server.step_functions import clients, moto_package
from smproc.local.server.step_functions.service_shapes import operation, to_request, to_response

_WITH_METADATA = (
    StateTaskServiceDynamoDB,
    StateTaskServiceEvents,
    StateTaskServiceLambda,
    StateTaskServiceSfn,
    StateTaskServiceSns,
    StateTaskServiceSqs,
)
_dynamodb_error = StateTaskServiceDynamoDB._from_error


def apply() -> None:
    """Convert by botocore's model of the action, and add the metadata."""
    moto_package.replace(StateTaskService, "_normalise_parameters", _normalise_parameters)
    moto_package.replace(StateTaskService, "_normalise_response", _normalise_response)
    moto_package.replace(StateTaskServiceDynamoDB, "_from_error", _from_error)
    for task in _WITH_METADATA:
        moto_package.replace(task, "_eval_service_task", _with_metadata(task._eval_service_task))


def _model(task: StateTaskService, service: str | None, action: str | None) -> Any | None:
    return operation(task._get_boto_service_name(service), task._get_boto_service_action(action))


def _normalise_parameters(
    self: StateTaskService,
    parameters: dict[str, Any],
    boto_service_name: str | None = None,
    service_action_name: str | None = None,
) -> None:
    model = _model(self, boto_service_name, service_action_name)
    if model is not None and model.input_shape is not None:
        converted = to_request(parameters, model.input_shape)
        parameters.clear()
        parameters.update(converted)


def _normalise_response(
    self: StateTaskService,
    response: Any,
    boto_service_name: str | None = None,
    service_action_name: str | None = None,
) -> None:
    model = _model(self, boto_service_name, service_action_name)
    if model is not None and model.output_shape is not None and isinstance(response, dict):
        converted = to_response(response, model.output_shape)
        response.clear()
        response.update(converted)


def _with_metadata(original: Callable[..., None]) -> Callable[..., None]:
    def wrapped(self: StateTaskService, env: Environment, *args: Any, **kwargs: Any) -> None:
        original(self, env, *args, **kwargs)
        result = env.stack[-1]
        metadata = clients.last_response_metadata()
        headers = {name: str(value) for name, value in metadata.get("HTTPHeaders", {}).items()}
        result["SdkHttpMetadata"] = {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": metadata.get("HTTPStatusCode"),
        }
        result["SdkResponseMetadata"] = {"RequestId": metadata.get("RequestId")}

    return wrapped


def _from_error(self: StateTaskServiceDynamoDB, env: Environment, ex: Exception) -> Any:
    return ex.failure_event if isinstance(ex, FailureEventException) else _dynamodb_error(self, env, ex)
