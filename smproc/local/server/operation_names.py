"""The names of the operations that requests ask for, by the protocols of AWS."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from urllib.parse import parse_qs

import botocore.session
from botocore.exceptions import UnknownServiceError


def operation_name(
    service: str, method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]
) -> str:
    """Return the name of the operation that a request asks for; its method and path if no model has it.

    Args:
        service: the name of the service, as botocore has it.
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
    for operation, its_method, pattern, parameters in _rest_operations(service):
        if method == its_method and pattern.fullmatch(path) and parameters <= set(query):
            return operation
    return f"{method} {path}"


@functools.cache
def _rest_operations(service: str) -> list[tuple[str, str, re.Pattern[str], frozenset[str]]]:
    try:
        model = botocore.session.Session().get_service_model(service)
    except UnknownServiceError:
        return []
    operations = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        path, _, query = http["requestUri"].partition("?")
        parts = re.split(r"(\{[^}]+\})", path)
        pattern = "".join(map(_pattern, parts))
        parameters = frozenset(part.partition("=")[0] for part in query.split("&") if part)
        order = (-len(parameters), len(parts) // 2, name)
        operations.append((order, http["method"], re.compile(f"{pattern.rstrip('/')}/?"), parameters))
    # Of two operations that fit, the one with more of its query and path spelled out is meant.
    operations.sort(key=lambda operation: operation[0])
    return [(order[2], method, pattern, parameters) for order, method, pattern, parameters in operations]


def _pattern(part: str) -> str:
    if not part.startswith("{"):
        return re.escape(part)
    return ".+" if part.endswith("+}") else "[^/]+"
