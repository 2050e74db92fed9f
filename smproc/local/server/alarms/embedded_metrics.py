"""Metrics in log events, in CloudWatch's embedded metric format, which Powertools for AWS Lambda writes.

See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from smproc.local.server.alarms.alarm import Metric

# No other event is parsed: most of them are no JSON.
_MARK = '"_aws"'
_MAX_METRICS = 100
_MAX_DIMENSIONS = 30


@dataclass(frozen=True, slots=True)
class Datum:
    """The values of a metric in a log event.

    Attributes:
        metric: the metric.
        timestamp: the time, in seconds since the epoch.
        unit: the unit, such as ``Count``.
        values: the values, each with how often it was seen.
    """

    metric: Metric
    timestamp: float
    unit: str
    values: tuple[tuple[float, float], ...]


def embedded_metrics(message: str) -> list[Datum]:
    """Return the metrics of a log event; none if it is an ordinary one, or not valid.

    Args:
        message: the event's message.
    """
    if _MARK not in message:
        return []
    try:
        document = json.loads(message)
        metadata = document["_aws"]
        timestamp = float(metadata["Timestamp"]) / 1000
        return [datum for directive in metadata["CloudWatchMetrics"] for datum in _of(directive, document, timestamp)]
    except (KeyError, TypeError, ValueError, AttributeError):
        return []


def _of(directive: Mapping[str, Any], document: Mapping[str, Any], timestamp: float) -> Iterator[Datum]:
    namespace = str(directive["Namespace"])
    for definition in directive["Metrics"][:_MAX_METRICS]:
        name = str(definition["Name"])
        values = _values(document.get(name))
        for dimensions in directive.get("Dimensions") or [[]]:
            # A dimension set that names a member which is absent is ignored, as is one that is too large.
            if values and len(dimensions) <= _MAX_DIMENSIONS and all(each in document for each in dimensions):
                metric = Metric(namespace, name, {str(each): str(document[each]) for each in dimensions})
                yield Datum(metric, timestamp, str(definition.get("Unit") or "None"), values)


def _values(member: object) -> tuple[tuple[float, float], ...]:
    if isinstance(member, Mapping):
        values = member["Values"]
        counts = member.get("Counts") or [1] * len(values)
        return tuple((float(value), float(count)) for value, count in zip(values, counts, strict=True))
    listed = member if isinstance(member, list) else [member]
    return tuple((float(value), 1.0) for value in listed if isinstance(value, int | float))
