"""The members of an operation's request that the names in forms, XML, queries and headers stand for.

See: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
See: https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html
See: https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from smproc.local.server.operation_names import service_model

if TYPE_CHECKING:
    from botocore.model import OperationModel

# A shape of botocore, whose classes have no types.
_Shape = Any
_PROTOCOLS_OF_FORMS: Final = ("query", "ec2")


def member_of_form(service: str, operation: str, name: str) -> str | None:
    """Return the member that a name of a form stands for, as in ``Tags[].Key`` for ``Tags.member.1.Key``.

    Args:
        service: the name of the service, in the routing of requests.
        operation: the name of the operation.
        name: the name in the form.

    Returns:
        The member; None if the operation has no such member, or no form.
    """
    model = _operation(service, operation)
    if model is None or model.input_shape is None or _protocol(model) not in _PROTOCOLS_OF_FORMS:
        return None
    return _in_form(model.input_shape, name.split("."), ec2=_protocol(model) == "ec2")


def member_of_element(service: str, operation: str, path: Sequence[str]) -> str | None:
    """Return the member that an element of the body stands for.

    Args:
        service: the name of the service, in the routing of requests.
        operation: the name of the operation.
        path: the names of the elements that lead to it, below the body's own.

    Returns:
        The member; None if the operation has no such member, or no XML.
    """
    model = _operation(service, operation)
    if model is None or model.input_shape is None or _protocol(model) != "rest-xml":
        return None
    shape: _Shape = model.input_shape
    start = ""
    if payload := shape.serialization.get("payload"):
        shape, start = shape.members[payload], f"{payload}."
    found = _in_xml(shape, path)
    return None if found is None else start + found


def member_of_place(service: str, operation: str, place: Literal["querystring", "header"], name: str) -> str | None:
    """Return the member that a parameter of the query, or a header, stands for.

    Args:
        service: the name of the service, in the routing of requests.
        operation: the name of the operation.
        place: where the name is.
        name: the name, that of a header in lower case.

    Returns:
        The member; None if the operation has no such member.
    """
    model = _operation(service, operation)
    if model is None or model.input_shape is None:
        return None
    for member, shape in model.input_shape.members.items():
        if shape.serialization.get("location") == place:
            its_name = str(shape.serialization.get("name", member))
            if name == (its_name.lower() if place == "header" else its_name):
                return str(member)
    return None


@functools.cache
def has_json(service: str) -> bool:
    """Return whether the requests of a service are JSON, as far as is known.

    Args:
        service: the name of the service, in the routing of requests.
    """
    model = service_model(service)
    return model is None or model.resolved_protocol not in ("rest-xml", *_PROTOCOLS_OF_FORMS)


@functools.cache
def has_payload(service: str, operation: str) -> bool:
    """Return whether the body of an operation's requests is one value of the caller, such as the event of a function.

    Args:
        service: the name of the service, in the routing of requests.
        operation: the name of the operation.
    """
    model = _operation(service, operation)
    if model is None or model.input_shape is None:
        return False
    payload = model.input_shape.serialization.get("payload")
    return payload is not None and model.input_shape.members[payload].type_name != "structure"


@functools.cache
def headers_of_members(service: str) -> frozenset[str]:
    """Return the headers, in lower case, that stand for members of any operation of a service.

    Args:
        service: the name of the service, in the routing of requests.
    """
    model = service_model(service)
    shapes = [model.operation_model(name).input_shape for name in model.operation_names] if model else []
    return frozenset(
        str(shape.serialization.get("name", member)).lower()
        for input_shape in shapes
        if input_shape is not None
        for member, shape in input_shape.members.items()
        if shape.serialization.get("location") == "header"
    )


def _operation(service: str, operation: str) -> OperationModel | None:
    model = service_model(service)
    return model.operation_model(operation) if model is not None and operation in model.operation_names else None


def _protocol(model: OperationModel) -> str:
    return str(model.service_model.resolved_protocol)


def _in_form(shape: _Shape, parts: Sequence[str], *, ec2: bool) -> str | None:
    if not parts:
        return ""
    if shape.type_name == "structure":
        for member, its_shape in shape.members.items():
            name = _name_in_form(member, its_shape, ec2=ec2)
            if name == parts[0]:
                return _joined(member, _in_form(its_shape, parts[1:], ec2=ec2))
        return None
    flattened = ec2 or shape.serialization.get("flattened")
    if shape.type_name == "list":
        rest = parts if flattened else parts[1:]
        return _joined("[]", _in_form(shape.member, rest[1:], ec2=ec2)) if rest and rest[0].isdecimal() else None
    if shape.type_name == "map":
        # Whether the name or the value of an entry was read: the entry counts.
        return "" if len(parts) > (1 if flattened else 2) else None
    return None


def _name_in_form(member: str, shape: _Shape, *, ec2: bool) -> str:
    serialization = shape.serialization
    if ec2:
        name = str(serialization.get("name", member))
        return str(serialization.get("queryName", name[0].upper() + name[1:]))
    if shape.type_name == "list" and serialization.get("flattened") and shape.member.serialization.get("name"):
        return str(shape.member.serialization["name"])
    return str(serialization.get("name", member))


def _in_xml(shape: _Shape, path: Sequence[str]) -> str | None:
    if not path:
        return ""
    if shape.type_name == "structure":
        for member, its_shape in shape.members.items():
            if its_shape.serialization.get("name", member) == path[0]:
                if its_shape.type_name == "list" and its_shape.serialization.get("flattened"):
                    return _joined(f"{member}[]", _in_xml(its_shape.member, path[1:]))
                return _joined(member, _in_xml(its_shape, path[1:]))
        return None
    if shape.type_name == "list":
        return _joined("[]", _in_xml(shape.member, path[1:]))
    return "" if shape.type_name == "map" else None


def _joined(name: str, rest: str | None) -> str | None:
    if rest is None:
        return None
    return f"{name}.{rest}" if rest and not rest.startswith("[]") else name + rest
