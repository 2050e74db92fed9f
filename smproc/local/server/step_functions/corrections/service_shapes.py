"""The names of the parameters and results of services, as Step Functions has them.

AWS: parameters and results are in Pascal case, whatever the case of the service's own API.
See: https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html

moto: `StateTaskService._normalise_parameters` and `_normalise_response` do nothing, although the functions that
convert names by a shape are there.
"""

from __future__ import annotations

import functools
from typing import Any

from botocore.exceptions import UnknownServiceError
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.utils import camel_to_snake_case

from smproc.local.server.step_functions import clients, moto_package


def apply() -> None:
    """Convert the names by botocore's model of the action."""
    moto_package.replace(StateTaskService, "_normalise_parameters", _normalise_parameters)
    moto_package.replace(StateTaskService, "_normalise_response", _normalise_response)


@functools.cache
def operation(service: str, action: str) -> Any | None:  # noqa: ANN401 - botocore has no types
    """Return botocore's model of an action; None if botocore does not know it.

    Args:
        service: the service's name in botocore.
        action: the action in snake case.
    """
    try:
        model = clients.task_clients().service_model(service)
    except UnknownServiceError:
        return None
    names = (name for name in model.operation_names if camel_to_snake_case(name) == action)
    name = next(names, None)
    return None if name is None else model.operation_model(name)


def _model(task: StateTaskService, service: str | None, action: str | None) -> Any | None:  # noqa: ANN401 - botocore's
    return operation(task._get_boto_service_name(service), task._get_boto_service_action(action))


def _normalise_parameters(
    self: StateTaskService,
    parameters: dict[str, Any],
    boto_service_name: str | None = None,
    service_action_name: str | None = None,
) -> None:
    model = _model(self, boto_service_name, service_action_name)
    if model is not None and model.input_shape is not None:
        self._to_boto_request(parameters, model.input_shape)


def _normalise_response(
    self: StateTaskService,
    response: Any,  # noqa: ANN401 - any JSON value
    boto_service_name: str | None = None,
    service_action_name: str | None = None,
) -> None:
    model = _model(self, boto_service_name, service_action_name)
    if model is not None and model.output_shape is not None:
        self._from_boto_response(response, model.output_shape)
