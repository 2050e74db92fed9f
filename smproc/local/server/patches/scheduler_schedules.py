"""EventBridge Scheduler: schedules start every kind of target, as their roles, at times of their zones.

AWS: a schedule's expression is in its time zone; its target is templated or any action of any service; it is started
with the schedule's role; the attributes of the context in the input have values; what cannot be started goes to the
schedule's dead-letter queue.
See: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html

ministack 1.5.33: `ministack.services.scheduler._tick_schedules` ignores the zone, the role, the context, universal
targets and the dead-letter queue, and forgets with a restart that a schedule of one time was started; expressions and
universal targets are not checked. The handlers of ``AWS::Scheduler::Schedule`` in
`ministack.services.cloudformation.provisioners._RESOURCE_HANDLERS` store five of the properties.

Removable when: `_tick_schedules` starts ``arn:aws:scheduler:::aws-sdk:sqs:sendMessage`` (not so in 1.5.33).
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Protocol

from smproc.local.server.patches.registry import Names, Wrappers, core, service, takes

NAMES: Names = {
    "ministack.core.responses": {
        "get_account_id": takes(),
        "get_region": takes(),
        "set_request_account_id": takes("access_key_id"),
        "set_request_region": takes("region"),
    },
    "ministack.services.cloudformation.provisioners": {
        "_RESOURCE_HANDLERS": lambda value: {"create", "update"} <= set(value["AWS::Scheduler::Schedule"]),
        "_physical_name": callable,
    },
    "ministack.services.eventbridge": {
        "_cron_next_fire": takes("fields", "after_dt"),
        "_parse_cron_fields": takes("expr"),
    },
    "ministack.services.scheduler": {
        "_create_schedule": takes("name", "body"),
        "_error": takes("status", "code", "message"),
        "_schedule_arn": takes("group", "name"),
        "_schedules": lambda value: callable(value._data.pop) and callable(value.get),
        "_tick_schedules": takes(),
        "_ticker_loop": takes(),
        "_update_schedule": takes("name", "body"),
    },
}
_PROPERTIES = (
    "Description",
    "EndDate",
    "FlexibleTimeWindow",
    "GroupName",
    "KmsKeyArn",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "State",
    "Target",
)
_CLIENT_ERROR = 400
_INTERVAL_IN_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Scheduler(Protocol):
    """The part of the server that starts the targets of schedules."""

    def problem(self, schedule: Mapping[str, Any]) -> str | None:
        """Return why a schedule is refused, None if it is not."""

    def fire_if_due(self, schedule: MutableMapping[str, Any], now: datetime) -> bool:
        """Start the target of a schedule if it is due; return whether the schedule is over."""


_schedulers: list[Scheduler] = []


def set_scheduler(scheduler: Scheduler) -> None:
    """Set what starts the targets of schedules from now on.

    Args:
        scheduler: it.
    """
    _schedulers[:] = [scheduler]


def cron_fields(expression: str) -> object | None:
    """Return the fields of an expression ``cron(...)``, None if it is not valid.

    Args:
        expression: the expression.
    """
    fields: object | None = service("eventbridge")._parse_cron_fields(expression)
    return fields


def next_cron_time(fields: object, after: datetime) -> datetime | None:
    """Return the first time after a moment, None if there is none within four years.

    Args:
        fields: the fields of the expression.
        after: the moment.
    """
    found: datetime | None = service("eventbridge")._cron_next_fire(fields, after)
    return found


def apply() -> None:
    """Store all properties of a schedule in a template."""
    handlers = service("cloudformation.provisioners")._RESOURCE_HANDLERS["AWS::Scheduler::Schedule"]
    handlers["create"] = _create_resource
    handlers["update"] = _update_resource


def _ticker_loop(original: Callable[..., Any]) -> None:  # noqa: ARG001 - it looks every ten seconds
    while True:
        time.sleep(_INTERVAL_IN_SECONDS)
        service("scheduler")._tick_schedules()


def _tick_schedules(original: Callable[..., Any]) -> None:
    if not _schedulers:
        original()
        return
    schedules = service("scheduler")._schedules
    responses = core("responses")
    before = responses.get_account_id(), responses.get_region()
    try:
        for key, schedule in list(schedules._data.items()):
            account, region, name = key
            # Requests in this process have the account and region of the thread.
            responses.set_request_account_id(account)
            responses.set_request_region(region)
            try:
                is_over = _schedulers[0].fire_if_due(schedule, datetime.now(UTC))
            except Exception:  # noqa: BLE001 - the others are due all the same
                _log.exception("The schedule %s cannot be started", name)
                continue
            if is_over and schedule.get("ActionAfterCompletion") == "DELETE":
                schedules._data.pop(key, None)
    finally:
        responses.set_request_account_id(before[0])
        responses.set_request_region(before[1])


def _checked(original: Callable[..., Any], name: str, body: Mapping[str, Any]) -> object:
    needed = ("ScheduleExpression", "Target")
    if _schedulers and all(body.get(one) for one in needed) and (body["Target"] or {}).get("Arn"):
        problem = _schedulers[0].problem(body)
        if problem is not None:
            return service("scheduler")._error(_CLIENT_ERROR, "ValidationException", problem)
    return original(name, body)


def _create_resource(logical_id: str, properties: Mapping[str, Any], stack: str) -> tuple[str, dict[str, str]]:
    name = properties.get("Name") or service("cloudformation.provisioners")._physical_name(
        stack, logical_id, max_len=64
    )
    return _stored(service("scheduler")._create_schedule, str(name), properties)


def _update_resource(
    name: str, old: Mapping[str, Any], new: Mapping[str, Any], stack: str
) -> tuple[str, dict[str, str]]:
    is_same = new.get("Name", name) == name and old.get("GroupName") == new.get("GroupName")
    if is_same and f"{new.get('GroupName', 'default')}/{name}" in service("scheduler")._schedules:
        return _stored(service("scheduler")._update_schedule, name, new)
    return _create_resource(name, {"Name": name, **new}, stack)


def _stored(store: Callable[..., Any], name: str, properties: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    scheduler = service("scheduler")
    body = {one: properties[one] for one in _PROPERTIES if one in properties}
    status, _, answer = store(name, body)
    if status >= _CLIENT_ERROR:
        raise ValueError(json.loads(answer).get("Message") or json.loads(answer).get("message"))
    return name, {"Arn": scheduler._schedule_arn(body.get("GroupName", "default"), name)}


WRAPPERS: Wrappers = {
    "ministack.services.scheduler": {
        "_create_schedule": _checked,
        "_tick_schedules": _tick_schedules,
        "_ticker_loop": _ticker_loop,
        "_update_schedule": _checked,
    }
}
