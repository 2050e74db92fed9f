"""The integrations ``aws-sdk:<service>:<action>``: every service and action that botocore knows.

AWS: services have the names of the AWS SDK for Java in lower case (``cloudwatchlogs``), and its errors: an error of the
API's model is ``S3.NoSuchKeyException``, any other is ``S3.S3Exception``. A resource that does not exist is refused.
See: https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html

moto: names are botocore's, errors begin with the name in the resource, and an unknown action fails at run time.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (
    StateTaskServiceAwsSdk,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment

from smproc.local.server.step_functions import clients, failures, moto_package
from smproc.local.server.step_functions.service_shapes import operation

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_VENDOR = re.compile(r"^(Amazon|AWS)\s*")


def apply() -> None:
    """Replace the names, the check and the errors."""
    moto_package.replace(StateTaskServiceAwsSdk, "_validate_service_integration_is_supported", _validate)
    moto_package.replace(StateTaskServiceAwsSdk, "_get_boto_service_name", _service_name)
    moto_package.replace(StateTaskServiceAwsSdk, "_eval_service_task", _eval_service_task)
    moto_package.replace(StateTaskServiceAwsSdk, "_from_error", _from_error)


def is_known(service: str, action: str) -> bool:
    """Return whether Step Functions has an action.

    Args:
        service: the service's name in the resource: ``cloudwatchlogs``.
        action: the action's name in the resource: ``putLogEvents``.
    """
    name = botocore_name(service)
    model = operation(name, action) if name is not None else None
    return model is not None and action[:1].islower()


@functools.cache
def botocore_name(service: str) -> str | None:
    """Return the name that botocore has for a service; None if it knows no such service.

    Args:
        service: the service's name in the resource: ``cloudwatchlogs``.
    """
    task_clients = clients.task_clients()
    services = task_clients.services()
    likely = [name for name in services if name.replace("-", "") == service]
    others = [name for name in services if name not in likely]
    return next(
        (name for name in [*likely, *others] if java_name(task_clients.service_id(name)).lower() == service), None
    )


def java_name(service_id: str) -> str:
    """Return the name that the AWS SDK for Java has for a service: ``DynamoDb``.

    Args:
        service_id: the id in the service's model: ``DynamoDB``.
    """
    return "".join(word.capitalize() for word in _WORDS.findall(_VENDOR.sub("", service_id)))


def exception_name(shape: str) -> str:
    """Return the name that the AWS SDK for Java has for an error: ``DbClusterNotFoundException``.

    Args:
        shape: the error's name in the service's model: ``DBClusterNotFoundFault``.
    """
    words = _WORDS.findall(shape)
    if words[-1] in ("Exception", "Fault"):
        words.pop()
    return f"{''.join(word.capitalize() for word in words)}Exception"


def _validate(self: StateTaskServiceAwsSdk) -> None:
    if not is_known(self.resource.api_name, self.resource.api_action):
        raise ValueError(
            f"The resource provided {self.resource.resource_arn} is not recognized. The value is not a valid resource "
            "ARN, or the resource is not available in this region."
        )


def _service_name(self: StateTaskServiceAwsSdk, boto_service_name: str | None = None) -> str:
    return botocore_name(boto_service_name or self.resource.api_name) or self.resource.api_name


def _eval_service_task(
    self: StateTaskServiceAwsSdk,
    env: Environment,
    resource_runtime_part: Any,
    normalised_parameters: dict[str, Any],
    state_credentials: Any,
) -> None:
    service = self._get_boto_service_name()
    client = clients.boto_client_for(resource_runtime_part.region, service, state_credentials)
    model = operation(service, self.resource.api_action)
    assert model is not None  # noqa: S101 - `_validate` has refused the resource otherwise
    method = next(name for name, action in client.meta.method_to_api_mapping.items() if action == model.name)
    response = getattr(client, method)(**normalised_parameters)
    response.pop("ResponseMetadata", None)
    env.stack.append(response)


def _from_error(self: StateTaskServiceAwsSdk, env: Environment, ex: Exception) -> Any:
    if not isinstance(ex, ClientError):
        return StateTaskServiceCallback._from_error(self, env, ex)
    service = java_name(clients.task_clients().service_id(self._get_boto_service_name()))
    name = f"{service}Exception" if type(ex) is ClientError else exception_name(type(ex).__name__)
    metadata = ex.response["ResponseMetadata"]
    details = [
        f"Service: {service}",
        f"Status Code: {metadata['HTTPStatusCode']}",
        f"Request ID: {metadata['RequestId']}",
        *([f"Extended Request ID: {metadata['HostId']}"] if "HostId" in metadata else []),
    ]
    cause = f"{ex.response['Error'].get('Message', '')} ({', '.join(details)})"
    return failures.task(
        env, self._get_sfn_resource_type(), self._get_sfn_resource(), f"{service}.{name}", cause
    ).failure_event
