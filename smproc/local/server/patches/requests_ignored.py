"""The members of requests that the local AWS ignores, reported or refused.

AWS: an operation has an effect for each member of its request, and refuses a member that it does not know.
See: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html

ministack 1.5.33: the handlers of services, such as `ministack.services.eventbridge.handle_request`,
`ministack.services.iam.handle_request` and `ministack.services.s3.handle_request`, parse a body with ``json.loads``,
``parse_qs`` or ``fromstring``, read the members that they know, of queries and headers, too, and ignore the others.

Removable when: ministack refuses, or reports, the members that it ignores (1.5.33 does not).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from smproc.local.server.ignored import IgnoredNames
from smproc.local.server.operation_names import operation_name
from smproc.local.server.patches.hosting import Handler
from smproc.local.server.patches.registry import Names, application, service
from smproc.local.server.refusals import Answer, refusal
from smproc.local.server.request_reading import RequestReading
from smproc.local.server.settings_in_use import SettingsInUse
from smproc.local.settings_without_effect import SETTINGS_WITHOUT_EFFECT, SettingWithoutEffect

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

NAMES: Names = {
    "ministack.app": {
        "SERVICE_HANDLERS": lambda value: "sqs" in value,
        # The modules of the services, by the services' names in the routing of requests.
        "SERVICE_REGISTRY": lambda value: value["sqs"]["module"] == "sqs",
    },
}

# Members that change nothing about what an operation does here (every read is consistent), or that the SDKs add to make
# a repetition harmless.
_HARMLESS: Final = frozenset(
    {
        # Nothing is lost on loopback; where a checksum is sent, it is checked by its own name.
        "ChecksumAlgorithm",
        "ClientRequestToken",
        "ClientToken",
        "ConsistentRead",
        "ContentLength",
        "ContentMD5",
        "Description",
        "ReturnConsumedCapacity",
        "Tags",
        "clientRequestToken",
        "description",
        "tags",
    }
)
# Members that every `cdk deploy` sends: without them nothing would deploy. That CloudFormation does not act as its role
# here is a documented difference; the others are about what a change set shows, and how fast it is carried out.
_HARMLESS_IN: Final[Mapping[str, frozenset[str]]] = {
    "cloudformation:CreateChangeSet": frozenset({"DeploymentConfig.Mode", "IncludeNestedStacks", "RoleARN"}),
    "cloudformation:DeleteStack": frozenset({"DeploymentConfig.Mode", "RoleARN"}),
    "cloudformation:DescribeChangeSet": frozenset({"IncludePropertyValues"}),
    # Read only where a function has logged something.
    "lambda:Invoke": frozenset({"LogType"}),
}
_ERROR: Final = 400
_READ_METHODS: Final = ("GET", "HEAD")


def _settings_by_operation() -> dict[str, list[tuple[SettingWithoutEffect, str]]]:
    """Return the settings without effect, each with the member that sets it, by operation."""
    settings: dict[str, list[tuple[SettingWithoutEffect, str]]] = {}
    for setting in SETTINGS_WITHOUT_EFFECT:
        for operation, member in setting.requests.items():
            settings.setdefault(operation, []).append((setting, member))
    return settings


_SETTINGS: Final = _settings_by_operation()
_SERVICES_WITH_SETTINGS: Final = frozenset(operation.partition(":")[0] for operation in _SETTINGS)

_request: ContextVar[RequestReading | None] = ContextVar("smproc_request", default=None)
_ignored = IgnoredNames()
_settings = SettingsInUse()


def report_ignored_members_to(ignored: IgnoredNames, settings: SettingsInUse) -> None:
    """Set the objects that members without effect are reported to.

    Args:
        ignored: records or refuses them.
        settings: records the settings that have no effect.
    """
    global _ignored, _settings
    _ignored, _settings = ignored, settings


def apply() -> None:
    """Record what the handlers of a service read of a request."""
    handlers = application().SERVICE_HANDLERS
    for name, settings in application().SERVICE_REGISTRY.items():
        if name in handlers:
            modules = (settings["module"], *settings.get("sub_modules", ()))
            handlers[name] = _recorded(name, modules, handlers[name])


@functools.cache
def _record_what_they_parse(modules: tuple[str, ...]) -> None:
    """Give the modules of a service parsers that record; they are loaded when it has its first request."""
    parser = ModuleType("json")
    vars(parser).update(vars(json), loads=_loads)
    for module in modules:
        names = vars(service(module))
        if names.get("json") is json:
            names["json"] = parser
        for name, recording in (("parse_qs", _parse_qs), ("fromstring", _fromstring)):
            if name in names:
                names[name] = functools.partial(recording, names[name])


def _loads(text: str | bytes, **options: Any) -> Any:  # noqa: ANN401 - any JSON
    content = json.loads(text, **options)
    request = _request.get()
    if request is None or not isinstance(content, dict) or not request.is_its_body(text):
        return content
    return request.json(content)


def _parse_qs(original: Callable[..., dict[str, list[str]]], text: str, **options: Any) -> dict[str, list[str]]:
    content = original(text, **options)
    request = _request.get()
    return content if request is None or not request.is_its_body(text) else request.form(content)


def _fromstring(original: Callable[..., Element], text: str | bytes, **options: Any) -> Element:
    root = original(text, **options)
    request = _request.get()
    return root if request is None or not request.is_its_body(text) else request.element(root)


def _recorded(name: str, modules: tuple[str, ...], handler: Handler) -> Handler:
    @functools.wraps(handler)
    async def recorded(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> Answer:
        _record_what_they_parse(modules)
        request = RequestReading(name, headers, body, query)
        token = _request.set(request)
        try:
            answer = await handler(method, path, request.headers, request.body, request.query)
        finally:
            _request.reset(token)
        may_set = name in _SERVICES_WITH_SETTINGS and method not in _READ_METHODS
        if answer[0] >= _ERROR or not (may_set or request.may_have_unread()):
            return answer
        operation = operation_name(name, method, path, headers, body, query)
        for setting, member in _SETTINGS.get(f"{name}:{operation}", ()):
            if not member or request.has(operation, member):
                _settings.record(setting, f"requests {name}:{operation}")
        unread = sorted(member for member in request.unread(operation) if not _is_harmless(name, operation, member))
        reason = _ignored.report(f"requests {name}:{operation}", unread)
        return answer if reason is None else _refused(name, headers, reason)

    return recorded


def _is_harmless(name: str, operation: str, member: str) -> bool:
    parts = {part.rstrip("[]") for part in member.split(".")}
    settings = (found for _, found in _SETTINGS.get(f"{name}:{operation}", ()))
    return (
        not _HARMLESS.isdisjoint(parts)
        or member in _HARMLESS_IN.get(f"{name}:{operation}", ())
        # These are recorded apart, and not refused.
        or member in settings
    )


def _refused(name: str, headers: Mapping[str, str], reason: str) -> Answer:
    # What a handler reads is known only when it has finished.
    return refusal(name, headers, _ERROR, "ValidationException", f"{reason}; the request was carried out without it")
