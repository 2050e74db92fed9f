"""CloudWatch, metrics: those of invocations, executions and rules, of embedded metrics in logs, and of metric filters.

AWS: Lambda counts every invocation, whatever invokes the function, its errors and throttles; Step Functions counts
executions by how they end; EventBridge counts how often a rule invokes its targets. Log events in the embedded metric
format, and those that match a metric filter, become datapoints.
See: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
See: https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
See: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html
See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringLogData.html

ministack 1.5.33: `ministack.services.lambda_svc._emit_lambda_metrics` is called for invocations through the API and a
load balancer alone, and counts one that was throttled; `ministack.services.stepfunctions`,
`ministack.services.eventbridge` and `ministack.services.cloudwatch_logs` record no metrics.

Removable when: `ministack.services.lambda_svc._execute_function_dispatch` records metrics, as do executions, rules and
log events (not so in 1.5.33).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from smproc.local.server.alarms import Datum, Metric, embedded_metrics
from smproc.local.server.patches.registry import Names, Wrappers, service, takes

NAMES: Names = {
    "ministack.services.cloudwatch": {
        "_dims_key": takes("dims"),
        "_evaluate_all_alarms": takes(),
        "_metric_bucket": takes("key"),
    },
    "ministack.services.cloudwatch_logs": {
        "_compile_filter_pattern": takes("raw"),
        "_fanout_to_subscription_filters": takes("group_name", "stream_name", "events"),
        "_metric_filters": lambda value: callable(value.items),
    },
    "ministack.services.eventbridge": {"_invoke_target": takes("target", "event", "rule", "view")},
    "ministack.services.lambda_svc": {
        "_emit_lambda_metrics": takes("function_name", "duration_ms", "error", "throttle"),
        "_execute_function_dispatch": takes("func", "config", "event", "request_id", "started"),
    },
    "ministack.services.stepfunctions": {"_emit_execution_status_event": takes("execution")},
}

_EXECUTIONS: Mapping[str, str] = {
    "RUNNING": "ExecutionsStarted",
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}
_MINUTE_IN_SECONDS = 60
_recording = threading.Lock()


def record(datum: Datum) -> None:
    """Record a datum in the account and region that the calling thread works for.

    Equal values of one timestamp are counted in one datapoint.

    Args:
        datum: the datum.
    """
    metrics = service("cloudwatch")
    metric = datum.metric
    dimensions = dict(metric.dimensions)
    with _recording:
        bucket = metrics._metric_bucket((metric.namespace, metric.name, metrics._dims_key(dimensions)))
        for value, count in datum.values:
            point = {"Timestamp": datum.timestamp, "Value": value, "Unit": datum.unit, "Dimensions": dimensions}
            latest = bucket[-1] if bucket else {}
            if latest.get("Count") and {**latest, **point} == latest:
                latest["Count"] += count
            else:
                bucket.append({**point, "Count": count})


def _record_all(namespace: str, dimensions: Mapping[str, str], values: Mapping[str, tuple[float, str]]) -> None:
    """Record metrics of a service, which have a resolution of a minute."""
    timestamp = float(time.time() // _MINUTE_IN_SECONDS * _MINUTE_IN_SECONDS)
    for name, (value, unit) in values.items():
        record(Datum(Metric(namespace, name, dimensions), timestamp, unit, ((value, 1.0),)))
    service("cloudwatch")._evaluate_all_alarms()


def _emit_lambda_metrics(
    _original: Callable[..., Any],
    function_name: str,
    duration_ms: float,
    error: bool,  # noqa: ARG001, FBT001 - ministack's signature
    throttle: bool,  # noqa: FBT001 - the same
) -> None:
    """Record a throttled invocation; all others are recorded where they are executed."""
    if throttle and not duration_ms:
        _record_all("AWS/Lambda", {"FunctionName": function_name}, {"Throttles": (1, "Count")})


def _execute_function_dispatch(
    original: Callable[..., dict[str, Any]],
    func: object,
    config: Mapping[str, Any],
    event: object,
    request_id: str,
    started: float,
) -> dict[str, Any]:
    begun = time.monotonic()
    result = original(func, config, event, request_id, started)
    duration_in_ms = (time.monotonic() - begun) * 1000
    dimensions = {"FunctionName": str(config.get("FunctionName"))}
    values = {
        "Invocations": (1.0, "Count"),
        "Errors": (1.0 if result.get("error") else 0.0, "Count"),
        "Throttles": (0.0, "Count"),
        "Duration": (round(duration_in_ms, 2), "Milliseconds"),
    }
    _record_all("AWS/Lambda", dimensions, values)
    return result


def _invoke_target(
    original: Callable[..., Any],
    target: object,
    event: object,
    rule: Mapping[str, Any],
    view: object = None,
) -> None:
    try:
        original(target, event, rule, view)
    finally:
        dimensions = {"RuleName": str(rule["Name"])}
        # Those of a rule of the default event bus have no other dimension.
        if (bus := str(rule.get("EventBusName") or "default")) != "default":
            dimensions["EventBusName"] = bus
        _record_all("AWS/Events", dimensions, {"Invocations": (1.0, "Count")})


def _emit_execution_status_event(original: Callable[..., Any], execution: Mapping[str, Any]) -> None:
    original(execution)
    values = {_EXECUTIONS[str(execution["status"])]: (1.0, "Count")}
    if execution.get("stopDate"):
        values["ExecutionTime"] = (_milliseconds(execution), "Milliseconds")
    _record_all("AWS/States", {"StateMachineArn": str(execution["stateMachineArn"])}, values)


def _milliseconds(execution: Mapping[str, Any]) -> float:
    started, stopped = (datetime.fromisoformat(str(execution[name])) for name in ("startDate", "stopDate"))
    return (stopped - started).total_seconds() * 1000


def _fanout_to_subscription_filters(
    original: Callable[..., Any], group_name: str, stream_name: str, events: Sequence[Mapping[str, Any]]
) -> None:
    found = [datum for event in events for datum in embedded_metrics(str(event.get("message", "")))]
    logs = service("cloudwatch_logs")
    for (group, _), metric_filter in logs._metric_filters.items():
        if group == group_name:
            matches = logs._compile_filter_pattern(metric_filter["filterPattern"])
            found += [
                datum
                for event in events
                if matches(str(event.get("message", "")))
                for transformation in metric_filter["metricTransformations"]
                for datum in _transformed(transformation, event)
            ]
    for datum in found:
        record(datum)
    if found:
        service("cloudwatch")._evaluate_all_alarms()
    original(group_name, stream_name, events)


def _transformed(transformation: Mapping[str, Any], event: Mapping[str, Any]) -> list[Datum]:
    value = str(transformation.get("metricValue"))
    try:
        if value.startswith("$."):
            found: Any = json.loads(event["message"])
            for name in value[2:].split("."):
                found = found[name]
            value = str(found)
        number = float(value)
    except (ValueError, KeyError, TypeError):
        return []
    # Dimensions of a filter name members of the event.
    dimensions: dict[str, str] = {}
    for name, selector in (transformation.get("dimensions") or {}).items():
        try:
            dimensions[str(name)] = str(json.loads(event["message"])[str(selector).removeprefix("$.")])
        except (ValueError, KeyError, TypeError):
            return []
    metric = Metric(str(transformation.get("metricNamespace")), str(transformation.get("metricName")), dimensions)
    timestamp = float(event.get("timestamp") or time.time() * 1000) / 1000
    return [Datum(metric, timestamp, str(transformation.get("unit") or "None"), ((number, 1.0),))]


WRAPPERS: Wrappers = {
    "ministack.services.cloudwatch_logs": {"_fanout_to_subscription_filters": _fanout_to_subscription_filters},
    "ministack.services.eventbridge": {"_invoke_target": _invoke_target},
    "ministack.services.lambda_svc": {
        "_emit_lambda_metrics": _emit_lambda_metrics,
        "_execute_function_dispatch": _execute_function_dispatch,
    },
    "ministack.services.stepfunctions": {"_emit_execution_status_event": _emit_execution_status_event},
}
