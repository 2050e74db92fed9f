"""CloudFormation: the properties of resources that the local AWS ignores, reported or refused.

AWS: a resource has every property of its template. A property that its type does not have fails the stack.
See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html

ministack 1.5.33: each handler of `ministack.services.cloudformation.provisioners._RESOURCE_HANDLERS` reads the
properties that it knows, at creation and at an update, and ignores the others.

Removable when: ministack refuses, or reports, the properties that it ignores (1.5.33 does not).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from smproc.local.server.ignored import IgnoredNames
from smproc.local.server.patches.registry import Names, service
from smproc.local.server.read_names import Reading
from smproc.local.server.settings_in_use import SettingsInUse
from smproc.local.settings_without_effect import SETTINGS_WITHOUT_EFFECT

NAMES: Names = {
    "ministack.services.cloudformation.provisioners": {
        "_RESOURCE_HANDLERS": lambda value: {"create", "delete"} <= set(value["AWS::S3::Bucket"]),
    },
}

# Types that are read by someone else: CloudFormation itself, a function, and the statistics of the CDK.
_WITHOUT_EFFECT: Final = ("AWS::CDK::", "AWS::CloudFormation::", "Custom::")
# Properties that change nothing about what a resource does.
_HARMLESS: Final = frozenset({"AlarmDescription", "Description", "Tags", "TracingConfiguration"})
# These are recorded apart, and not refused: nothing that a template says could give them an effect here.
_WITHOUT_EFFECT_HERE: Final = frozenset(
    (setting.resource_type, setting.property_path) for setting in SETTINGS_WITHOUT_EFFECT
)
# The values of properties that are the default.
_DEFAULTS: Final = {("AWS::S3::Bucket", "AccessControl"): "Private"}

Properties = Mapping[str, Any]
# The physical id of a resource, and its attributes for Fn::GetAtt.
Created = tuple[str, dict[str, Any]]
_ignored = IgnoredNames()
_settings = SettingsInUse()


def report_ignored_to(ignored: IgnoredNames, settings: SettingsInUse) -> None:
    """Set the objects that properties without effect are reported to.

    Args:
        ignored: records or refuses them.
        settings: records the settings that have no effect.
    """
    global _ignored, _settings
    _ignored, _settings = ignored, settings


def apply() -> None:
    """Record what each handler reads of the properties of a resource that it creates or updates."""
    for resource_type, handlers in service("cloudformation.provisioners")._RESOURCE_HANDLERS.items():
        if resource_type.startswith(_WITHOUT_EFFECT):
            continue
        if "create" in handlers:
            handlers["create"] = _recorded_creation(resource_type, handlers)
        if "update" in handlers:
            handlers["update"] = _recorded_update(resource_type, handlers["update"])


def _recorded_creation(resource_type: str, handlers: Mapping[str, Any]) -> Callable[..., Created]:
    create: Callable[..., Created] = handlers["create"]
    read_at_deletion = _constants(handlers["delete"]) if "delete" in handlers else frozenset()

    @functools.wraps(create)
    def recorded(logical_id: str, properties: Properties, stack: str) -> Created:
        reading = Reading(properties)
        created = create(logical_id, reading.content(), stack)
        unread = _without_harmless(resource_type, reading.unread() - read_at_deletion, properties)
        refusal = _ignored.report(f"{resource_type} {logical_id} of the stack {stack}", unread)
        if refusal is not None:
            # The resource was not created, so nothing of it may be left.
            if "delete" in handlers and not handlers.get("delete_with_logical_id"):
                handlers["delete"](created[0], dict(properties))
            raise ValueError(refusal)
        _record_settings(resource_type, f"{logical_id} of the stack {stack}", properties, {})
        return created

    return recorded


def _recorded_update(resource_type: str, update: Callable[..., Created]) -> Callable[..., Created]:
    @functools.wraps(update)
    def recorded(physical_id: str, before: Properties, properties: Properties, stack: str, *others: Any) -> Created:
        reading = Reading(properties)
        updated = update(physical_id, before, reading.content(), stack, *others)
        changed = {name for name in reading.unread() if _at(before, name) != _at(properties, name)}
        unread = _without_harmless(resource_type, changed, properties)
        refusal = _ignored.report(f"the update of {resource_type} {physical_id} of the stack {stack}", unread)
        if refusal is not None:
            if updated[0] == physical_id:
                # ministack rolls back the other resources of the stack, and not the one that failed.
                update(physical_id, properties, dict(before), stack, *others)
            raise ValueError(refusal)
        _record_settings(resource_type, f"{updated[0]} of the stack {stack}", properties, before)
        return updated

    return recorded


def _record_settings(resource_type: str, owner: str, properties: Properties, before: Properties) -> None:
    for setting in SETTINGS_WITHOUT_EFFECT:
        is_set = setting.resource_type == resource_type and _at(properties, setting.property_path) is not None
        # What a resource had before was recorded at its creation, with its logical id.
        if is_set and _at(before, setting.property_path) is None:
            _settings.record(setting, owner)


def _constants(function: Callable[..., Any]) -> frozenset[str]:
    return frozenset(text for text in inspect.unwrap(function).__code__.co_consts if isinstance(text, str))


def _without_harmless(resource_type: str, names: set[str], properties: Properties) -> list[str]:
    return sorted(
        name
        for name in names
        if name.rpartition(".")[2] not in _HARMLESS
        and (resource_type, name) not in _WITHOUT_EFFECT_HERE
        and ((resource_type, name) not in _DEFAULTS or _DEFAULTS[resource_type, name] != _at(properties, name))
    )


def _at(value: Any, path: str) -> Any:  # noqa: ANN401 - any JSON
    """Return what is at a path, such as ``Rules[].Status``: of a list the values of all of its items."""
    name, _, rest = path.partition(".")
    key = name.rstrip("[]")
    found = value.get(key) if isinstance(value, Mapping) else None
    if not rest:
        return found
    if name.endswith("[]"):
        return [_at(item, rest) for item in found] if isinstance(found, list) else None
    return _at(found, rest)
