"""Turn a dataclass into the structure of the API that it mirrors, and check it field by field."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from cdk_sagemaker_processing.model.limits import check, shapes

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# What aws-cdk's interfaces call that which the API wants of them.
_IDENTIFIERS = ("key_arn", "role_arn", "subnet_id", "security_group_id")


def identifier(thing: Any) -> Any:  # noqa: ANN401 - a value of the API, or an object of aws-cdk that has one
    """What the API wants of an aws-cdk object: a key's or a role's ARN, a subnet's or a security group's id."""
    if thing is None or isinstance(thing, str | int):
        return thing
    return next((getattr(thing, name) for name in _IDENTIFIERS if hasattr(thing, name)), thing)


def api_name(field: str) -> str:
    """A field's name as the API has it.

    Example:
        >>> api_name("s3_data_type")
        'S3DataType'
    """
    return "".join(part[0].upper() + part[1:] for part in field.split("_"))


def check_fields(instance: DataclassInstance, shape: str, *, but: Collection[str] = ()) -> None:
    """Hold every field of a dataclass, but those named, against a structure of the API.

    Raises:
        InvalidValueError: the first that the API refuses, by the field's own name.
    """
    members = shapes()[shape]["members"]
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        if field.name not in but and not dataclasses.is_dataclass(value):
            check(members[api_name(field.name)], field.name, identifier(value))


def to_api(instance: DataclassInstance) -> dict[str, Any]:
    """The dataclass as the API takes it, less what is not given."""
    rendered: dict[str, Any] = {}
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        if value is not None:
            nested = dataclasses.is_dataclass(value) and not isinstance(value, type)
            rendered[api_name(field.name)] = to_api(value) if nested else identifier(value)
    return rendered
