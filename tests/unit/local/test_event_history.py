"""CloudTrail's event history: it is bounded, polling drives nothing else out of it, and old events are not found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from smproc.local.server.cloudtrail import Call, Caller, EventHistory, is_management_event

ACCOUNT, REGION = "000000000000", "us-east-1"
ROOT = Caller(
    kind="Root",
    arn=f"arn:aws:iam::{ACCOUNT}:root",
    principal_id=ACCOUNT,
    account=ACCOUNT,
    access_key="test",
    name="root",
)
DAY = 24 * 3600


def call(operation: str, *, error: str = "", service: str = "states", caller: Caller = ROOT) -> Call:
    return Call(service=service, operation=operation, region=REGION, caller=caller, request_id="r", error_code=error)


def names(history: EventHistory, now: float = 1000, **request: Any) -> list[str]:
    return [event["EventName"] for event in history.lookup(ACCOUNT, REGION, request, now)["Events"]]


def test_the_oldest_events_are_dropped() -> None:
    history = EventHistory(events_max=3)
    for number in range(5):
        history.record(call(f"Start{number}"), 1000)
    assert names(history) == ["Start4", "Start3", "Start2"]


def test_polling_drives_neither_changes_nor_denials_out() -> None:
    history = EventHistory(events_max=3)
    history.record(call("StartExecution"), 1000)
    history.record(call("ListExecutions", error="AccessDeniedException"), 1000)
    for _ in range(100):
        history.record(call("DescribeExecution"), 1000)
    assert names(history) == [*["DescribeExecution"] * 3, "ListExecutions", "StartExecution"]


def test_reads_and_changes_are_in_one_order() -> None:
    history = EventHistory()
    for operation in ("StartExecution", "DescribeExecution", "StopExecution", "GetExecutionHistory"):
        history.record(call(operation), 1000)
    assert names(history) == ["GetExecutionHistory", "StopExecution", "DescribeExecution", "StartExecution"]


def test_events_are_kept_for_90_days() -> None:
    history = EventHistory()
    history.record(call("StartExecution"), 1000)
    assert names(history, 1000 + 90 * DAY) == ["StartExecution"]
    assert names(history, 1001 + 90 * DAY) == []
    assert names(history, 1001 + 90 * DAY, StartTime=0) == []


def test_an_account_sees_its_own_events() -> None:
    history = EventHistory()
    history.record(call("StartExecution"), 1000)
    assert history.lookup("111122223333", REGION, {}, 1000) == {"Events": []}
    assert history.lookup(ACCOUNT, "eu-west-1", {}, 1000) == {"Events": []}
    history.clear()
    assert names(history) == []


@pytest.mark.parametrize(
    ("service", "operation", "read"),
    [
        ("kms", "Decrypt", "true"),
        ("kms", "GenerateDataKeyWithoutPlaintext", "true"),
        ("kms", "CreateKey", "false"),
        ("sts", "AssumeRole", "true"),
        ("cloudtrail", "LookupEvents", "true"),
        ("sagemaker", "CreateProcessingJob", "false"),
    ],
)
def test_an_event_says_whether_it_changes_something(service: str, operation: str, read: str) -> None:
    history = EventHistory()
    history.record(call(operation, service=service), 1000)
    (event,) = history.lookup(ACCOUNT, REGION, {}, 1000)["Events"]
    assert event["ReadOnly"] == read
    assert str(json.loads(event["CloudTrailEvent"])["readOnly"]).lower() == read


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("states", "StartExecution"),
        ("sagemaker", "CreateProcessingJob"),
        ("kms", "Decrypt"),
        ("dynamodb", "DescribeTable"),
        ("sqs", "SetQueueAttributes"),
        ("lambda", "GetFunction"),
        ("logs", "CreateLogGroup"),
        ("s3", "PutBucketPolicy"),
        ("s3", "ListMultipartUploads"),
    ],
)
def test_management_events(service: str, operation: str) -> None:
    assert is_management_event(service, operation)


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("dynamodb", "TransactWriteItems"),
        ("sqs", "SendMessage"),
        ("lambda", "Invoke"),
        ("sns", "Publish"),
        ("events", "PutEvents"),
        ("logs", "PutLogEvents"),
        ("monitoring", "PutMetricData"),
        ("s3", "ListObjectsV2"),
        ("iot-data", "Publish"),
    ],
)
def test_data_events(service: str, operation: str) -> None:
    assert not is_management_event(service, operation)


def test_each_request_about_an_object_is_a_data_event() -> None:
    assert not is_management_event("s3", "GetObjectTagging", of_an_object=True)
