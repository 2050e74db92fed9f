"""Alarms follow the metrics of queues, functions, executions and logs, and tell topics, functions and EventBridge."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/function"
DEADLINE_IN_SECONDS = 60.0


class Watched:
    """An alarm, with a topic for its actions and a rule for its events; both end in queues."""

    def __init__(self, local_aws: RunningLocalAws, **alarm: Any) -> None:
        self.local_aws, self.name = local_aws, local_aws.name()
        self.cloudwatch = local_aws.client("cloudwatch")
        self.sqs = local_aws.client("sqs")
        topic = local_aws.client("sns").create_topic(Name=self.name)["TopicArn"]
        self.messages = self.sqs.create_queue(QueueName=f"{self.name}-messages")["QueueUrl"]
        self.events = self.sqs.create_queue(QueueName=f"{self.name}-events")["QueueUrl"]
        local_aws.client("sns").subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{ACCOUNT}:{self.name}-messages"
        )
        pattern = {"source": ["aws.cloudwatch"], "detail": {"alarmName": [self.name]}}
        events = local_aws.client("events")
        events.put_rule(Name=self.name, EventPattern=json.dumps(pattern))
        target = {"Id": "it", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{self.name}-events"}
        events.put_targets(Rule=self.name, Targets=[target])
        request = {
            "AlarmName": self.name,
            "EvaluationPeriods": 1,
            "Threshold": 0,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [topic],
            "OKActions": [topic],
            **alarm,
        }
        if "Metrics" not in request:
            request = {"Period": 60, "Statistic": "Sum", **request}
        self.cloudwatch.put_metric_alarm(**request)

    def describe(self) -> dict[str, Any]:
        (alarm,) = self.cloudwatch.describe_alarms(AlarmNames=[self.name])["MetricAlarms"]
        return {**alarm}

    def wait(self, state: str) -> dict[str, Any]:
        return self.local_aws.until(self.describe, lambda alarm: alarm["StateValue"] == state, DEADLINE_IN_SECONDS)

    def received(self, url: str, count: int) -> list[dict[str, Any]]:
        bodies: list[dict[str, Any]] = []

        def read() -> list[dict[str, Any]]:
            found = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600)
            bodies.extend(json.loads(message["Body"]) for message in found.get("Messages", ()))
            return bodies

        return self.local_aws.until(read, lambda found: len(found) >= count, DEADLINE_IN_SECONDS)

    def put(self, name: str, value: float, ago: float = 0, **dimensions: str) -> None:
        datum = {
            "MetricName": name,
            "Value": value,
            "Timestamp": time.time() - ago,
            "Dimensions": [{"Name": key, "Value": text} for key, text in dimensions.items()],
        }
        self.cloudwatch.put_metric_data(Namespace="Mine", MetricData=[datum])


def function(local_aws: RunningLocalAws, code: str) -> str:
    """Create a function and return its name."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("main.py", code)
    name = local_aws.name()
    local_aws.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=ROLE,
        Handler="main.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    return name


def dimension(name: str, value: str) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value}]


@pytest.mark.parametrize("metric", ["ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"])
def test_a_message_in_a_queue(local_aws: RunningLocalAws, metric: str) -> None:
    queue = local_aws.name()
    url = local_aws.client("sqs").create_queue(QueueName=queue)["QueueUrl"]
    watched = Watched(
        local_aws,
        Namespace="AWS/SQS",
        MetricName=metric,
        Dimensions=dimension("QueueName", queue),
        Statistic="Maximum",
    )
    created = watched.describe()["StateUpdatedTimestamp"]
    assert "NonBreaching" in watched.wait("OK")["StateReason"] or "not greater" in watched.wait("OK")["StateReason"]
    watched.sqs.send_message(QueueUrl=url, MessageBody="dead")
    alarm = watched.wait("ALARM")
    assert alarm["StateUpdatedTimestamp"] >= created
    assert alarm["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [")
    assert json.loads(alarm["StateReasonData"])["statistic"] == "Maximum"

    first, second = watched.received(watched.messages, 2)
    assert (json.loads(first["Message"])["NewStateValue"], second["Subject"]) == (
        "OK",
        f'ALARM: "{watched.name}" in us-east-1',
    )
    message = json.loads(second["Message"])
    assert (message["OldStateValue"], message["AlarmArn"]) == ("OK", alarm["AlarmArn"])
    assert message["Trigger"]["Dimensions"] == [{"value": queue, "name": "QueueName"}]

    _, event = watched.received(watched.events, 2)
    assert (event["source"], event["detail-type"]) == ("aws.cloudwatch", "CloudWatch Alarm State Change")
    assert event["resources"] == [alarm["AlarmArn"]]
    assert (event["detail"]["previousState"]["value"], event["detail"]["state"]["value"]) == ("OK", "ALARM")
    assert event["detail"]["state"]["reason"] == alarm["StateReason"]

    history = watched.cloudwatch.describe_alarm_history(AlarmName=watched.name, HistoryItemType="StateUpdate")
    summaries = [item["HistorySummary"] for item in history["AlarmHistoryItems"]]
    assert "Alarm updated from OK to ALARM" in summaries


def test_a_queue_that_does_not_exist_has_no_data(local_aws: RunningLocalAws) -> None:
    watched = Watched(
        local_aws,
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=dimension("QueueName", local_aws.name()),
        TreatMissingData="breaching",
    )
    assert "no datapoints were received" in watched.wait("ALARM")["StateReason"]


def test_the_errors_of_a_function_whatever_invokes_it(local_aws: RunningLocalAws) -> None:
    name = function(local_aws, "def handler(event, context):\n    raise ValueError(event)\n")
    healthy = function(local_aws, "def handler(event, context):\n    return event\n")
    errors = {"Namespace": "AWS/Lambda", "MetricName": "Errors"}
    watched = Watched(local_aws, **errors, Dimensions=dimension("FunctionName", name))
    other = Watched(local_aws, **errors, Dimensions=dimension("FunctionName", healthy))
    events, rule = local_aws.client("events"), local_aws.name()
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"
    events.put_rule(Name=rule, EventPattern=json.dumps({"detail-type": [rule]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "it", "Arn": arn}])
    watched.wait("OK")
    events.put_events(Entries=[{"Source": "mine", "DetailType": rule, "Detail": "{}"}])
    local_aws.client("lambda").invoke(FunctionName=healthy, Payload=b"{}")
    watched.wait("ALARM")
    assert other.wait("OK")["StateValue"] == "OK"
    found = watched.cloudwatch.get_metric_statistics(
        **errors,
        Dimensions=dimension("FunctionName", name),
        StartTime=time.time() - 600,
        EndTime=time.time() + 60,
        Period=3600,
        Statistics=["Sum"],
    )
    assert sum(point["Sum"] for point in found["Datapoints"]) == 1


def test_the_events_that_a_rule_passes_on(local_aws: RunningLocalAws) -> None:
    events, rule, queue = local_aws.client("events"), local_aws.name(), local_aws.name()
    local_aws.client("sqs").create_queue(QueueName=queue)
    events.put_rule(Name=rule, EventPattern=json.dumps({"detail-type": [rule]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "it", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}"}])
    query = {
        "Id": "events",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Events",
                "MetricName": "Invocations",
                "Dimensions": dimension("RuleName", rule),
            },
            "Period": 60,
            "Stat": "Sum",
        },
        "ReturnData": False,
    }
    filled = {"Id": "filled", "Expression": "FILL(events, 0)", "ReturnData": True}
    watched = Watched(local_aws, Metrics=[query, filled], Threshold=1, ComparisonOperator="GreaterThanThreshold")
    watched.wait("OK")
    for kind in (rule, "another", rule):
        events.put_events(Entries=[{"Source": "mine", "DetailType": kind, "Detail": "{}"}])
    watched.wait("ALARM")


def test_an_invocation_is_counted_once_and_a_throttled_one_as_a_throttle(local_aws: RunningLocalAws) -> None:
    name = function(local_aws, "def handler(event, context):\n    return 1\n")
    client = local_aws.client("lambda")
    client.invoke(FunctionName=name)
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.invoke(FunctionName=name)
    cloudwatch = local_aws.client("cloudwatch")
    sums = {}
    for metric in ("Invocations", "Errors", "Throttles"):
        found = cloudwatch.get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=metric,
            Dimensions=dimension("FunctionName", name),
            StartTime=time.time() - 600,
            EndTime=time.time() + 60,
            Period=3600,
            Statistics=["Sum"],
        )
        sums[metric] = sum(point["Sum"] for point in found["Datapoints"])
    assert sums == {"Invocations": 1, "Errors": 0, "Throttles": 1}


@pytest.mark.parametrize(
    ("metric", "state"),
    [
        ("ExecutionsStarted", {"Type": "Succeed"}),
        ("ExecutionsSucceeded", {"Type": "Succeed"}),
        ("ExecutionsFailed", {"Type": "Fail"}),
        ("ExecutionsTimedOut", {"Type": "Wait", "Seconds": 60, "End": True}),
        ("ExecutionsAborted", {"Type": "Wait", "Seconds": 60, "End": True}),
    ],
)
def test_executions_by_how_they_end(local_aws: RunningLocalAws, metric: str, state: dict[str, Any]) -> None:
    more = {"TimeoutSeconds": 1} if metric == "ExecutionsTimedOut" else {}
    machine = local_aws.machine({"Only": state}, **more)
    watched = Watched(
        local_aws,
        Namespace="AWS/States",
        MetricName=metric,
        Dimensions=dimension("StateMachineArn", machine),
        Period=300,
    )
    watched.wait("OK")
    execution = local_aws.states.start_execution(stateMachineArn=machine)["executionArn"]
    if metric == "ExecutionsAborted":
        local_aws.states.stop_execution(executionArn=execution)
    watched.wait("ALARM")


def test_a_custom_metric_by_dimension_and_back(local_aws: RunningLocalAws) -> None:
    metric = local_aws.name()
    watched = Watched(
        local_aws, Namespace="Mine", MetricName=metric, Dimensions=dimension("Stage", "prod"), Threshold=10
    )
    watched.wait("OK")
    watched.put(metric, 99, Stage="test")
    watched.put(metric, 11, ago=120, Stage="prod")
    assert "[11.0 (" in watched.wait("ALARM")["StateReason"]
    watched.put(metric, 1, ago=60, Stage="prod")
    assert "[1.0 (" in watched.wait("OK")["StateReason"]


def test_two_of_three_datapoints(local_aws: RunningLocalAws) -> None:
    metric = local_aws.name()
    watched = Watched(
        local_aws, Namespace="Mine", MetricName=metric, EvaluationPeriods=3, DatapointsToAlarm=2, Threshold=10
    )
    watched.wait("OK")
    for ago, value in ((180, 11), (120, 1), (60, 12)):
        watched.put(metric, value, ago=ago)
    assert watched.wait("ALARM")["StateReason"].startswith("Threshold Crossed: 2 out of the last 3 datapoints [12.0 (")


@pytest.mark.parametrize("statistic", ["p90", "Average", "Maximum", "SampleCount"])
def test_a_statistic(local_aws: RunningLocalAws, statistic: str) -> None:
    metric = local_aws.name()
    kind = {"ExtendedStatistic": statistic, "Statistic": None} if statistic == "p90" else {"Statistic": statistic}
    request = {"Namespace": "Mine", "MetricName": metric, "Threshold": 4, "Period": 60, **kind}
    watched = Watched(local_aws, **{name: value for name, value in request.items() if value is not None})
    for value in (1, 2, 3, 4, 20):
        watched.put(metric, value, ago=120)
    watched.wait("ALARM")


def test_metric_math(local_aws: RunningLocalAws) -> None:
    errors, calls = local_aws.name(), local_aws.name()
    metrics: list[dict[str, Any]] = [
        {
            "Id": identifier,
            "ReturnData": False,
            "MetricStat": {"Metric": {"Namespace": "Mine", "MetricName": name}, "Period": 60, "Stat": "Sum"},
        }
        for identifier, name in (("errors", errors), ("calls", calls))
    ]
    rate = {"Id": "rate", "Expression": "100 * FILL(errors, 0) / calls", "ReturnData": True}
    watched = Watched(local_aws, Metrics=[*metrics, rate], Threshold=50)
    watched.wait("OK")
    watched.put(calls, 4, ago=120)
    watched.put(errors, 3, ago=120)
    assert "[75.0 (" in watched.wait("ALARM")["StateReason"]
    assert watched.describe()["Metrics"][2]["Expression"] == rate["Expression"]


def test_embedded_metrics_and_metric_filters(local_aws: RunningLocalAws) -> None:
    name, filtered = local_aws.name(), local_aws.name()
    document = {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [
                {"Namespace": "Mine", "Dimensions": [["service"]], "Metrics": [{"Name": name, "Unit": "Count"}]}
            ],
        },
        "service": "it",
        "measured": 7,
        name: [1],
    }
    code = f"def handler(event, context):\n    print({json.dumps(document)!r})\n    print('It went wrong')\n"
    created = function(local_aws, code)
    group = f"/aws/lambda/{created}"
    local_aws.logs.create_log_group(logGroupName=group)
    local_aws.logs.put_metric_filter(
        logGroupName=group,
        filterName="wrong",
        filterPattern='"went wrong"',
        metricTransformations=[{"metricNamespace": "Mine", "metricName": filtered, "metricValue": "1"}],
    )
    for filter_name, text in (("matched", "it"), ("unmatched", "other")):
        local_aws.logs.put_metric_filter(
            logGroupName=group,
            filterName=filter_name,
            filterPattern=f'{{ $.service = "{text}" }}',
            metricTransformations=[
                {"metricNamespace": filtered, "metricName": filter_name, "metricValue": "$.measured"}
            ],
        )
    embedded = Watched(local_aws, Namespace="Mine", MetricName=name, Dimensions=dimension("service", "it"))
    matching = Watched(local_aws, Namespace="Mine", MetricName=filtered)
    embedded.wait("OK")
    matching.wait("OK")
    local_aws.client("lambda").invoke(FunctionName=created)
    embedded.wait("ALARM")
    matching.wait("ALARM")
    cloudwatch = local_aws.client("cloudwatch")
    assert [metric["MetricName"] for metric in cloudwatch.list_metrics(Namespace=filtered)["Metrics"]] == ["matched"]
    found = cloudwatch.get_metric_statistics(
        Namespace=filtered,
        MetricName="matched",
        StartTime=time.time() - 600,
        EndTime=time.time() + 60,
        Period=3600,
        Statistics=["Maximum"],
    )
    assert [point["Maximum"] for point in found["Datapoints"]] == [7.0]


def test_a_function_as_action_and_disabled_actions(local_aws: RunningLocalAws) -> None:
    code = "import json\n\ndef handler(event, context):\n    print(json.dumps(event))\n"
    name, metric = function(local_aws, code), local_aws.name()
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"
    watched = Watched(local_aws, Namespace="Mine", MetricName=metric, AlarmActions=[arn], OKActions=[])
    silent = Watched(local_aws, Namespace="Mine", MetricName=metric, ActionsEnabled=False)
    watched.wait("OK")
    silent.wait("OK")
    watched.put(metric, 1)
    watched.wait("ALARM")
    silent.wait("ALARM")

    def lines() -> list[str]:
        try:
            events = local_aws.logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        except local_aws.logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in events if "alarmData" in event["message"]]

    (line,) = local_aws.until(lines, bool, DEADLINE_IN_SECONDS)
    payload = json.loads(line)
    assert payload["alarmArn"] == watched.describe()["AlarmArn"]
    assert payload["alarmData"]["state"]["value"] == "ALARM"
    assert len(silent.received(silent.events, 2)) == 2
    assert "Messages" not in watched.sqs.receive_message(QueueUrl=silent.messages)


def test_a_composite_alarm_and_a_state_that_is_set(local_aws: RunningLocalAws) -> None:
    metric, composite = local_aws.name(), local_aws.name()
    watched = Watched(local_aws, Namespace="Mine", MetricName=metric)
    watched.wait("OK")
    watched.cloudwatch.put_composite_alarm(AlarmName=composite, AlarmRule=f"ALARM({watched.name})")
    watched.put(metric, 1)
    watched.wait("ALARM")

    def state() -> str:
        found = watched.cloudwatch.describe_alarms(AlarmNames=[composite], AlarmTypes=["CompositeAlarm"])
        return str(found["CompositeAlarms"][0]["StateValue"])

    assert local_aws.until(state, lambda value: value == "ALARM", DEADLINE_IN_SECONDS) == "ALARM"
    watched.cloudwatch.set_alarm_state(AlarmName=watched.name, StateValue="OK", StateReason="by hand")
    watched.wait("ALARM")
    states = [event["detail"]["state"]["value"] for event in watched.received(watched.events, 4)]
    assert states == ["OK", "ALARM", "OK", "ALARM"]


def test_an_alarm_that_is_not_evaluated_stays_and_is_logged(local_aws: RunningLocalAws) -> None:
    expression = {"Id": "e", "Expression": "SEARCH('{AWS/SQS}', 'Sum', 60)", "ReturnData": True, "Period": 60}
    watched = Watched(local_aws, Metrics=[expression])
    text = f"The alarm {watched.name} is not evaluated: "
    local_aws.until(local_aws.aws.status().log.read_text, lambda found: text in found, DEADLINE_IN_SECONDS)
    assert watched.describe()["StateValue"] == "INSUFFICIENT_DATA"
