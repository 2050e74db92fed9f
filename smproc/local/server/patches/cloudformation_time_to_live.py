"""CloudFormation: the time to live of a DynamoDB table's items, and the items of a global table that is updated.

AWS: a table of a template deletes the items whose attribute, named by ``TimeToLiveSpecification``, lies in the past.
An update of a global table keeps the table, unless its key or its name changes.
See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html

ministack 1.5.33: the handlers of ``AWS::DynamoDB::Table`` and ``AWS::DynamoDB::GlobalTable`` in
`ministack.services.cloudformation.provisioners._RESOURCE_HANDLERS` ignore the property; a request for
UpdateTimeToLive has its effect, and `ministack.services.dynamodb._ttl_reaper` deletes the items within a minute. The
handler that updates a global table does not know the logical id of the resource, so it takes the generated name of the
table for another one, and replaces the table with an empty one.

Removable when: the handlers apply the property, and the update of a global table keeps it (not so in 1.5.33).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from smproc.local.server.patches.registry import Names, service, takes

_TYPES: Final = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
NAMES: Names = {
    "ministack.services.cloudformation.provisioners": {
        "_RESOURCE_HANDLERS": lambda value: all({"create", "update"} <= set(value[name]) for name in _TYPES),
    },
    "ministack.services.dynamodb": {
        "_ttl_settings": lambda value: callable(value.pop),
        "_update_ttl": takes("data"),
    },
}

Properties = Mapping[str, Any]
# The physical id of a resource, and its attributes for Fn::GetAtt.
Created = tuple[str, dict[str, Any]]
_PROPERTY: Final = "TimeToLiveSpecification"
_CLIENT_ERROR: Final = 400


def apply() -> None:
    """Apply the property whenever a table is created or updated."""
    resource_handlers = service("cloudformation.provisioners")._RESOURCE_HANDLERS
    for name in _TYPES:
        handlers = resource_handlers[name]
        handlers["create"] = _with_time_to_live(handlers["create"])
        handlers["update"] = _with_another_time_to_live(
            handlers["update"], is_global="update_with_logical_id" not in handlers
        )


def _with_time_to_live(original: Callable[..., Created]) -> Callable[..., Created]:
    @functools.wraps(original)
    def create(logical_id: str, properties: Properties, stack: str) -> Created:
        table, attributes = original(logical_id, properties, stack)
        # A table of the same name may have been there before.
        service("dynamodb")._ttl_settings.pop(table, None)
        _set(table, properties.get(_PROPERTY), None)
        return table, attributes

    return create


def _with_another_time_to_live(original: Callable[..., Created], *, is_global: bool) -> Callable[..., Created]:
    @functools.wraps(original)
    def update(table: str, old: Properties, new: Properties, *more: Any) -> Created:
        keeps_name = not new.get("TableName") and new.get("KeySchema") == old.get("KeySchema")
        named = {**new, "TableName": table} if is_global and keeps_name else new
        updated, attributes = original(table, old, named, *more)
        _set(updated, new.get(_PROPERTY), old.get(_PROPERTY) if updated == table else None)
        return updated, attributes

    return update


def _set(table: str, specification: Properties | None, before: Properties | None) -> None:
    if specification == before:
        return
    # A template without the property has switched it off.
    wanted = specification or {**(before or {}), "Enabled": False}
    enabled = str(wanted.get("Enabled", False)).lower() == "true"
    setting = {"AttributeName": wanted.get("AttributeName", ""), "Enabled": enabled}
    status, _, answer = service("dynamodb")._update_ttl({"TableName": table, _PROPERTY: setting})
    if status >= _CLIENT_ERROR:
        raise ValueError(f"{_PROPERTY}: {json.loads(answer)['message']}")
