"""The mapping from a dataclass to the structure of the API that it mirrors, and the check of its fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from cdk_sagemaker_processing.model.limits import check, shapes

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# The attributes of aws-cdk's interfaces that hold the value for the API.
_IDENTIFIERS = ("key_arn", "role_arn", "subnet_id", "security_group_id")


def identifier(thing: Any) -> Any:  # noqa: ANN401 - a value of the API, or an object of aws-cdk that has one
    """Return the value for the API: of an aws-cdk key or role its ARN, of a subnet or security group its ID."""
    if thing is None or isinstance(thing, str | int):
        return thing
    return next((getattr(thing, name) for name in _IDENTIFIERS if hasattr(thing, name)), thing)


def api_name(field: str) -> str:
    """Return the API's name of a field.

    Example:
        >>> api_name("s3_data_type")
        'S3DataType'
    """
    return "".join(part[0].upper() + part[1:] for part in field.split("_"))


def check_fields(instance: DataclassInstance, shape: str, *, exclude: Collection[str] = ()) -> None:
    """Check the fields of a dataclass, except the excluded ones, against a structure of the API.

    Raises:
        InvalidValueError: the first field that the API refuses, under its own name.
    """
    members = shapes()[shape]["members"]
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        if field.name not in exclude and not dataclasses.is_dataclass(value):
            check(members[api_name(field.name)], field.name, identifier(value))


def to_api(instance: DataclassInstance) -> dict[str, Any]:
    """Return the structure of the API for a dataclass, without the fields that are None."""
    rendered: dict[str, Any] = {}
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        if value is not None:
            nested = dataclasses.is_dataclass(value) and not isinstance(value, type)
            rendered[api_name(field.name)] = to_api(value) if nested else identifier(value)
    return rendered
