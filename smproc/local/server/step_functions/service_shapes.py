"""Parameters and results of services, between Step Functions' form and botocore's.

Step Functions has its members in Pascal case, as the AWS SDK for Java names them: ``Arn`` and not ``ARN``. Values that
JSON lacks become text: times in ISO 8601, and bytes and streams, which are read as UTF-8.

See: https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import UnknownServiceError
from moto.stepfunctions.parser.utils import camel_to_snake_case, snake_to_camel_case

from smproc.local.server.step_functions import clients


@functools.cache
def operation(service: str, action: str) -> Any | None:
    """Return botocore's model of an action; None if botocore does not know it.

    Args:
        service: the service's name in botocore.
        action: the action, in any case: ``listObjectsV2``.
    """
    try:
        model = clients.task_clients().service_model(service)
    except UnknownServiceError:
        return None
    plain = action.replace("_", "").lower()
    name = next((name for name in model.operation_names if name.lower() == plain), None)
    return None if name is None else model.operation_model(name)


def to_request(value: Any, shape: Any) -> Any:  # noqa: PLR0911 - a return a type; any JSON value; botocore has no types
    """Return a parameter as botocore takes it.

    Args:
        value: the parameter.
        shape: its shape.
    """
    if value is None:
        return None
    match shape.type_name:
        case "structure" if isinstance(value, dict):
            members = {_normalized(name): name for name in shape.members}
            converted = {}
            for name, member in value.items():
                known = members.get(_normalized(name))
                converted[known or name] = to_request(member, shape.members[known]) if known else member
            return converted
        case "list" if isinstance(value, list):
            return [to_request(element, shape.member) for element in value]
        case "map" if isinstance(value, dict):
            return {name: to_request(member, shape.value) for name, member in value.items()}
        case "string" if not isinstance(value, str):
            return _compact(value)
        case "blob" if not isinstance(value, bytes):  # moto's task for Lambda has converted the payload
            return (value if isinstance(value, str) else _compact(value)).encode()
    return value


def to_response(value: Any, shape: Any) -> Any:
    """Return a result as Step Functions has it.

    Args:
        value: the result, or a part of it.
        shape: its shape; None if it is unknown.
    """
    kind = shape.type_name if shape is not None else None
    if kind == "structure" and isinstance(value, Mapping):
        return {
            _pascal(name) if name in shape.members else name: to_response(member, shape.members.get(name))
            for name, member in value.items()
        }
    if kind == "list" and isinstance(value, list):
        return [to_response(element, shape.member) for element in value]
    if kind == "map" and isinstance(value, Mapping):
        return {name: to_response(member, shape.value) for name, member in value.items()}
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds" if value.microsecond else "seconds").replace("+00:00", "Z")
    if hasattr(value, "read"):
        value = value.read()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _normalized(name: str) -> str:
    return str(camel_to_snake_case(name)).replace("_", "").lower()


def _pascal(name: str) -> str:
    # The word is reserved in Java, and the SDK's name for this member of an attribute value in DynamoDB is another.
    if name == "NULL":
        return "Nul"
    return str(snake_to_camel_case(camel_to_snake_case(name)))


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
