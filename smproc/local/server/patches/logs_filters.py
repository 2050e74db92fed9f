"""CloudWatch Logs: the streams, the pages and the patterns of FilterLogEvents; the bounds of GetLogEvents.

AWS: FilterLogEvents searches the named streams or those with a prefix, in the order of time, and returns pages of at
most 10,000 events or 1 MB with a token for the next one. A filter pattern is case-sensitive, and can be terms (all,
any or none of them), a regular expression, a JSON pattern or a space-delimited one; a malformed one is refused. A
page of GetLogEvents has the same bounds.
See: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
See: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html

ministack 1.5.33: `ministack.services.cloudwatch_logs._filter_log_events` does not read ``logStreamNamePrefix`` and
``nextToken``, skips streams that do not exist and returns no token;
`ministack.services.cloudwatch_logs._compile_filter_pattern` ignores case, takes ``?a ?b`` as text, splits quoted
phrases, and lets JSON patterns match every message; `ministack.services.cloudwatch_logs._get_log_events` returns up
to 10,000 events of any size.

Removable when: `_filter_log_events` pages and has the prefix, and `_compile_filter_pattern` has the whole syntax (not
so in 1.5.33).
"""

from __future__ import annotations

import base64
import heapq
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from smproc.local.server.log_patterns import InvalidFilterPatternError, Matcher, compile_pattern
from smproc.local.server.patches.registry import Names, Wrappers, core, service, takes

_Answer = tuple[int, dict[str, str], bytes]
# The place of an event in the order of a search: its time, its stream, its position in the stream.
_Place = tuple[int, str, int]

NAMES: Names = {
    "ministack.services.cloudwatch_logs": {
        "_compile_filter_pattern": takes("raw"),
        "_event_timestamp": lambda value: value({"timestamp": 1}) == 1,
        "_filter_log_events": takes("data"),
        "_get_log_events": takes("data"),
        "_log_events_lock": lambda value: hasattr(value, "__enter__"),
        "_log_groups": lambda value: callable(value.get),
        "_put_metric_filter": takes("data"),
        "_put_subscription_filter": takes("data"),
        "_resolve_log_group_name": takes("data"),
    },
    "ministack.core.responses": {
        "error_response_json": callable,
        "json_response": callable,
    },
}

_EVENTS_MAX = 10_000
_PAGE_MAX_BYTES = 1024 * 1024
_STREAMS_MAX = 100
_EVENT_OVERHEAD_IN_BYTES = 26


def _compile_filter_pattern(_original: Callable[[str], Matcher], raw: str) -> Matcher:
    try:
        return compile_pattern(raw or "")
    except InvalidFilterPatternError:
        # A stored pattern of a subscription, from before patterns were checked, must not fail PutLogEvents.
        return lambda _message: False


def _filter_log_events(  # noqa: PLR0911 - one return a refusal
    original: Callable[[Mapping[str, Any]], _Answer], data: Mapping[str, Any]
) -> _Answer:
    logs = service("cloudwatch_logs")
    group = logs._log_groups.get(logs._resolve_log_group_name(data))
    if group is None:
        return original(data)
    limit = data.get("limit", _EVENTS_MAX)
    if not 1 <= limit <= _EVENTS_MAX:
        return _refusal(f"limit must be between 1 and {_EVENTS_MAX}, got {limit}")
    try:
        matches = compile_pattern(data.get("filterPattern") or "")
        after = _place(data.get("nextToken"))
    except InvalidFilterPatternError as error:
        return _refusal(str(error))
    except ValueError:
        return _refusal("The specified nextToken is invalid.")
    names, prefix = data.get("logStreamNames"), data.get("logStreamNamePrefix")
    if names and prefix:
        return _refusal("Only one of logStreamNames and logStreamNamePrefix may be specified")
    if len(names or ()) > _STREAMS_MAX:
        return _refusal(f"logStreamNames must have at most {_STREAMS_MAX} members")
    if not set(names or ()) <= group["streams"].keys():
        return _error("ResourceNotFoundException", "The specified log stream does not exist.")
    if not names:
        names = [name for name in list(group["streams"]) if name.startswith(prefix or "")]
    # Read even if there is no stream to search: a member that nothing reads counts as ignored.
    times = data.get("startTime"), data.get("endTime")
    ranges = []
    with logs._log_events_lock:
        for name in sorted(set(names)):
            events = group["streams"][name]["events"]
            ranges.append(_places(events, name, *_bounds(events, name, times, after)))
    return _page(ranges, matches, limit)


def _page(ranges: Sequence[Iterator[tuple[_Place, dict[str, Any]]]], matches: Matcher, limit: int) -> _Answer:
    found: list[dict[str, Any]] = []
    size, last, token = 0, None, None
    for place, event in heapq.merge(*ranges, key=lambda entry: entry[0]):
        if matches(event["message"]):
            event_size = len(event["message"]) + _EVENT_OVERHEAD_IN_BYTES
            if len(found) == limit or (found and size + event_size > _PAGE_MAX_BYTES):
                token = base64.urlsafe_b64encode(json.dumps(last).encode()).decode()
                break
            size += event_size
            found.append({**event, "logStreamName": place[1]})
        last = place
    # Always empty by now, as the API's reference says of searchedLogStreams.
    page = {"events": found, "searchedLogStreams": [], **({"nextToken": token} if token else {})}
    answer: _Answer = core("responses").json_response(page)
    return answer


def _bounds(
    events: Sequence[Any], stream: str, times: tuple[int | None, int | None], after: _Place | None
) -> tuple[int, int]:
    """Return the positions of the first event to search and of the one after the last."""
    by_time = service("cloudwatch_logs")._event_timestamp
    first, last = times
    start = bisect_left(events, first, key=by_time) if first is not None else 0
    end = bisect_right(events, last, key=by_time) if last is not None else len(events)
    if after is not None:
        time, last_stream, position = after
        if stream == last_stream:
            start = max(start, position + 1)
        else:
            start = max(start, (bisect_right if stream < last_stream else bisect_left)(events, time, key=by_time))
    return start, end


def _places(
    events: Sequence[dict[str, Any]], stream: str, start: int, end: int
) -> Iterator[tuple[_Place, dict[str, Any]]]:
    for position in range(start, end):
        event = events[position]
        yield (event["timestamp"], stream, position), event


def _place(token: str | None) -> _Place | None:
    if not token:
        return None
    time, stream, position = json.loads(base64.urlsafe_b64decode(token))
    return int(time), str(stream), int(position)


def _get_log_events(original: Callable[[Mapping[str, Any]], _Answer], data: Mapping[str, Any]) -> _Answer:
    limit = data.get("limit", _EVENTS_MAX)
    if not 1 <= limit <= _EVENTS_MAX:
        return _refusal(f"limit must be between 1 and {_EVENTS_MAX}, got {limit}")
    answer = original(data)
    while answer[0] == 200 and len(answer[2]) > _PAGE_MAX_BYTES:  # noqa: PLR2004 - the status of HTTP
        # The tokens name positions, so a smaller page needs its own. Half the events are seldom more than the rest.
        events = json.loads(answer[2])["events"]
        if len(events) == 1:
            break
        answer = original({**data, "limit": max(1, len(events) * _PAGE_MAX_BYTES // (2 * len(answer[2])))})
    return answer


def _checked(original: Callable[[Mapping[str, Any]], _Answer], data: Mapping[str, Any]) -> _Answer:
    try:
        compile_pattern(data.get("filterPattern") or "")
    except InvalidFilterPatternError as error:
        return _refusal(str(error))
    return original(data)


def _refusal(message: str) -> _Answer:
    return _error("InvalidParameterException", message)


def _error(code: str, message: str) -> _Answer:
    answer: _Answer = core("responses").error_response_json(code, message, 400)
    return answer


WRAPPERS: Wrappers = {
    "ministack.services.cloudwatch_logs": {
        "_compile_filter_pattern": _compile_filter_pattern,
        "_filter_log_events": _filter_log_events,
        "_get_log_events": _get_log_events,
        "_put_subscription_filter": _checked,
        "_put_metric_filter": _checked,
    }
}
