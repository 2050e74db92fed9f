"""CloudFormation: the properties of resources that the local AWS ignores, reported or refused.

AWS: a resource has every property of its template. A property that its type does not have fails the stack.
See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html

ministack 1.5.33: each handler of `ministack.services.cloudformation.provisioners._RESOURCE_HANDLERS` reads the
properties that it knows, and ignores the others.

Removable when: ministack refuses, or reports, the properties that it ignores (1.5.33 does not).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

from smproc.local.server.ignored import IgnoredNames
from smproc.local.server.patches.registry import Names, service
from smproc.local.server.read_names import ReadNames

NAMES: Names = {
    "ministack.services.cloudformation.provisioners": {
        "_RESOURCE_HANDLERS": lambda value: {"create", "delete"} <= set(value["AWS::S3::Bucket"]),
    },
}

# Types that are read by someone else: CloudFormation itself, a function, and the statistics of the CDK.
_WITHOUT_EFFECT: Final = ("AWS::CDK::", "AWS::CloudFormation::", "Custom::")
# Properties that change nothing about what a resource does.
_HARMLESS: Final = frozenset({"AlarmDescription", "Description", "Tags", "TracingConfiguration"})
# The values of properties that are the default.
_DEFAULTS: Final = {("AWS::S3::Bucket", "AccessControl"): "Private"}

Properties = Mapping[str, Any]
# The physical id of a resource, and its attributes for Fn::GetAtt.
Created = tuple[str, dict[str, Any]]
_ignored = IgnoredNames()


def report_ignored_to(ignored: IgnoredNames) -> None:
    """Set the object that ignored properties are reported to.

    Args:
        ignored: records or refuses them.
    """
    global _ignored  # noqa: PLW0603 - set once, by the server
    _ignored = ignored


def apply() -> None:
    """Record what each handler reads of the properties of a resource that it creates."""
    for resource_type, handlers in service("cloudformation.provisioners")._RESOURCE_HANDLERS.items():
        if "create" in handlers and not resource_type.startswith(_WITHOUT_EFFECT):
            handlers["create"] = _recorded(resource_type, handlers)


def _recorded(resource_type: str, handlers: Mapping[str, Any]) -> Callable[..., Created]:
    create: Callable[..., Created] = handlers["create"]

    @functools.wraps(create)
    def recorded(logical_id: str, properties: Properties, stack: str) -> Created:
        reading = ReadNames(properties)
        created = create(logical_id, reading, stack)
        unread = sorted(
            name
            for name in reading.unread - _HARMLESS
            if (resource_type, name) not in _DEFAULTS or _DEFAULTS[resource_type, name] != properties[name]
        )
        refusal = _ignored.report(f"{resource_type} {logical_id} of the stack {stack}", unread)
        if refusal is not None:
            # The resource was not created, so nothing of it may be left.
            if "delete" in handlers and not handlers.get("delete_with_logical_id"):
                handlers["delete"](created[0], dict(properties))
            raise ValueError(refusal)
        return created

    return recorded
