"""The monitoring of a pipeline: metrics, alarms, dashboard, and whom they tell."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Duration, Environment, Stack, Token
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn

import cdk_sagemaker_processing as p
from cdk_sagemaker_processing.monitoring import metrics as own
from s3_trigger import measurement, runtime
from tests.helpers.stacks import assert_snapshot, resources, stack, statements, template
from tests.unit.constructs.test_s3_trigger import trigger

DISPATCHER_ROLE = "PipelineTriggerLedgerDispatcherRole"
METRICS = sorted(name for name in dir(p.EventDrivenProcessing) if name.startswith("metric_"))
SHARES = ("metric_failure_share", "metric_object_failure_share")


def pipeline(scope: Stack, name: str = "Pipeline", **arguments: Any) -> p.EventDrivenProcessing:
    processor = p.SKLearnProcessor(
        scope,
        f"{name}SKLearn",
        framework_version="1.2-1",
        instance_type="ml.m5.large",
        base_job_name="split",
        max_runtime_in_seconds=arguments.pop("limit", None),
    )
    step = processor.run(
        f"{name}Split",
        code="s3://bucket/run.py",
        inputs=[p.uploaded_objects()],
    )
    return p.EventDrivenProcessing(scope, name, steps=[step], prefixes=["in/"], **arguments)


def alarms(scope: Stack) -> dict[str, dict[str, Any]]:
    """Return the alarms by the last id of their constructs."""
    found = resources(scope, "AWS::CloudWatch::Alarm")
    return {re.sub(r".*?(\w+Alarm)[0-9A-F]{8}$", r"\1", name): alarm["Properties"] for name, alarm in found.items()}


def alarm(scope: Stack, name: str) -> dict[str, Any]:
    (found,) = [each for known, each in alarms(scope).items() if known.endswith(name)]
    return found


def test_minimal_snapshot() -> None:
    scope = stack(bound=False)
    pipeline(scope).monitor("Monitoring", dashboard=False)
    assert_snapshot("monitoring_minimal", template(scope))


def test_maximal_snapshot() -> None:
    scope = stack(bound=False)
    topic = sns.Topic(scope, "Topic", master_key=kms.Key(scope, "Key"), enforce_ssl=True)
    pipeline(scope, batch_size=10).monitor(
        "Monitoring",
        topic=topic,
        failure_share=0.05,
        oldest_waiting=Duration.hours(6),
        data_due=Duration.days(3),
        job_near_limit=0.8,
    )
    assert_snapshot("monitoring_maximal", template(scope))


def test_nothing_that_costs_is_there_by_default() -> None:
    scope = stack()
    pipeline(scope)
    assert resources(scope, "AWS::CloudWatch::Dashboard") == {}
    assert len(alarms(scope)) == 6
    for function in resources(scope, "AWS::Lambda::Function").values():
        assert "MONITORED" not in function["Properties"].get("Environment", {}).get("Variables", {})


def test_both_functions_write_metrics_once_the_pipeline_is_monitored() -> None:
    scope = stack()
    pipeline(scope).monitor("Monitoring")
    environments = [
        function["Properties"]["Environment"]["Variables"]
        for function in resources(scope, "AWS::Lambda::Function").values()
        if "SETTINGS" in function["Properties"].get("Environment", {}).get("Variables", {})
    ]
    assert [variables["MONITORED"] for variables in environments] == ["true", "true"]


def test_the_functions_write_the_metrics_that_the_pipeline_reads() -> None:
    written = {runtime.SUCCEEDED_OBJECTS, runtime.FAILED_OBJECTS}
    written |= set(re.findall(r'gauge\("(\w+)"', Path(measurement.__file__).read_text(encoding="utf-8")))
    assert written == set(own.OWN_METRICS)
    assert own.METRICS_NAMESPACE == runtime.METRICS_NAMESPACE
    for name in ("Stack/Pipeline", "Größe/π", "\U0001f600"):
        assert own.dimension_of(name) == runtime.dimension_of(name)
        assert own.dimension_of(name).isascii()


@pytest.mark.parametrize("method", METRICS)
def test_a_metric_takes_the_options_of_aws_cdk(method: str) -> None:
    created = pipeline(stack())
    metric = getattr(created, method)(period=Duration.hours(2), label="Mine", color="#ff0000")
    assert isinstance(metric, cloudwatch.MathExpression if method in SHARES else cloudwatch.Metric)
    assert (metric.period.to_seconds(), metric.label, metric.color) == (7200, "Mine", "#ff0000")
    if method not in SHARES:
        if method != "metric_uploads":
            assert getattr(created, method)(statistic="p90").statistic == "p90"
        return
    periods = {each["MetricStat"]["Period"] for each in rendered(created, metric) if "MetricStat" in each}
    assert periods == {7200}


def rendered(scope: p.EventDrivenProcessing, metric: cloudwatch.IMetric) -> list[dict[str, Any]]:
    """Return what an alarm of a user watches."""
    cloudwatch.Alarm(scope, "Mine", metric=metric, threshold=1, evaluation_periods=1)
    created = resources(Stack.of(scope), "AWS::CloudWatch::Alarm")
    (found,) = [each for name, each in created.items() if "Mine" in name]
    metrics: list[dict[str, Any]] = found["Properties"]["Metrics"]
    return metrics


def test_the_shares_of_several_pipelines_fit_into_one_graph() -> None:
    scope = stack()
    both = [pipeline(scope, name) for name in ("One", "Two")]
    shares = [getattr(each, method)() for each in both for method in SHARES]
    dashboard = cloudwatch.Dashboard(scope, "Mine")
    dashboard.add_widgets(cloudwatch.GraphWidget(left=shares))
    assert "100 * executions_failed_" in json.dumps(template(scope))


def test_uploads_of_several_rules_are_summed() -> None:
    scope = stack()
    tenants = [f"tenants/{number}/" for number in range(8)]
    created = trigger(scope, prefixes=tenants, suffixes=[".csv", ".txt"])
    assert len(created.rules) > 1
    p.PipelineMonitoring(scope, "Monitoring", trigger=created, data_due=Duration.hours(1))
    watched = alarm(scope, "DataDueAlarm")["Metrics"]
    names = [each["Id"] for each in watched if "MetricStat" in each]
    assert len(names) == len(created.rules)
    expressions = [each["Expression"] for each in watched if "Expression" in each]
    assert expressions == ["FILL(uploads, 0)", f"SUM([{', '.join(names)}])"]


@pytest.mark.parametrize(
    ("minutes", "period", "periods"),
    [(5, 300, 1), (95, 300, 19), (60, 3600, 1), (26 * 60, 3600, 26), (7 * 24 * 60, 3600, 168)],
)
def test_data_is_due_within_a_time(minutes: int, period: int, periods: int) -> None:
    scope = stack()
    pipeline(scope).monitor("Monitoring", data_due=Duration.minutes(minutes))
    found = alarm(scope, "DataDueAlarm")
    (metric,) = [each["MetricStat"] for each in found["Metrics"] if "MetricStat" in each]
    assert (metric["Period"], found["EvaluationPeriods"]) == (period, periods)
    assert (found["ComparisonOperator"], found["Threshold"], found["TreatMissingData"]) == (
        "LessThanThreshold",
        1,
        "breaching",
    )
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    assert period * periods <= (86_400 if period < 3600 else 604_800)


@pytest.mark.parametrize(
    ("arguments", "seconds"),
    [
        ({}, 3600),
        ({"batch_size": 10}, 3600 + 300),
        ({"batch_size": 10, "batch_window": Duration.days(1)}, 3600 + 86_400),
        ({"batch_size": 10, "batch_window": Duration.seconds(Token.as_number({"Ref": "W"}))}, 3600),
    ],
    ids=["single objects", "batches", "a window of a day", "a window that is not known"],
)
def test_uploads_may_wait_an_hour_longer_than_batches_do(arguments: dict[str, Any], seconds: int) -> None:
    scope = stack()
    pipeline(scope, **arguments).monitor("Monitoring")
    found = alarm(scope, "OldestWaitingAlarm")
    assert (found["Threshold"], found["TreatMissingData"]) == (seconds, "missing")


@pytest.mark.parametrize(("limit", "seconds"), [(None, 7200), (600, 300)])
def test_jobs_are_looked_at_once_they_have_used_half_of_their_time(limit: int | None, seconds: float) -> None:
    scope = stack()
    pipeline(scope, limit=limit).monitor("Monitoring")
    (rule,) = [
        rule["Properties"] for name, rule in resources(scope, "AWS::Events::Rule").items() if "MonitoringMinute" in name
    ]
    assert json.loads(rule["Targets"][0]["Input"]) == {"measure": {"seconds": seconds}}
    (describing,) = [
        one for one in statements(scope, DISPATCHER_ROLE) if one["Action"] == "sagemaker:DescribeProcessingJob"
    ]
    assert describing["Resource"].endswith(":processing-job/split-*")


def test_without_the_alarm_on_limits_no_job_is_described() -> None:
    scope = stack()
    created = pipeline(scope).monitor("Monitoring", job_near_limit=None, failure_share=None)
    assert len(created.alarms) == 7
    assert "DescribeProcessingJob" not in json.dumps(statements(scope, DISPATCHER_ROLE))
    assert '{\\"measure\\":{}}' in json.dumps(template(scope))


def test_each_alarm_says_what_to_do_next() -> None:
    scope = stack()
    pipeline(scope).monitor("Monitoring", data_due=Duration.hours(1))
    for name, found in alarms(scope).items():
        description = found["AlarmDescription"]
        assert "smproc " in description or "the dispatcher's log" in description, name
        assert len(description) <= 1024


def test_the_topic_receives_alarms_and_failures() -> None:
    scope = stack()
    topic = sns.Topic(scope, "Topic", master_key=kms.Key(scope, "Key"))
    created = pipeline(scope)
    monitoring = created.monitor("Monitoring", topic=topic)
    every_day = scheduler.ScheduleExpression.rate(Duration.days(1))
    created.on_schedule("Daily", schedule=every_day)
    assert len(monitoring.alarms) == len(alarms(scope)) == 10
    topic_ref = scope.resolve(topic.topic_arn)
    assert all(found["AlarmActions"] == [topic_ref] for found in alarms(scope).values())
    targets = [
        target
        for rule in resources(scope, "AWS::Events::Rule").values()
        for target in rule["Properties"]["Targets"]
        if target["Arn"] == topic_ref
    ]
    assert [target["InputPath"] for target in targets] == ["$.detail"]
    (policy,) = resources(scope, "AWS::SNS::TopicPolicy").values()
    services = {each["Principal"]["Service"] for each in policy["Properties"]["PolicyDocument"]["Statement"]}
    assert services == {"cloudwatch.amazonaws.com", "events.amazonaws.com"}
    (key,) = resources(scope, "AWS::KMS::Key").values()
    allowed = {each["Principal"].get("Service"): each["Action"] for each in key["Properties"]["KeyPolicy"]["Statement"]}
    for service in services:
        assert allowed[service] == ["kms:Decrypt", "kms:GenerateDataKey*"]


def test_a_topic_that_has_the_failures_gets_them_once() -> None:
    scope = stack()
    topic = sns.Topic(scope, "Topic")
    pipeline(scope, failure_topic=topic).monitor("Monitoring", topic=topic)
    assert "$.detail" not in json.dumps(template(scope))


def test_a_topic_of_another_app() -> None:
    scope = stack()
    topic = sns.Topic.from_topic_arn(scope, "Topic", "arn:aws:sns:us-west-2:111122223333:operators")
    pipeline(scope).monitor("Monitoring", topic=topic)
    assert resources(scope, "AWS::SNS::TopicPolicy") == {}
    assert all(found["AlarmActions"] == [topic.topic_arn] for found in alarms(scope).values())


@pytest.mark.parametrize("language", [sfn.QueryLanguage.JSON_PATH, sfn.QueryLanguage.JSONATA], ids=str)
def test_several_pipelines_of_either_language(language: sfn.QueryLanguage) -> None:
    scope = Stack(App(), "Stack", env=Environment(account="111122223333", region="us-west-2"))
    for name in ("One", "Two"):
        pipeline(scope, name, query_language=language).monitor("Monitoring", data_due=Duration.hours(1))
    assert len(resources(scope, "AWS::CloudWatch::Dashboard")) == 2
    services = {
        value["Value"]
        for each in resources(scope, "AWS::CloudWatch::Alarm").values()
        for value in each["Properties"].get("Dimensions", ())
        if value["Name"] == "service"
    }
    assert services == {"Stack/One", "Stack/Two"}


def test_a_dashboard_has_the_alarms_and_the_hosts_of_the_jobs() -> None:
    scope = stack()
    created = pipeline(scope).monitor("Monitoring")
    assert created.dashboard is not None
    (found,) = resources(scope, "AWS::CloudWatch::Dashboard").values()
    body = "".join(
        part if isinstance(part, str) else "x" for part in found["Properties"]["DashboardBody"]["Fn::Join"][1]
    )
    widgets = json.loads(body)["widgets"]
    assert [widget["type"] for widget in widgets] == ["alarm", *["metric"] * 9]
    assert len(widgets[0]["properties"]["alarms"]) == len(created.alarms)
    searches = [
        metric[0]["expression"]
        for widget in widgets[1:]
        for metric in widget["properties"]["metrics"]
        if isinstance(metric[0], dict) and "SEARCH" in metric[0].get("expression", "")
    ]
    assert searches == [
        f"SEARCH('{{/aws/sagemaker/ProcessingJobs,Host}} MetricName=\"{name}\" AND ((split))', 'Maximum', 300)"
        for name in ("CPUUtilization", "MemoryUtilization", "DiskUtilization")
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"failure_share": 10},
            "failure_share must be a share between 0 and 1, got 10; 0.1 reports that a tenth of the objects fails",
        ),
        (
            {"job_near_limit": 1.0},
            (
                "job_near_limit must be a share between 0 and 1, got 1.0; 0.9 reports a job that has used nine tenths "
                "of its time"
            ),
        ),
        (
            {"oldest_waiting": Duration.seconds(30)},
            "oldest_waiting must be at least a minute, got '30 seconds'; it is measured once a minute",
        ),
        (
            {"data_due": Duration.minutes(7)},
            (
                "data_due must be a whole number of hours, up to a day also of five minutes, which are the alarm's "
                "periods, got '420 seconds'; for example Duration.hours(26) for uploads that come once a day"
            ),
        ),
        (
            {"data_due": Duration.minutes(1441)},
            (
                "data_due must be a whole number of hours, up to a day also of five minutes, which are the alarm's "
                "periods, got '86460 seconds'; for example Duration.hours(26) for uploads that come once a day"
            ),
        ),
        (
            {"data_due": Duration.days(8)},
            (
                "data_due must be from five minutes to seven days, the longest time that an alarm can look back, got "
                "'691200 seconds'; for example Duration.hours(26) for uploads that come once a day"
            ),
        ),
        (
            {"data_due": Duration.minutes(Token.as_number({"Ref": "Due"}))},
            "data_due must be known at synth, got",
        ),
        (
            {"failure_share": Token.as_number({"Ref": "Share"})},
            "failure_share must be known at synth, got",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_threshold(arguments: dict[str, Any], message: str) -> None:
    created = pipeline(stack())
    with pytest.raises(p.InvalidValueError) as caught:
        created.monitor("Monitoring", **arguments)
    assert str(caught.value).startswith(message)


def test_uploads_may_not_be_reported_while_their_batch_is_open() -> None:
    created = pipeline(stack(), batch_size=10, batch_window=Duration.hours(2))
    with pytest.raises(p.ConflictingValuesError) as caught:
        created.monitor("Monitoring", oldest_waiting=Duration.hours(2))
    assert str(caught.value) == (
        "oldest_waiting must be longer than batch_window, got 7200 seconds, and batches wait 7200 seconds for further "
        "objects; pass a longer one, or a shorter window"
    )


def test_no_data_is_due_where_uploads_start_nothing() -> None:
    created = pipeline(stack(), start_on_upload=False)
    with pytest.raises(p.ConflictingValuesError) as caught:
        created.monitor("Monitoring", data_due=Duration.hours(1))
    assert str(caught.value) == (
        "data_due goes only with uploads that start executions, got start_on_upload=False; leave one of them out"
    )


def test_a_fifo_topic() -> None:
    scope = stack()
    with pytest.raises(p.InvalidValueError) as caught:
        pipeline(scope).monitor("Monitoring", topic=sns.Topic(scope, "Topic", fifo=True))
    assert str(caught.value) == (
        "topic must be a standard topic, not a FIFO one, got 'Stack/Topic'; messages about failures have no order; "
        "leave out fifo"
    )


def test_a_pipeline_is_monitored_once() -> None:
    created = pipeline(stack())
    created.monitor("Monitoring")
    with pytest.raises(p.InvalidProcessingJobError, match="is monitored already"):
        created.monitor("Again")
