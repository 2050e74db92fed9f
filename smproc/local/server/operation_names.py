"""The names of the operations that requests ask for, by the protocols of AWS."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

import botocore.session
from botocore.exceptions import UnknownServiceError

if TYPE_CHECKING:
    from botocore.model import OperationModel, ServiceModel

# The names of services in botocore where ministack's routing has another one.
_IN_BOTOCORE: Final[Mapping[str, str]] = {
    "access-analyzer": "accessanalyzer",
    "airflow": "mwaa",
    "elasticfilesystem": "efs",
    "elasticloadbalancing": "elbv2",
    "elasticmapreduce": "emr",
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
}


def operation_name(
    service: str, method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]
) -> str:
    """Return the name of the operation that a request asks for; its method and path if no model has it.

    Args:
        service: the name of the service, in the routing of requests.
        method: the HTTP method.
        path: the path.
        headers: the headers, with names in lower case.
        body: the body.
        query: the parameters of the query.
    """
    if target := headers.get("x-amz-target"):
        return target.rpartition(".")[2]
    if match := re.search(r"/operation/(\w+)$", path):
        return match[1]
    if action := query.get("Action"):
        return action[0]
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return parse_qs(body.decode(errors="replace")).get("Action", [f"{method} {path}"])[0]
    for candidate in _rest_operations(service):
        if candidate.fits(method, path, headers, query):
            return candidate.name
    return f"{method} {path}"


@functools.cache
def service_model(service: str) -> ServiceModel | None:
    """Return botocore's model of a service; None if it has none.

    Args:
        service: the name of the service, in the routing of requests.
    """
    try:
        return botocore.session.Session().get_service_model(_IN_BOTOCORE.get(service, service))
    except UnknownServiceError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _RestOperation:
    """An operation that the method, the path, the query and the headers of a request stand for."""

    name: str
    method: str
    path: re.Pattern[str]
    parts_of_path: int
    parameters: frozenset[str]
    headers: frozenset[str]

    def fits(self, method: str, path: str, headers: Mapping[str, str], query: Mapping[str, list[str]]) -> bool:
        """Return whether a request can ask for this operation."""
        return (
            method == self.method
            and self.parameters <= query.keys()
            and self.headers <= headers.keys()
            and self.path.fullmatch(path) is not None
        )


@functools.cache
def _rest_operations(service: str) -> list[_RestOperation]:
    model = service_model(service)
    if model is None:
        return []
    operations = [_rest_operation(model.operation_model(name)) for name in model.operation_names]

    # Of two operations that fit, the one that asks for more of the request is meant.
    def order(operation: _RestOperation) -> tuple[int, int, str]:
        return -len(operation.parameters) - len(operation.headers), operation.parts_of_path, operation.name

    return sorted(operations, key=order)


def _rest_operation(operation: OperationModel) -> _RestOperation:
    path, _, query = operation.http["requestUri"].partition("?")
    parts = re.split(r"(\{[^}]+\})", path)
    pattern = "".join(map(_pattern, parts))
    parameters = frozenset(part.partition("=")[0] for part in query.split("&") if part)
    headers = frozenset(name.lower() for name in _required(operation, "header"))
    return _RestOperation(
        name=operation.name,
        method=operation.http["method"],
        path=re.compile(f"{pattern.rstrip('/')}/?"),
        parts_of_path=len(parts) // 2,
        parameters=parameters | _required(operation, "querystring"),
        headers=headers,
    )


def _required(operation: OperationModel, place: str) -> frozenset[str]:
    """Return the names of the members in a place of the request without which there is no such request."""
    shape = operation.input_shape
    if shape is None:
        return frozenset()
    return frozenset(
        str(member_shape.serialization.get("name", member))
        for member, member_shape in shape.members.items()
        if member in shape.required_members and member_shape.serialization.get("location") == place
    )


def _pattern(part: str) -> str:
    if not part.startswith("{"):
        return re.escape(part)
    return ".+" if part.endswith("+}") else "[^/]+"
