"""A monitored pipeline on the local AWS: each alarm that it can reach, and the message about a failure."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.helpers.deployment import Deployment, cdk
from tests.helpers.stacks import ROOT
from tests.helpers.waiting import until

pytestmark = pytest.mark.exhaustive

_DEADLINE_SECONDS = 400.0


@dataclass
class Monitored:
    """The deployed stack."""

    deployment: Deployment
    outputs: dict[str, str]
    received: list[dict[str, Any]] = field(default_factory=list)

    def put(self, key: str, text: str) -> None:
        self.deployment.session.client("s3").put_object(Bucket=self.outputs["Bucket"], Key=key, Body=text.encode())

    def alarm(self, name: str) -> dict[str, Any]:
        cloudwatch = self.deployment.session.client("cloudwatch")
        (found,) = [
            alarm
            for page in cloudwatch.get_paginator("describe_alarms").paginate()
            for alarm in page["MetricAlarms"]
            if "Monitoring-Pipeline" in alarm["AlarmName"] and name in alarm["AlarmName"]
        ]
        return {**found}

    def wait(self, name: str, state: str) -> None:
        self.until(lambda: self.alarm(name)["StateValue"] == state, lambda: self.alarm(name))

    def messages(self) -> list[dict[str, Any]]:
        """Return the messages that the topic has sent so far."""
        sqs = self.deployment.session.client("sqs")
        found = sqs.receive_message(QueueUrl=self.outputs["Messages"], MaxNumberOfMessages=10).get("Messages", ())
        self.received += [json.loads(json.loads(message["Body"])["Message"]) for message in found]
        return self.received

    def until(self, fits: Callable[[], Any], state: Callable[[], object]) -> Any:  # noqa: ANN401 - what fits
        return until(fits, seconds=_DEADLINE_SECONDS, state=state)

    def wait_for_message(self, name: str) -> None:
        """Wait until the topic has told that an alarm is active."""

        def is_told() -> bool:
            told = [message for message in self.messages() if name in message.get("AlarmName", "")]
            return any(message["NewStateValue"] == "ALARM" for message in told)

        self.until(is_told, lambda: self.received)


@pytest.fixture(scope="module")
def monitored(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Monitored:
    app = f"{sys.executable} {ROOT / 'tests' / 'e2e' / 'monitoring' / 'app.py'}"
    cdk(["deploy", "--app", app, "--output", str(tmp_path_factory.mktemp("monitoring"))], deployment.environment)
    return Monitored(deployment, deployment.outputs("Monitoring"))


def test_uploads_that_are_due_are_missed_until_one_arrives(monitored: Monitored) -> None:
    monitored.wait("DataDueAlarm", "ALARM")
    monitored.put("in/first.csv", "good")
    monitored.wait("DataDueAlarm", "OK")


def test_a_failure_is_an_alarm_and_a_message_with_its_reason_log_lines_and_links(monitored: Monitored) -> None:
    monitored.put("in/bad.csv", "bad")

    detail = monitored.until(
        lambda: next((message for message in monitored.messages() if "executionArn" in message), None),
        lambda: monitored.received,
    )

    bucket = monitored.outputs["Bucket"]
    assert (detail["pipeline"], detail["objects"]) == ("Monitoring/Pipeline", [f"s3://{bucket}/in/bad.csv"])
    assert (detail["step"], detail["following"]) == ("Work", "SET_ASIDE")
    assert detail["job"].startswith("sagemaker-scikit-learn-")
    assert "exit code: 3" in detail["reason"]
    assert detail["logLines"][-1] == "\\x1b[31m<b>the object is bad</b>"
    assert detail["logLines"][:-1] == [f"line {number}" for number in range(11, 30)]
    for link, part in {"execution": detail["executionArn"], "job": detail["job"], "log": detail["job"]}.items():
        assert detail["links"][link].startswith("https://us-east-1.console.aws.amazon.com/")
        assert part in detail["links"][link]
    for alarm in ("FailedAlarm", "TriggerDeadLetterAlarm"):
        monitored.wait_for_message(alarm)


def test_what_waits_and_what_is_near_its_limit_are_alarms(monitored: Monitored) -> None:
    monitored.wait("OldestWaitingAlarm", "OK")  # nothing waits, and that is measured
    monitored.put("in/slow.csv", "slow")
    states = monitored.deployment.session.client("stepfunctions")
    machine = monitored.outputs["StateMachine"]
    monitored.until(lambda: states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"], dict)
    monitored.put("in/waits.csv", "good")

    monitored.wait_for_message("OldestWaitingAlarm")
    monitored.wait_for_message("JobNearLimitAlarm")
    monitored.wait("OldestWaitingAlarm", "OK")


def test_the_dashboard_shows_the_pipeline(monitored: Monitored) -> None:
    cloudwatch = monitored.deployment.session.client("cloudwatch")

    body = json.loads(cloudwatch.get_dashboard(DashboardName=monitored.outputs["Dashboard"])["DashboardBody"])

    assert body["widgets"][0]["properties"]["title"] == "Monitoring/Pipeline"
    named = set(body["widgets"][0]["properties"]["alarms"])
    assert {monitored.alarm(name)["AlarmArn"] for name in ("FailedAlarm", "DataDueAlarm")} <= named
