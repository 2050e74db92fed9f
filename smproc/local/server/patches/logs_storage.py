"""CloudWatch Logs: events are stored in a database as they arrive, and read from there.

AWS: events that PutLogEvents accepted are durable, until they expire or their group or stream is deleted. The size of a
log group is unlimited.
See: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html

ministack 1.5.33: `ministack.services.cloudwatch_logs` holds each event twice in memory, in the list of its stream and
in `ministack.services.cloudwatch_logs._log_records`, and writes all of them at each save. The list becomes a sequence
over the database here, and the records are made of it when they are asked for.

Removable when: `_append_log_events` stores events outside of memory (not so in 1.5.33).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from smproc.local.server.log_events import LogEvents, LogEventStore, StreamFacts
from smproc.local.server.patches.registry import Names, Wrappers, core, service, takes

NAMES: Names = {
    "ministack.app": {"_load_persisted_state": takes()},
    "ministack.core.persistence": {"STATE_DIR": lambda value: isinstance(value, str)},
    "ministack.core.responses": {"get_account_id": callable, "get_region": callable},
    "ministack.services.cloudwatch_logs": {
        "_append_log_events": takes("stream", "events"),
        "_build_log_record": callable,
        "_describe_log_groups": takes("data"),
        "_describe_log_streams": takes("data"),
        "_forget_log_records_for_group": takes("group_name"),
        "_forget_log_records_for_stream": takes("group_name", "stream_name"),
        "_get_log_record": takes("data"),
        "_log_groups": lambda value: callable(value.all_items) and callable(value.set_scoped),
        "_log_records": lambda value: type(value._data) is dict,
        "reset": takes(),
    },
}

_stores: dict[str, LogEventStore] = {}
# Whether the calling thread only adds up the sizes of messages.
_sizes: ContextVar[bool] = ContextVar("smproc_log_sizes", default=False)
# The record that the calling thread has asked for.
_record: ContextVar[dict[str, Any] | None] = ContextVar("smproc_log_record", default=None)


class _StreamEvents(LogEvents):
    """The events of a stream. Whoever adds up their sizes gets the sum."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter([{"message": range(self.facts.characters)}]) if _sizes.get() else super().__iter__()


class _Records(dict[Any, Any]):
    """The records of events: none are kept. What looks one up gets the one that it has been asked for."""

    def __setitem__(self, key: object, value: object) -> None:
        """Keep nothing."""

    def update(self, *_args: object, **_kwargs: object) -> None:
        """Keep nothing."""

    def get(self, _key: object, _default: object = None) -> Any:  # noqa: ANN401 - ministack's
        """Return the record that was asked for."""
        return _record.get()


def apply() -> None:
    """Keep no records of events."""
    service("cloudwatch_logs")._log_records._data = _Records()


def open_logs() -> None:
    """Open the database of events, before the server answers requests.

    Raises:
        LocalAwsError: its file cannot be read.
    """
    _store()


def _store() -> LogEventStore:
    directory = core("persistence").STATE_DIR
    if directory not in _stores:
        Path(directory).mkdir(parents=True, exist_ok=True)
        _stores[directory] = LogEventStore(Path(directory) / "logs.sqlite3", _StreamEvents)
    return _stores[directory]


def _load_persisted_state(original: Callable[[], None]) -> None:
    original()
    groups = service("cloudwatch_logs")._log_groups
    stored = {}
    for events in _store().streams():
        facts = events.facts
        group = groups.get_scoped(facts.account, facts.region, facts.group)
        if group is None:
            arn = f"arn:aws:logs:{facts.region}:{facts.account}:log-group:{facts.group}:*"
            group = {"arn": arn, "creationTime": facts.created, "retentionInDays": None, "tags": {}}
            group |= {"subscriptionFilters": {}, "streams": {}}
            groups.set_scoped(facts.account, facts.region, facts.group, group)
        new = {"uploadSequenceToken": "1", "creationTime": facts.created}
        stream = group["streams"].setdefault(facts.name, new)
        stream["events"] = events
        _describe(stream)
        stored[id(stream)] = events
    for _, group in groups.all_items():
        for stream in group["streams"].values():
            # From before events were stored here.
            if stream["events"] and id(stream) not in stored:
                events, stream["events"] = stream["events"], []
                _append(stream, events)


def _append_log_events(
    original: Callable[..., Any], stream: dict[str, Any], events: Sequence[Mapping[str, Any]]
) -> None:
    new = {**stream, "events": []}
    original(new, events)
    if new["events"]:
        _append(stream, new["events"])


def _append(stream: dict[str, Any], events: Sequence[Mapping[str, Any]]) -> None:
    store = _store()
    with store.lock:
        if not isinstance(stream["events"], LogEvents):
            account, region, group, name = _names(stream)
            stream["events"] = store.add(StreamFacts(account, region, group, name, stream["creationTime"]))
        stream["events"].append(events)
        _describe(stream)


def _describe(stream: dict[str, Any]) -> None:
    facts = stream["events"].facts
    stream["firstEventTimestamp"] = facts.first
    stream["lastEventTimestamp"] = facts.last
    stream["lastIngestionTime"] = facts.ingested


def _names(stream: dict[str, Any]) -> tuple[str, str, str, str]:
    """Return the account, the region, the group and the name of a stream; it is one of the newest of its group."""
    for (account, region, group), description in service("cloudwatch_logs")._log_groups.all_items():
        for name, other in reversed(list(description["streams"].items())):
            if other is stream:
                return account, region, group, name
    raise LookupError("the stream was deleted meanwhile")


def _sizes_alone(original: Callable[..., Any], data: Mapping[str, Any]) -> object:
    token = _sizes.set(True)
    try:
        return original(data)
    finally:
        _sizes.reset(token)


def _get_log_record(original: Callable[..., Any], data: Mapping[str, Any]) -> object:
    found = _store().find(*_scope(), str(data.get("logRecordPointer")))
    record = None
    if found is not None:
        group, stream, event = found
        record = service("cloudwatch_logs")._build_log_record(
            ptr=event["eventId"],
            timestamp_ms=event["timestamp"],
            message=event["message"],
            log_group=group,
            log_stream=stream,
        )
    token = _record.set(record)
    try:
        return original(data)
    finally:
        _record.reset(token)


def _forget_log_records_for_stream(original: Callable[..., Any], group_name: str, stream_name: str) -> None:
    original(group_name, stream_name)
    _store().remove(*_scope(), group_name, stream_name)


def _forget_log_records_for_group(original: Callable[..., Any], group_name: str) -> None:
    original(group_name)
    _store().remove(*_scope(), group_name)


def _scope() -> tuple[str, str]:
    responses = core("responses")
    return str(responses.get_account_id()), str(responses.get_region())


def _reset(original: Callable[[], None]) -> None:
    original()
    _store().clear()


WRAPPERS: Wrappers = {
    "ministack.app": {"_load_persisted_state": _load_persisted_state},
    "ministack.services.cloudwatch_logs": {
        "_append_log_events": _append_log_events,
        "_describe_log_groups": _sizes_alone,
        "_describe_log_streams": _sizes_alone,
        "_forget_log_records_for_group": _forget_log_records_for_group,
        "_forget_log_records_for_stream": _forget_log_records_for_stream,
        "_get_log_record": _get_log_record,
        "reset": _reset,
    },
}
