"""The last management events, and LookupEvents over them.

See: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

import binascii
import heapq
import itertools
import json
import threading
import time
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from smproc.local.server.cloudtrail.calls import Call, utc

# Of successful reads, and of all other calls: polling must not drive denials and changes out.
EVENTS_MAX: Final = 3_000
_PAGE_MAX: Final = 50
_KEPT_IN_SECONDS: Final = 90 * 24 * 3600
# The regions and names of events where they differ from those of requests.
_GLOBAL_SERVICES: Final = frozenset({"cloudfront", "iam", "organizations", "route53"})
_GLOBAL_REGION: Final = "us-east-1"
_SOURCES: Final[Mapping[str, str]] = {"cloudcontrol": "cloudcontrolapi", "dynamodbstreams": "dynamodb"}
_EVENT_VERSION: Final = "1.10"


class InvalidLookupError(Exception):
    """LookupEvents refuses a request.

    Args:
        code: the error code of the API.
        message: the message.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class _Event:
    """A management event. Its members of text are made when it is looked up: most never are."""

    number: int
    id: uuid.UUID
    time: int
    call: Call

    @property
    def source(self) -> str:
        return f"{_SOURCES.get(self.call.service, self.call.service)}.amazonaws.com"

    @property
    def region(self) -> str:
        return _GLOBAL_REGION if self.call.service in _GLOBAL_SERVICES else self.call.region

    def record(self) -> dict[str, Any]:
        call = self.call
        error = {"errorCode": call.error_code, "errorMessage": call.error_message} if call.error_code else {}
        return {
            "eventVersion": _EVENT_VERSION,
            "userIdentity": call.caller.identity(),
            "eventTime": utc(self.time),
            "eventSource": self.source,
            "eventName": call.operation,
            "awsRegion": self.region,
            "sourceIPAddress": "127.0.0.1",
            "userAgent": call.user_agent,
            **error,
            # Not recorded here: they would have to be freed of what is secret in them.
            "requestParameters": None,
            "responseElements": None,
            "requestID": call.request_id,
            "eventID": str(self.id),
            "readOnly": call.is_read,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": call.caller.account,
            "eventCategory": "Management",
        }

    def answer(self) -> dict[str, Any]:
        return {
            "EventId": str(self.id),
            "EventName": self.call.operation,
            "ReadOnly": str(self.call.is_read).lower(),
            "AccessKeyId": self.call.caller.access_key,
            "EventTime": self.time,
            "EventSource": self.source,
            "Username": self.call.caller.name,
            "Resources": [],
            "CloudTrailEvent": json.dumps(self.record()),
        }


_ATTRIBUTES: Final[Mapping[str, Callable[[_Event], str]]] = {
    "AccessKeyId": lambda event: event.call.caller.access_key,
    "EventId": lambda event: str(event.id),
    "EventName": lambda event: event.call.operation,
    "EventSource": lambda event: event.source,
    "ReadOnly": lambda event: str(event.call.is_read).lower(),
    "Username": lambda event: event.call.caller.name,
}
_OTHER_ATTRIBUTES: Final = frozenset({"ResourceName", "ResourceType"})


class EventHistory:
    """The event history of all accounts and regions, in memory.

    Args:
        events_max: how many successful reads, and how many other calls, are kept; the oldest are dropped.
    """

    def __init__(self, events_max: int = EVENTS_MAX) -> None:
        self._reads: deque[_Event] = deque(maxlen=events_max)
        self._others: deque[_Event] = deque(maxlen=events_max)
        self._numbers = itertools.count(1)
        # Requests and executions record in threads of their own.
        self._lock = threading.Lock()

    def record(self, call: Call, now: float | None = None) -> None:
        """Record a call.

        Args:
            call: the call, which `is_management_event` is true for.
            now: the time, in seconds since 1970. Default: the present.
        """
        events = self._reads if call.is_read and not call.error_code else self._others
        with self._lock:
            number = next(self._numbers)
            events.append(_Event(number, uuid.uuid4(), int(time.time() if now is None else now), call))

    def clear(self) -> None:
        """Forget all events."""
        with self._lock:
            self._reads.clear()
            self._others.clear()

    def lookup(self, account: str, region: str, request: Mapping[str, Any], now: float | None = None) -> dict[str, Any]:
        """Answer LookupEvents.

        Args:
            account: the account of the caller.
            region: the region of the request.
            request: the request.
            now: the time, in seconds since 1970. Default: the present.

        Raises:
            InvalidLookupError: the request is refused.
        """
        lookup = _Lookup.of(account, region, request, time.time() if now is None else now)
        with self._lock:
            reads, others = list(self._reads), list(self._others)
        newest_first = heapq.merge(reversed(reads), reversed(others), key=lambda event: -event.number)
        page = list(itertools.islice(lookup.matching(newest_first), lookup.size + 1))
        shown = page[: lookup.size]
        more = {"NextToken": lookup.token(shown[-1].number)} if len(page) > lookup.size else {}
        return {"Events": [event.answer() for event in shown], **more}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lookup:
    """A request of LookupEvents that was checked."""

    account: str
    region: str
    read: Callable[[_Event], str] | None
    value: str
    start: float
    end: float
    size: int
    below: float
    parameters: str

    @classmethod
    def of(cls, account: str, region: str, request: Mapping[str, Any], now: float) -> _Lookup:
        attributes = request.get("LookupAttributes") or []
        if len(attributes) > 1:
            raise InvalidLookupError("InvalidLookupAttributesException", "You can specify only one lookup attribute.")
        key, value = (
            (attributes[0].get("AttributeKey"), attributes[0].get("AttributeValue")) if attributes else ("", "")
        )
        if key in _OTHER_ATTRIBUTES:
            raise InvalidLookupError("NotImplemented", f"The local AWS does not record the resources of events: {key}")
        if key and key not in _ATTRIBUTES:
            raise InvalidLookupError("InvalidLookupAttributesException", f"{key} is not an attribute of events.")
        category = request.get("EventCategory")
        if category not in (None, "insight"):
            raise InvalidLookupError("InvalidEventCategoryException", f"{category} is not a category of events.")
        size = request.get("MaxResults")
        size = _PAGE_MAX if size is None else size
        if not 1 <= size <= _PAGE_MAX:
            raise InvalidLookupError("InvalidMaxResultsException", f"MaxResults must be 1 to {_PAGE_MAX}, got {size}.")
        start, end = request.get("StartTime"), request.get("EndTime")
        if start is not None and end is not None and start > end:
            raise InvalidLookupError("InvalidTimeRangeException", "The start time must not be after the end time.")
        parameters = json.dumps([account, region, key, value, start, end, category], sort_keys=True)
        return cls(
            account=account,
            region=region,
            read=_ATTRIBUTES.get(key),
            value=str(value),
            start=max(now - _KEPT_IN_SECONDS, start or 0),
            # Nothing here has insights.
            end=float("-inf") if category else float("inf") if end is None else end,
            size=size,
            below=_number_in(request.get("NextToken"), parameters),
            parameters=parameters,
        )

    def matching(self, events: Iterator[_Event]) -> Iterator[_Event]:
        for event in events:
            if (
                event.number < self.below
                and self.start <= event.time <= self.end
                and (event.call.caller.account, event.region) == (self.account, self.region)
                and (self.read is None or self.read(event) == self.value)
            ):
                yield event

    def token(self, number: int) -> str:
        """Return the token of the page that follows an event."""
        return urlsafe_b64encode(json.dumps([number, self.parameters]).encode()).decode()


def _number_in(token: str | None, parameters: str) -> float:
    """Return the number that the events of a page are below."""
    if token is None:
        return float("inf")
    try:
        number, of_parameters = json.loads(urlsafe_b64decode(token))
        if of_parameters == parameters:
            return int(number)
    except (binascii.Error, TypeError, ValueError):
        pass
    message = "The token is invalid, or was returned for a request with other parameters."
    raise InvalidLookupError("InvalidNextTokenException", message)
