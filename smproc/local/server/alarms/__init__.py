"""CloudWatch alarms: what an alarm watches, how its state follows from datapoints, and what it tells about a change.

Pure logic. `smproc.local.server.patches.cloudwatch_alarms` feeds it with ministack's alarms and metrics.
"""

from smproc.local.server.alarms.alarm import Alarm, Metric, MetricQuery, UnsupportedAlarmError
from smproc.local.server.alarms.embedded_metrics import Datum, embedded_metrics
from smproc.local.server.alarms.evaluation import Datapoint, Verdict, Window, evaluate, windows
from smproc.local.server.alarms.metric_math import MetricMathError, compute
from smproc.local.server.alarms.notifications import Change, event_detail, lambda_payload, notification

__all__ = [
    "Alarm",
    "Change",
    "Datapoint",
    "Datum",
    "Metric",
    "MetricMathError",
    "MetricQuery",
    "UnsupportedAlarmError",
    "Verdict",
    "Window",
    "compute",
    "embedded_metrics",
    "evaluate",
    "event_detail",
    "lambda_payload",
    "notification",
    "windows",
]
