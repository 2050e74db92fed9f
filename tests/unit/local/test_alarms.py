"""The state of an alarm from its datapoints, metric math, embedded metrics, and what a change tells."""

from __future__ import annotations

import json
from typing import Any

import pytest

from smproc.local.server.alarms import (
    Alarm,
    Change,
    Datapoint,
    Metric,
    MetricMathError,
    UnsupportedAlarmError,
    compute,
    embedded_metrics,
    evaluate,
    event_detail,
    lambda_payload,
    notification,
    windows,
)

SINGLE = {
    "AlarmName": "errors",
    "AlarmArn": "arn:aws:cloudwatch:us-east-1:000000000000:alarm:errors",
    "AlarmDescription": "Errors of a function",
    "Namespace": "AWS/Lambda",
    "MetricName": "Errors",
    "Dimensions": [{"Name": "FunctionName", "Value": "f"}],
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 3,
    "Threshold": 0.0,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "missing",
}
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
RETAINED = "retained"


def datapoints(text: str) -> list[Datapoint]:
    """Return datapoints, one a minute: ``0`` is within the threshold, ``X`` breaches it, ``-`` is missing."""
    values = {"-": None, "0": 0.0, "X": 1.0}
    return [Datapoint(60.0 * at, values[value]) for at, value in enumerate(text.split())]


def verdict(text: str, state: str = "none", **more: Any) -> tuple[str, str]:
    found = evaluate(Alarm.read({**SINGLE, **more}), datapoints(text), state, 300.0)
    return (found.state, found.reason) if found else (RETAINED, "")


# The two tables of https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
@pytest.mark.parametrize(
    ("needed", "text", "states"),
    [
        (3, "0 - X - X", ["OK", "OK", "OK", "OK"]),
        (3, "0 - - - -", ["OK", "OK", "OK", "OK"]),
        (3, "- - - - -", ["INSUFFICIENT_DATA", RETAINED, "ALARM", "OK"]),
        (3, "0 X X - X", ["ALARM", "ALARM", "ALARM", "ALARM"]),
        (3, "- - X - -", ["ALARM", RETAINED, "ALARM", "OK"]),
        (2, "0 - X - X", ["ALARM", "ALARM", "ALARM", "ALARM"]),
        (2, "0 0 X 0 X", ["ALARM", "ALARM", "ALARM", "ALARM"]),
        (2, "0 - X - -", ["OK", "OK", "ALARM", "OK"]),
        (2, "- - - - 0", ["OK", "OK", "ALARM", "OK"]),
        (2, "- - - X -", ["ALARM", RETAINED, "ALARM", "OK"]),
    ],
)
def test_the_tables_of_aws_for_missing_data(needed: int, text: str, states: list[str]) -> None:
    assert [
        verdict(text, DatapointsToAlarm=needed, TreatMissingData=treatment)[0] for treatment in TREATMENTS
    ] == states


@pytest.mark.parametrize("text", ["- - - - X", "- - - X -"])
def test_an_alarm_is_not_raised_before_the_next_datapoints_could_clear_it(text: str) -> None:
    assert verdict(text) == (RETAINED, "")


@pytest.mark.parametrize(
    ("text", "old", "more", "reason"),
    [
        (
            "0 0 X X X",
            "OK",
            {},
            (
                "Threshold Crossed: 3 out of the last 3 datapoints [1.0 (01/01/70 00:04:00), 1.0 (01/01/70 00:03:00), "
                "1.0 (01/01/70 00:02:00)] were greater than the threshold (0.0) (minimum 3 datapoints for OK -> ALARM "
                "transition)."
            ),
        ),
        (
            "X X X X 0",
            "ALARM",
            {"EvaluationPeriods": 1},
            (
                "Threshold Crossed: 1 out of the last 1 datapoints [0.0 (01/01/70 00:04:00)] was not greater than the "
                "threshold (0.0) (minimum 1 datapoint for ALARM -> OK transition)."
            ),
        ),
        (
            "- - -",
            "INSUFFICIENT_DATA",
            {"EvaluationPeriods": 1, "TreatMissingData": "notBreaching"},
            (
                "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
                "[NonBreaching]."
            ),
        ),
        ("- - - - -", "OK", {}, "Insufficient Data: 3 datapoints were unknown."),
    ],
)
def test_the_reason_says_what_was_compared(text: str, old: str, more: dict[str, Any], reason: str) -> None:
    assert verdict(text, old, **more)[1] == reason


@pytest.mark.parametrize(
    ("comparison", "breaching"),
    [
        ("GreaterThanThreshold", [6]),
        ("GreaterThanOrEqualToThreshold", [5, 6]),
        ("LessThanThreshold", [4]),
        ("LessThanOrEqualToThreshold", [4, 5]),
    ],
)
def test_the_comparisons(comparison: str, breaching: list[float]) -> None:
    alarm = Alarm.read({**SINGLE, "ComparisonOperator": comparison, "Threshold": 5})
    assert [value for value in (4, 5, 6) if alarm.breaches(value)] == breaching


def test_the_evaluation_range_is_longer_than_the_evaluation_periods_and_ends_with_a_minute() -> None:
    alarm = Alarm.read({**SINGLE, "EvaluationPeriods": 1, "Period": 300})
    past = [(each.start, each.end) for each in windows(alarm, 1234, including_current=False)]
    assert past == [(300, 600), (600, 900), (900, 1200)]
    assert windows(alarm, 1234, including_current=True)[-1].end == 1260
    quick = Alarm.read({**SINGLE, "EvaluationPeriods": 1, "Period": 10})
    assert windows(quick, 1234, including_current=False)[-1].end == 1230


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"ComparisonOperator": "LessThanLowerOrGreaterThanUpperThreshold"}, "needs an anomaly detection model"),
        ({"ThresholdMetricId": "band"}, "needs an anomaly detection model"),
        ({"Metrics": [{"Id": "a", "ReturnData": False, "Expression": "1"}]}, "must return data, got none"),
        ({"Metrics": [{"Id": "a", "Expression": "1"}, {"Id": "b", "Expression": "2"}]}, r"got \['a', 'b'\]"),
    ],
)
def test_an_alarm_that_is_not_evaluated_here(more: dict[str, Any], text: str) -> None:
    with pytest.raises(UnsupportedAlarmError, match=text):
        Alarm.read({**SINGLE, **more})


def computed(expression: str) -> list[float | None]:
    metrics = [
        {
            "Id": name,
            "ReturnData": False,
            "MetricStat": {"Metric": {"Namespace": "n", "MetricName": name}, "Period": 60, "Stat": "Sum"},
        }
        for name in ("m1", "m2")
    ]
    half = {"Id": "half", "Expression": "m1 / 2", "ReturnData": False}
    alarm = Alarm.read({**SINGLE, "Metrics": [*metrics, half, {"Id": "e", "Expression": expression}]})
    return compute(alarm.queries, alarm.watched, {"m1": [1.0, None, 3.0], "m2": [4.0, 0.0, 0.0]})


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("m1 + m2", [5, None, 3]),
        ("100 * m1 / m2", [25, None, None]),
        ("m2 - -1", [5, 1, 1]),
        ("2 ^ m2", [16, 1, 1]),
        ("(m1 > 2) AND (m2 == 0)", [0, None, 1]),
        ("m1 > 2 || m2 > 2", [1, None, 1]),
        ("FILL(m1, 0) + m2", [5, 0, 3]),
        ("FILL(m1, REPEAT)", [1, 1, 3]),
        ("IF(m2 > 0, m1 / m2, 7)", [0.25, 7, 7]),
        ("SUM([m1, m2])", [5, 0, 3]),
        ("SUM(METRICS())", [5, 0, 3]),
        ('MAX(METRICS("m"))', [4, 0, 3]),
        ("SUM(FILL(METRICS(), 1))", [5, 1, 3]),
        ("m2 / MAX(m2)", [1, 0, 0]),
        ("RATE(m2)", [None, -4 / 60, 0]),
        ("DIFF(m2)", [None, -4, 0]),
        ("RUNNING_SUM(m2)", [4, 4, 4]),
        ("half * PERIOD(m1)", [30, None, 90]),
        ("ABS(-m2) + FLOOR(0.5) + CEIL(0.5)", [5, 1, 1]),
        ("METRIC_COUNT(METRICS())", [2, 2, 2]),
        ("TIME_SERIES(3)", [3, 3, 3]),
        ("AVG(METRICS())", [2.5, 0, 1.5]),
    ],
)
def test_metric_math(expression: str, values: list[float | None]) -> None:
    assert computed(expression) == pytest.approx(values)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("SEARCH('{AWS/SQS}', 'Sum')", "is not computed here"),
        ("ANOMALY_DETECTION_BAND(m1, 2)", "is not computed here"),
        ("SELECT SUM(Errors) FROM x", "is not valid, or is a query"),
        ("m1 +", "is not valid"),
        ("m9", "m9 names no metric"),
        ("e + 1", "depends on itself"),
        ("__import__('os')", "is not computed here"),
        ("m1.__class__", "is not computed here"),
        ("[m1, m2]", "has several time series"),
        ("m1 + " * 300 + "1", "at most 1024 characters"),
        ("FILL(m1, LINEAR)", "FILL with LINEAR is not computed here"),
    ],
)
def test_an_expression_that_is_not_computed(expression: str, text: str) -> None:
    with pytest.raises(MetricMathError, match=text):
        computed(expression)


def test_embedded_metrics_of_powertools() -> None:
    message = {
        "_aws": {
            "Timestamp": 1_700_000_000_500,
            "CloudWatchMetrics": [
                {
                    "Namespace": "Mine",
                    "Dimensions": [["service"], ["service", "absent"]],
                    "Metrics": [{"Name": "Seen", "Unit": "Count"}, {"Name": "Time"}, {"Name": "Absent"}],
                }
            ],
        },
        "service": "dispatcher",
        "Seen": [1.0, 2],
        "Time": {"Values": [5], "Counts": [3]},
    }
    seen, time = embedded_metrics(json.dumps(message))
    assert seen.metric == Metric("Mine", "Seen", {"service": "dispatcher"})
    assert (seen.timestamp, seen.unit, seen.values) == (1_700_000_000.5, "Count", ((1.0, 1.0), (2.0, 1.0)))
    assert (time.metric.name, time.unit, time.values) == ("Time", "None", ((5.0, 3.0),))


@pytest.mark.parametrize(
    "message",
    [
        "plain text",
        '{"a": 1}',
        'the text "_aws" in a line',
        '{"_aws": 1}',
        '{"_aws": {"Timestamp": "x", "CloudWatchMetrics": []}}',
        '{"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Namespace": "n", "Metrics": [{"Name": "a"}]}]}, "a": "b"}',
        '{"_aws": {"Timestamp": 1, "CloudWatchMetrics": [1]}}',
    ],
)
def test_an_ordinary_log_event_has_no_metrics(message: str) -> None:
    assert embedded_metrics(message) == []


def change(**more: Any) -> Change:
    state = {"StateValue": "OK", "StateReason": "before", "StateUpdatedTimestamp": 60.0}
    alarm = {**SINGLE, "StateValue": "ALARM", "StateReason": "now", "StateUpdatedTimestamp": 120.5, **more}
    return Change(alarm=alarm, old=state, old_state="OK", account="000000000000", region="us-east-1")


def test_the_message_to_a_topic() -> None:
    message = notification(change(AlarmActions=["arn:aws:sns:us-east-1:000000000000:topic"]))
    assert message["NewStateValue"] == "ALARM"
    assert message["OldStateValue"] == "OK"
    assert message["StateChangeTime"] == "1970-01-01T00:02:00.500+0000"
    assert message["AlarmActions"] == ["arn:aws:sns:us-east-1:000000000000:topic"]
    assert message["Trigger"] == {
        "MetricName": "Errors",
        "Namespace": "AWS/Lambda",
        "StatisticType": "Statistic",
        "Statistic": "SUM",
        "Unit": None,
        "Dimensions": [{"value": "f", "name": "FunctionName"}],
        "Period": 60,
        "EvaluationPeriods": 3,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 0.0,
        "TreatMissingData": "missing",
        "EvaluateLowSampleCountPercentile": "",
    }


def test_the_event_of_a_change() -> None:
    assert event_detail(change(StateReasonData="{}")) == {
        "alarmName": "errors",
        "configuration": {
            "description": "Errors of a function",
            "metrics": [
                {
                    "id": "metric",
                    "returnData": True,
                    "metricStat": {
                        "metric": {
                            "namespace": "AWS/Lambda",
                            "name": "Errors",
                            "dimensions": {"FunctionName": "f"},
                        },
                        "period": 60,
                        "stat": "Sum",
                    },
                }
            ],
        },
        "previousState": {"value": "OK", "reason": "before", "timestamp": "1970-01-01T00:01:00.000+0000"},
        "state": {
            "value": "ALARM",
            "reason": "now",
            "timestamp": "1970-01-01T00:02:00.500+0000",
            "reasonData": "{}",
        },
    }


def test_the_event_of_metric_math_and_of_a_composite_alarm() -> None:
    detail = event_detail(change(Metrics=[{"Id": "e", "Expression": "m1 + 1", "ReturnData": True}]))
    assert detail["configuration"]["metrics"] == [{"id": "e", "returnData": True, "expression": "m1 + 1"}]
    composite = change(AlarmRule="ALARM(errors)")
    assert event_detail(composite)["configuration"]["alarmRule"] == "ALARM(errors)"
    assert notification(composite)["AlarmRule"] == "ALARM(errors)"


def test_the_payload_of_a_function() -> None:
    payload = lambda_payload(change())
    assert payload["source"] == "aws.cloudwatch"
    assert payload["alarmArn"] == SINGLE["AlarmArn"]
    assert payload["alarmData"] == event_detail(change())
