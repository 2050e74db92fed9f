"""The requests that a task makes, from botocore: services, actions and the names of their parameters.

Step Functions names services and parameters as the AWS SDK for Java does: ``DbInstanceIdentifier`` for botocore's
``DBInstanceIdentifier``. Both SDKs have the same models, so names are compared without regard to case.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, Final

import botocore.session
from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from smproc.local.server.state_machine_definitions.shapes import read_table
from smproc.local.server.state_machine_definitions.templates import DYNAMIC

# The services that botocore has another name for than Step Functions: apart from those, only its hyphens are missing.
_NAMES: Final[Mapping[str, str]] = read_table("sdk_services.json")


def service_of(name: str) -> str | None:
    """Return botocore's name of a service that is named as in the ARN of an integration, None if it has none."""
    return _NAMES.get(name) or _services().get(name)


def has_action(service: str, action: str) -> bool:
    """Return whether a service has an action, in the form that Step Functions has: ``listObjectsV2``."""
    name = service_of(service)
    return name is not None and action[:1].islower() and _operation(name, action) is not None


def unknown_members(service: str, action: str, arguments: Mapping[str, Any], *, jsonata: bool) -> Iterator[str]:
    """Yield the names in a task's arguments that its request does not have.

    Args:
        service: botocore's name of the service.
        action: the action.
        arguments: the task's arguments.
        jsonata: whether the query language is JSONata, where ``.$`` has no meaning.
    """
    operation = _operation(service, action)
    if operation is not None and operation.input_shape is not None:
        yield from _unknown(operation.input_shape, arguments, jsonata=jsonata)


def _unknown(shape: Shape, value: object, *, jsonata: bool) -> Iterator[str]:
    if isinstance(shape, ListShape) and isinstance(value, list):
        for item in value:
            yield from _unknown(shape.member, item, jsonata=jsonata)
    elif isinstance(shape, MapShape) and isinstance(value, dict):
        for item in value.values():
            yield from _unknown(shape.value, item, jsonata=jsonata)
    elif isinstance(shape, StructureShape) and isinstance(value, dict) and not shape.is_document_type:
        members = {name.lower(): member for name, member in shape.members.items()}
        for field, item in value.items():
            name = field if jsonata else field.removesuffix(DYNAMIC)
            member = members.get(name.lower())
            if member is None or not name[:1].isupper():
                yield name
            else:
                yield from _unknown(member, item, jsonata=jsonata)


@functools.cache
def _loader() -> Loader:
    loader: Loader = botocore.session.get_session().get_component("data_loader")
    return loader


@functools.cache
def _services() -> Mapping[str, str]:
    return {name.replace("-", ""): name for name in _loader().list_available_services("service-2")}


@functools.lru_cache(maxsize=8)
def _model(service: str) -> tuple[ServiceModel, Mapping[str, str]]:
    model = ServiceModel(_loader().load_service_model(service, "service-2"), service)
    return model, {name.lower(): name for name in model.operation_names}


def _operation(service: str, action: str) -> OperationModel | None:
    model, names = _model(service)
    name = names.get(action.lower())
    return None if name is None else model.operation_model(name)
