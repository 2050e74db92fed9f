"""The notifications of an alarm whose state changes: a message to SNS topics, an event, and the payload of functions.

See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smproc.local.server.alarms.evaluation import timestamp

_ACTIONS = ("OKActions", "AlarmActions", "InsufficientDataActions")
_STATISTICS = {"Sum": "SUM", "Average": "AVERAGE", "Minimum": "MINIMUM", "Maximum": "MAXIMUM"}


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an alarm's state.

    Attributes:
        alarm: the alarm as DescribeAlarms returns it, in its new state.
        old: the name, reason, reason data and time of its previous state; None if only its name is known.
        old_state: the name of its previous state.
        account: the account.
        region: the region.
    """

    alarm: Mapping[str, Any]
    old: Mapping[str, Any] | None
    old_state: str
    account: str
    region: str


def notification(change: Change) -> dict[str, Any]:
    """Return the message that an SNS topic gets.

    Args:
        change: the change.
    """
    alarm = change.alarm
    message: dict[str, Any] = {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription") or None,
        "AWSAccountId": change.account,
        "AlarmConfigurationUpdatedTimestamp": timestamp(alarm.get("AlarmConfigurationUpdatedTimestamp") or 0),
        "NewStateValue": alarm["StateValue"],
        "NewStateReason": alarm["StateReason"],
        "StateChangeTime": timestamp(alarm["StateUpdatedTimestamp"]),
        "Region": change.region,
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": change.old_state,
        **{actions: list(alarm.get(actions) or ()) for actions in _ACTIONS},
    }
    if "AlarmRule" in alarm:
        return message | {"AlarmRule": alarm["AlarmRule"]}
    trigger = {
        name: alarm.get(name) for name in ("Period", "EvaluationPeriods", "DatapointsToAlarm") if alarm.get(name)
    } | {
        "ComparisonOperator": alarm.get("ComparisonOperator"),
        "Threshold": alarm.get("Threshold"),
        "TreatMissingData": alarm.get("TreatMissingData"),
        "EvaluateLowSampleCountPercentile": alarm.get("EvaluateLowSampleCountPercentile") or "",
    }
    if alarm.get("Metrics"):
        return message | {"Trigger": trigger | {"Metrics": list(alarm["Metrics"])}}
    statistic = str(alarm.get("ExtendedStatistic") or alarm.get("Statistic"))
    return message | {
        "Trigger": {
            "MetricName": alarm.get("MetricName"),
            "Namespace": alarm.get("Namespace"),
            "StatisticType": "Statistic" if statistic in (*_STATISTICS, "SampleCount") else "ExtendedStatistic",
            "Statistic": _STATISTICS.get(statistic, statistic),
            "Unit": alarm.get("Unit"),
            "Dimensions": [{"value": each["Value"], "name": each["Name"]} for each in alarm.get("Dimensions") or ()],
            **trigger,
        }
    }


def event_detail(change: Change) -> dict[str, Any]:
    """Return the detail of the event ``CloudWatch Alarm State Change``.

    Args:
        change: the change.
    """
    alarm = change.alarm
    configuration: dict[str, Any] = {"description": alarm["AlarmDescription"]} if alarm.get("AlarmDescription") else {}
    if "AlarmRule" in alarm:
        configuration["alarmRule"] = alarm["AlarmRule"]
    else:
        configuration["metrics"] = [_metric(query) for query in alarm.get("Metrics") or [_own(alarm)]]
    previous = _state(change.old) if change.old else {"value": change.old_state}
    return {
        "alarmName": alarm["AlarmName"],
        "configuration": configuration,
        "previousState": previous,
        "state": _state(alarm),
    }


def lambda_payload(change: Change) -> dict[str, Any]:
    """Return the event that a function gets which is an action of the alarm.

    Args:
        change: the change.
    """
    return {
        "source": "aws.cloudwatch",
        "alarmArn": change.alarm["AlarmArn"],
        "accountId": change.account,
        "time": timestamp(change.alarm["StateUpdatedTimestamp"]),
        "region": change.region,
        "alarmData": event_detail(change),
    }


def _state(alarm: Mapping[str, Any]) -> dict[str, Any]:
    state = {
        "value": alarm["StateValue"],
        "reason": alarm["StateReason"],
        "timestamp": timestamp(alarm["StateUpdatedTimestamp"]),
    }
    return state | ({"reasonData": alarm["StateReasonData"]} if alarm.get("StateReasonData") else {})


def _own(alarm: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Id": "metric",
        "ReturnData": True,
        "MetricStat": {
            "Metric": {name: alarm.get(name) for name in ("Namespace", "MetricName", "Dimensions")},
            "Period": alarm.get("Period"),
            "Stat": alarm.get("ExtendedStatistic") or alarm.get("Statistic"),
            "Unit": alarm.get("Unit"),
        },
    }


def _metric(query: Mapping[str, Any]) -> dict[str, Any]:
    metric: dict[str, Any] = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
    if "MetricStat" not in query:
        return metric | {"expression": query.get("Expression")}
    stat = query["MetricStat"]
    described: dict[str, Any] = {
        "metric": {
            "namespace": stat["Metric"].get("Namespace"),
            "name": stat["Metric"].get("MetricName"),
            "dimensions": {each["Name"]: each["Value"] for each in stat["Metric"].get("Dimensions") or ()},
        },
        "period": stat.get("Period"),
        "stat": stat.get("Stat"),
    }
    return metric | {"metricStat": described | ({"unit": stat["Unit"]} if stat.get("Unit") else {})}
