"""CloudWatch, alarms: their states follow their metrics, those of queues included, and each change is an event.

AWS: an alarm is evaluated every minute over its evaluation range, by dimension, with a treatment of missing data; it
may watch metric math. A change of state is an event on EventBridge, and a message to the topics and functions among
the alarm's actions.
See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
See: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html

ministack 1.5.33: `ministack.services.cloudwatch._evaluate_alarm` runs when datapoints are put, at no other time; it
merges all dimensions of a metric and ignores missing data and DatapointsToAlarm.
`ministack.services.cloudwatch._put_metric_alarm` drops Metrics, and
`ministack.services.cloudformation.provisioners._cw_metric_alarm_record` refuses them.
`ministack.services.cloudwatch._dispatch_alarm_actions` publishes no event. `ministack.services.sqs` has no metrics.

Removable when: a release of ministack evaluates alarms over time and publishes their events (1.5.33 does not).
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any

from smproc.local.server.alarms import (
    Alarm,
    Change,
    Datapoint,
    Metric,
    MetricMathError,
    MetricQuery,
    UnsupportedAlarmError,
    Verdict,
    Window,
    compute,
    evaluate,
    event_detail,
    lambda_payload,
    notification,
    windows,
)
from smproc.local.server.patches.eventbridge_put_events import put_events
from smproc.local.server.patches.registry import Names, Wrappers, core, service, takes

NAMES: Names = {
    "ministack.core.responses": {"get_account_id": callable, "get_region": callable, "request_scope": callable},
    "ministack.services.cloudformation.provisioners": {"_cw_metric_alarm_record": takes("name", "props")},
    "ministack.services.cloudwatch": {
        "_alarms": lambda value: callable(value.all_items) and callable(value.get),
        "_calc_stats": takes("points"),
        "_dims_key": takes("dims"),
        "_dispatch_alarm_actions": takes("alarm", "old_state", "new_state", "reason"),
        "_evaluate_alarm": takes("alarm"),
        "_evaluate_parent_alarms": takes("child", "seen"),
        "_metrics": lambda value: callable(value.items) and callable(value.get),
        "_put_metric_alarm": takes("params", "cbor_data", "is_cbor", "is_json"),
        "_record_history": takes("alarm_name", "old_state", "new_state", "reason", "alarm_type", "reason_data"),
        "_restore_state": takes("data"),
        "_stat_value": takes("stats", "stat_name", "points"),
    },
    "ministack.services.eventbridge": {"_dispatch_to_lambda": takes("arn", "payload")},
    "ministack.services.sns": {"_fanout": callable},
    "ministack.services.sqs": {
        "_queue_by_arn": takes("arn"),
        "_queues_lock": lambda value: hasattr(value, "__enter__"),
    },
}

# While alarms exist: queues, and the time, change without notice.
_INTERVAL_IN_SECONDS = 5.0
# From a new datapoint to its evaluation, so that a storm of invocations leads to few of them.
_DELAY_IN_SECONDS = 0.25
_MINUTE_IN_SECONDS = 60
_KEPT_SAMPLES = 1440
_QUEUE_METRICS = (
    "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateAgeOfOldestMessage",
)
_log = logging.getLogger(__name__)


class _Evaluator:
    """A thread that evaluates all alarms while there are any, and sleeps while there are none."""

    def __init__(self) -> None:
        self._changed = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._refused: dict[str, str] = {}

    def note_change(self) -> None:
        """Note that an alarm or a metric has changed; does not wait for anything."""
        if not service("cloudwatch")._alarms.has_any():
            return
        self._changed.set()
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        while True:
            any_alarm = service("cloudwatch")._alarms.has_any()
            if self._changed.wait(_INTERVAL_IN_SECONDS if any_alarm else None):
                time.sleep(_DELAY_IN_SECONDS)
                self._changed.clear()
            for (account, region, name), record in service("cloudwatch")._alarms.all_items():
                with core("responses").request_scope(account, region):
                    try:
                        self._evaluate(record)
                    except Exception:  # noqa: BLE001 - the other alarms are evaluated all the same
                        _log.exception("The alarm %s could not be evaluated", name)

    def _evaluate(self, record: MutableMapping[str, Any]) -> None:
        now = time.time()
        try:
            verdict = _verdict(Alarm.read(record), str(record["StateValue"]), now)
        except (UnsupportedAlarmError, MetricMathError) as error:
            key, text = str(record["AlarmArn"]), str(error)
            if self._refused.get(key) != text:
                self._refused[key] = text
                _log.warning("The alarm %s is not evaluated: %s", record["AlarmName"], error)
            return
        # Whoever put or deleted the alarm meanwhile has had the last word.
        if verdict is not None and service("cloudwatch")._alarms.get(record["AlarmName"]) is record:
            _change_state(record, verdict, now)


_evaluator = _Evaluator()
# What was sampled of a queue, a minute each: its start, the number of samples, their sum, minimum and maximum.
_samples: defaultdict[tuple[str, str, str, str], deque[dict[str, Any]]] = defaultdict(
    lambda: deque(maxlen=_KEPT_SAMPLES)
)
# The change of which the calling thread notifies topics.
_change: ContextVar[Change | None] = ContextVar("smproc_alarm_change", default=None)
# The state that the calling thread has changed.
_previous: ContextVar[Mapping[str, Any] | None] = ContextVar("smproc_alarm_previous", default=None)


def _verdict(alarm: Alarm, state: str, now: float) -> Verdict | None:
    points = {
        identifier: _points(query, now) for identifier, query in alarm.queries.items() if query.metric is not None
    }
    begun = now // _MINUTE_IN_SECONDS * _MINUTE_IN_SECONDS
    # A minute that has not ended may still fall below a lower limit's value, and counts as soon as it exceeds an upper.
    current = alarm.comparison.startswith("Greater") and any(
        point["Timestamp"] >= begun for series in points.values() for point in series
    )
    ranges = windows(alarm, now, including_current=current)
    series = {
        identifier: [_value(alarm.queries[identifier], found, window) for window in ranges]
        for identifier, found in points.items()
    }
    values = compute(alarm.queries, alarm.watched, series)
    datapoints = [Datapoint(window.start, value) for window, value in zip(ranges, values, strict=True)]
    return evaluate(alarm, datapoints, state, now)


def _points(query: MetricQuery, now: float) -> list[Mapping[str, Any]]:
    """Return the datapoints of a metric, as ministack keeps them."""
    metric = query.metric
    if metric is None:
        return []
    if metric.namespace == "AWS/SQS" and metric.name in _QUEUE_METRICS:
        return _sampled(metric, now)
    cloudwatch = service("cloudwatch")
    if metric.namespace == "AWS/Lambda" and not metric.dimensions:
        # The metric of all functions together.
        found = [
            point
            for (namespace, name, _), points in cloudwatch._metrics.items()
            if (namespace, name) == (metric.namespace, metric.name)
            for point in list(points)
        ]
    else:
        key = (metric.namespace, metric.name, cloudwatch._dims_key(dict(metric.dimensions)))
        found = list(cloudwatch._metrics.get(key) or ())
    return [point for point in found if query.unit in (None, point.get("Unit"))]


def _value(query: MetricQuery, points: list[Mapping[str, Any]], window: Window) -> float | None:
    cloudwatch = service("cloudwatch")
    chosen = [point for point in points if window.start <= point["Timestamp"] < window.end]
    statistics = cloudwatch._calc_stats(chosen)
    if not statistics:
        return None
    value = cloudwatch._stat_value(statistics, query.statistic, chosen)
    return None if value is None else float(value)


def _sampled(metric: Metric, now: float) -> list[Mapping[str, Any]]:
    """Return a metric of a queue, with a new sample; none if the queue does not exist."""
    responses = core("responses")
    account, region = str(responses.get_account_id()), str(responses.get_region())
    name = str(metric.dimensions.get("QueueName"))
    sqs = service("sqs")
    key = (account, region, name, metric.name)
    with sqs._queues_lock:
        queue = sqs._queue_by_arn(f"arn:aws:sqs:{region}:{account}:{name}")
        if queue is None:
            _samples.pop(key, None)
            return []
        value = _measured(metric.name, queue["messages"], now)
    minute = now // _MINUTE_IN_SECONDS * _MINUTE_IN_SECONDS
    samples = _samples[key]
    if not samples or samples[-1]["Timestamp"] != minute:
        empty = {"SampleCount": 0.0, "Sum": 0.0, "Minimum": value, "Maximum": value}
        samples.append({"Timestamp": minute, "Value": value, "_stat": empty})
    latest = samples[-1]["_stat"]
    latest["SampleCount"] += 1
    latest["Sum"] += value
    latest["Minimum"] = min(latest["Minimum"], value)
    latest["Maximum"] = max(latest["Maximum"], value)
    return list(samples)


def _measured(name: str, messages: list[Mapping[str, Any]], now: float) -> float:
    if name == "ApproximateAgeOfOldestMessage":
        sent = (message.get("enqueued_at", message["sent_at"]) for message in messages)
        return max(0.0, now - min(sent, default=now))
    if name == "ApproximateNumberOfMessagesVisible":
        return float(sum(message["visible_at"] <= now for message in messages))
    delayed = name == "ApproximateNumberOfMessagesDelayed"
    return float(
        sum(message["visible_at"] > now and (message["receive_count"] == 0) is delayed for message in messages)
    )


def _change_state(record: MutableMapping[str, Any], verdict: Verdict, now: float) -> None:
    cloudwatch = service("cloudwatch")
    previous = dict(record)
    record.update(
        StateValue=verdict.state,
        StateReason=verdict.reason,
        StateReasonData=json.dumps(verdict.reason_data, separators=(",", ":")),
        StateUpdatedTimestamp=now,
        StateTransitionedTimestamp=now,
    )
    name, old = record["AlarmName"], previous["StateValue"]
    cloudwatch._record_history(name, old, verdict.state, verdict.reason, "MetricAlarm", verdict.reason_data)
    token = _previous.set(previous)
    try:
        cloudwatch._dispatch_alarm_actions(record, old, verdict.state, verdict.reason)
    finally:
        _previous.reset(token)
    cloudwatch._evaluate_parent_alarms(record)


def _evaluate_alarm(_original: Callable[..., Any], alarm: object) -> None:  # noqa: ARG001 - ministack's signature
    """Schedule the evaluation of the alarms, instead of this one at once by ministack's own rules."""
    _evaluator.note_change()


def _restore_state(original: Callable[..., Any], data: object) -> None:
    original(data)
    _evaluator.note_change()


def _dispatch_alarm_actions(
    original: Callable[..., Any], alarm: Mapping[str, Any], old_state: str, new_state: str, reason: str
) -> None:
    responses = core("responses")
    account, region = str(responses.get_account_id()), str(responses.get_region())
    change = Change(alarm=alarm, old=_previous.get(), old_state=old_state, account=account, region=region)
    # Composite alarms above this one change states of their own.
    previous, token = _previous.set(None), _change.set(change)
    try:
        original(alarm, old_state, new_state, reason)
    finally:
        _change.reset(token)
        _previous.reset(previous)
    if alarm.get("ActionsEnabled", True):
        field = {"ALARM": "AlarmActions", "OK": "OKActions"}.get(new_state, "InsufficientDataActions")
        for action in alarm.get(field) or ():
            if str(action).startswith("arn:aws:lambda:"):
                service("eventbridge")._dispatch_to_lambda(action, json.dumps(lambda_payload(change)))
    entry = {
        "Source": "aws.cloudwatch",
        "DetailType": "CloudWatch Alarm State Change",
        "Resources": [alarm["AlarmArn"]],
        "Detail": json.dumps(event_detail(change)),
    }
    put_events(account, region, [entry])


def _fanout(
    original: Callable[..., Any],
    topic_arn: str,
    msg_id: str,
    message: str,
    subject: str,
    *args: object,
    **kwargs: object,
) -> None:
    change = _change.get()
    if change is None:
        original(topic_arn, msg_id, message, subject, *args, **kwargs)
        return
    # Whatever the message leads to is not about this change.
    token = _change.set(None)
    try:
        original(topic_arn, msg_id, json.dumps(notification(change)), subject, *args, **kwargs)
    finally:
        _change.reset(token)


def _put_metric_alarm(
    original: Callable[..., Any],
    params: object,
    cbor_data: Mapping[str, Any],
    is_cbor: bool,  # noqa: FBT001 - ministack's signature
    is_json: bool = False,  # noqa: FBT001, FBT002 - the same
) -> object:
    response = original(params, cbor_data, is_cbor, is_json)
    record = service("cloudwatch")._alarms.get(cbor_data.get("AlarmName"))
    if record is not None and cbor_data.get("Metrics"):
        _watch_metrics(record, cbor_data["Metrics"])
    return response


def _cw_metric_alarm_record(original: Callable[..., Any], name: str, props: Mapping[str, Any]) -> dict[str, Any]:
    metrics = props.get("Metrics")
    if not metrics:
        record: dict[str, Any] = original(name, props)
        return record
    # What ministack requires beside them is not part of the alarm.
    others = {key: value for key, value in props.items() if key != "Metrics"}
    record = original(name, {**others, "MetricName": "-", "Namespace": "-"})
    _watch_metrics(record, metrics)
    return record


def _watch_metrics(record: MutableMapping[str, Any], metrics: object) -> None:
    for name in ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit"):
        record.pop(name, None)
    record["Metrics"] = metrics


WRAPPERS: Wrappers = {
    "ministack.services.cloudformation.provisioners": {"_cw_metric_alarm_record": _cw_metric_alarm_record},
    "ministack.services.cloudwatch": {
        "_dispatch_alarm_actions": _dispatch_alarm_actions,
        "_evaluate_alarm": _evaluate_alarm,
        "_put_metric_alarm": _put_metric_alarm,
        "_restore_state": _restore_state,
    },
    "ministack.services.sns": {"_fanout": _fanout},
}
