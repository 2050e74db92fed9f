"""An alarm on a metric or on metric math, read from a record as DescribeAlarms returns it.

See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_DEFAULT_PERIOD_IN_SECONDS = 60
# The id of the query that stands for an alarm's own metric.
_OWN = "metric"


class UnsupportedAlarmError(ValueError):
    """An alarm watches something that is not computed here, such as an anomaly detection model."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric.

    Attributes:
        namespace: the namespace, such as ``AWS/SQS``.
        name: the name.
        dimensions: the values of the dimensions, by name.
    """

    namespace: str
    name: str
    dimensions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """A statistic of a metric, or an expression of others.

    Attributes:
        identifier: the id by which expressions name it.
        period: the period in seconds.
        metric: the metric; None for an expression.
        statistic: the statistic of the metric, such as ``Sum`` or ``p99``.
        unit: the only unit of the datapoints that count; None for all.
        expression: the expression; None for a metric.
    """

    identifier: str
    period: int
    metric: Metric | None = None
    statistic: str = "Average"
    unit: str | None = None
    expression: str | None = None


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm.

    Attributes:
        queries: what is computed, by id.
        watched: the id of the query whose values are compared.
        period: the period of those values, in seconds.
        evaluation_periods: the number of periods that are compared.
        datapoints_to_alarm: how many of them must be breaching.
        threshold: what they are compared with.
        comparison: the name of the comparison.
        missing: how a missing datapoint is treated: ``missing``, ``ignore``, ``breaching`` or ``notBreaching``.
    """

    queries: Mapping[str, MetricQuery]
    watched: str
    period: int
    evaluation_periods: int
    datapoints_to_alarm: int
    threshold: float
    comparison: str
    missing: str

    @property
    def statistic(self) -> str | None:
        """The statistic of the alarm's metric; None for an expression."""
        query = self.queries[self.watched]
        return query.statistic if query.metric else None

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics from which the alarm's values are computed."""
        return tuple(query.metric for query in self.queries.values() if query.metric is not None)

    def breaches(self, value: float) -> bool:
        """Return whether a value breaches the threshold."""
        return COMPARISONS[self.comparison](value, self.threshold)

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Alarm:
        """Read an alarm.

        Args:
            record: the alarm as DescribeAlarms returns it.

        Raises:
            UnsupportedAlarmError: it is not computed here what the alarm watches.
        """
        comparison = str(record.get("ComparisonOperator"))
        if comparison not in COMPARISONS or record.get("ThresholdMetricId"):
            raise UnsupportedAlarmError(f"the comparison {comparison} needs an anomaly detection model")
        if record.get("EvaluationCriteria"):
            raise UnsupportedAlarmError("the alarm watches a PromQL query")
        if record.get("Metrics"):
            queries, watched = _queries(record["Metrics"])
        else:
            queries, watched = {_OWN: _own(record)}, _OWN
        evaluation_periods = int(record.get("EvaluationPeriods") or 1)
        return cls(
            queries=queries,
            watched=watched,
            period=queries[watched].period,
            evaluation_periods=evaluation_periods,
            datapoints_to_alarm=int(record.get("DatapointsToAlarm") or evaluation_periods),
            threshold=float(record.get("Threshold") or 0),
            comparison=comparison,
            missing=str(record.get("TreatMissingData") or "missing"),
        )


def _own(record: Mapping[str, Any]) -> MetricQuery:
    metric = Metric(str(record.get("Namespace")), str(record.get("MetricName")), _dimensions(record))
    return MetricQuery(
        _OWN,
        int(record.get("Period") or _DEFAULT_PERIOD_IN_SECONDS),
        metric,
        str(record.get("ExtendedStatistic") or record.get("Statistic") or "Average"),
        record.get("Unit"),
    )


def _queries(metrics: list[Mapping[str, Any]]) -> tuple[dict[str, MetricQuery], str]:
    queries = {}
    for query in metrics:
        identifier = str(query["Id"])
        stat = query.get("MetricStat")
        if stat is None:
            period = int(query.get("Period") or 0)
            queries[identifier] = MetricQuery(identifier, period, expression=str(query.get("Expression")))
            continue
        metric = stat["Metric"]
        named = Metric(str(metric.get("Namespace")), str(metric.get("MetricName")), _dimensions(metric))
        period = int(stat.get("Period") or _DEFAULT_PERIOD_IN_SECONDS)
        queries[identifier] = MetricQuery(identifier, period, named, str(stat.get("Stat")), stat.get("Unit"))
    returned = [str(query["Id"]) for query in metrics if _is_true(query.get("ReturnData", True))]
    if len(returned) != 1:
        raise UnsupportedAlarmError(f"exactly one of the alarm's metrics must return data, got {returned or 'none'}")
    # An expression has the period of the metrics in it.
    longest = max((query.period for query in queries.values()), default=0) or _DEFAULT_PERIOD_IN_SECONDS
    return {
        name: query if query.period else MetricQuery(name, longest, expression=query.expression)
        for name, query in queries.items()
    }, returned[0]


def _dimensions(record: Mapping[str, Any]) -> dict[str, str]:
    return {str(each["Name"]): str(each["Value"]) for each in record.get("Dimensions") or ()}


def _is_true(value: object) -> bool:
    return str(value).lower() != "false"
