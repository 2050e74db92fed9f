"""The members of requests that the local AWS ignores, reported or refused.

AWS: an operation has an effect for each member of its request, and refuses a member that it does not know.
See: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html

ministack 1.5.33: the handlers of services with a JSON body, such as
`ministack.services.eventbridge.handle_request` and `ministack.services.lambda_svc.handle_request`, parse a request with
``json.loads``, read the members that they know, and ignore the others.

Removable when: ministack refuses, or reports, the members that it ignores (1.5.33 does not).
"""

from __future__ import annotations

import functools
import json
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Final

from smproc.local.server.ignored import IgnoredNames
from smproc.local.server.operation_names import operation_name
from smproc.local.server.patches.hosting import Handler
from smproc.local.server.patches.registry import Names, application, service
from smproc.local.server.read_names import Reading

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
        "ClientRequestToken",
        "ClientToken",
        "ConsistentRead",
        "Description",
        "ReturnConsumedCapacity",
        "Tags",
        "clientRequestToken",
        "description",
        "tags",
    }
)
_ERROR: Final = 400


@dataclass(slots=True)
class _Request:
    """A request that is being answered.

    Attributes:
        body: its body, which identifies it.
        readings: its content, once for each time that it was parsed.
    """

    body: bytes
    readings: list[Reading] = field(default_factory=list)

    def unread(self) -> set[str]:
        """Return the members that were not read."""
        return set.intersection(*(reading.unread() for reading in self.readings)) if self.readings else set()


_request: ContextVar[_Request | None] = ContextVar("smproc_request", default=None)
_ignored = IgnoredNames()


def report_ignored_members_to(ignored: IgnoredNames) -> None:
    """Set the object that ignored members are reported to.

    Args:
        ignored: records them.
    """
    global _ignored  # noqa: PLW0603 - set once, by the server
    _ignored = ignored


def apply() -> None:
    """Record what the handlers of a service read of a request."""
    handlers = application().SERVICE_HANDLERS
    for name, settings in application().SERVICE_REGISTRY.items():
        if name in handlers:
            modules = (settings["module"], *settings.get("sub_modules", ()))
            handlers[name] = _recorded(name, modules, handlers[name])


@functools.cache
def _record_what_they_parse(modules: tuple[str, ...]) -> None:
    """Give the modules of a service a parser that records; they are loaded when it has its first request."""
    parser = ModuleType("json")
    vars(parser).update(vars(json), loads=_loads)
    for module in modules:
        names = vars(service(module))
        if names.get("json") is json:
            names["json"] = parser


def _loads(text: str | bytes, **options: Any) -> Any:  # noqa: ANN401 - any JSON
    content = json.loads(text, **options)
    request = _request.get()
    if request is None or text is not request.body or not isinstance(content, dict):
        return content
    reading = Reading(content)
    request.readings.append(reading)
    return reading.content()


def _recorded(name: str, modules: tuple[str, ...], handler: Handler) -> Handler:
    @functools.wraps(handler)
    async def recorded(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> tuple[int, dict[str, str], bytes]:
        _record_what_they_parse(modules)
        request = _Request(body)
        token = _request.set(request)
        try:
            answer = await handler(method, path, headers, body, query)
        finally:
            _request.reset(token)
        if answer[0] >= _ERROR:
            return answer
        unread = sorted(member for member in request.unread() if member.rpartition(".")[2] not in _HARMLESS)
        if not unread:
            return answer
        operation = operation_name(name, method, path, headers, body, query)
        refusal = _ignored.report(f"requests {name}:{operation}", unread)
        return answer if refusal is None else _refused(refusal)

    return recorded


def _refused(reason: str) -> tuple[int, dict[str, str], bytes]:
    # What a handler reads is known only when it has finished.
    message = f"{reason}; the request was carried out without it"
    body = json.dumps({"__type": "ValidationException", "message": message}).encode()
    return _ERROR, {"Content-Type": "application/x-amz-json-1.0", "x-amzn-errortype": "ValidationException"}, body
