"""The persistence of the account when the local AWS is stopped or killed, and started again."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from smproc.local import LocalAws, LocalAwsError
from smproc.local.server.autosave import AutoSaver
from tests.helpers.local_aws import BUCKET, RunningLocalAws
from tests.helpers.sandboxes import require_any_sandbox

KEYS = ["a", "a/b", "a/../b", "..", "x" * 900, "%00\u00e9 \u202e", "a//b", "a/b.meta.json"]


@pytest.fixture
def restartable(free_port: int, tmp_path: Path) -> Iterator[RunningLocalAws]:
    """Run a local AWS that the test may stop and kill."""
    require_any_sandbox()
    aws = LocalAws(free_port, state_dir=tmp_path, runner="process", enforce_iam=False)
    aws.start()
    user = RunningLocalAws(aws, "any")
    yield user
    user.close()
    aws.stop()


def kill_and_restart(local_aws: RunningLocalAws) -> None:
    pid = local_aws.aws.status().pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    local_aws.aws.start()


def test_objects_survive_a_kill_at_any_moment_whatever_their_keys(restartable: RunningLocalAws) -> None:
    for key in KEYS:
        restartable.put(key, key.encode())
    kill_and_restart(restartable)
    assert sorted(restartable.keys("")) == sorted(KEYS)
    assert [restartable.get(key) for key in KEYS] == [key.encode() for key in KEYS]


def test_what_a_pipeline_uses_survives_a_kill_two_seconds_later(restartable: RunningLocalAws) -> None:
    name = restartable.run("print('told')")["ProcessingJobName"]
    queue = restartable.client("sqs").create_queue(QueueName="waiting")["QueueUrl"]
    machine = restartable.machine({"End": {"Type": "Pass", "End": True}})
    ended = restartable.states.start_execution(stateMachineArn=machine, input='{"a": 1}')["executionArn"]
    restartable.wait_for_execution(ended)
    waiting = restartable.execute({"Wait": {"Type": "Wait", "Seconds": 1000, "End": True}})
    restartable.client("sqs").send_message(QueueUrl=queue, MessageBody="hello")
    changes = {change: add_and_read(restartable) for change, add_and_read in CHANGES.items()}
    before = {change: read() for change, read in changes.items()}
    time.sleep(2)
    kill_and_restart(restartable)
    assert {change: read() for change, read in changes.items()} == before
    assert restartable.states.describe_state_machine(stateMachineArn=machine)["status"] == "ACTIVE"
    (message,) = restartable.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert message["Body"] == "hello"
    assert restartable.states.describe_execution(executionArn=ended)["status"] == "SUCCEEDED"
    assert restartable.states.describe_execution(executionArn=waiting)["status"] == "FAILED"
    assert restartable.log(name) == {"algo-1": ["told"]}


def bucket_configuration(local_aws: RunningLocalAws) -> Callable[[], object]:
    tags: Any = {"TagSet": [{"Key": "a", "Value": "b"}]}
    local_aws.s3.put_bucket_tagging(Bucket=BUCKET, Tagging=tags)
    local_aws.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    notifications: Any = {"EventBridgeConfiguration": {}}
    local_aws.s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=notifications)

    def read() -> object:
        return (
            local_aws.s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"],
            local_aws.s3.get_bucket_versioning(Bucket=BUCKET)["Status"],
            local_aws.s3.get_bucket_notification_configuration(Bucket=BUCKET).get("EventBridgeConfiguration"),
        )

    return read


def role(local_aws: RunningLocalAws) -> Callable[[], object]:
    statement = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    local_aws.iam.create_role(RoleName="r", AssumeRolePolicyDocument=document)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
    local_aws.iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=json.dumps(policy))
    return lambda: local_aws.iam.get_role_policy(RoleName="r", PolicyName="p")["PolicyDocument"]


def table_item(local_aws: RunningLocalAws) -> Callable[[], object]:
    client = local_aws.client("dynamodb")
    client.create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.put_item(TableName="table", Item={"k": {"S": "a"}, "n": {"N": "1"}})
    return lambda: client.get_item(TableName="table", Key={"k": {"S": "a"}})["Item"]


def rule(local_aws: RunningLocalAws) -> Callable[[], object]:
    client = local_aws.client("events")
    client.put_rule(Name="rule", EventPattern='{"source": ["a"]}')
    client.put_targets(Rule="rule", Targets=[{"Id": "1", "Arn": "arn:aws:sqs:us-east-1:000000000000:waiting"}])
    return lambda: (
        client.describe_rule(Name="rule")["EventPattern"],
        client.list_targets_by_rule(Rule="rule")["Targets"],
    )


def stack(local_aws: RunningLocalAws) -> Callable[[], object]:
    client = local_aws.client("cloudformation")
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "topic"}}
    client.create_stack(StackName="stack", TemplateBody=json.dumps({"Resources": {"Topic": topic}}))
    client.get_waiter("stack_create_complete").wait(StackName="stack", WaiterConfig={"Delay": 1})
    return lambda: [
        (item["ResourceStatus"], item["PhysicalResourceId"])
        for item in client.describe_stack_resources(StackName="stack")["StackResources"]
    ]


def repository(local_aws: RunningLocalAws) -> Callable[[], object]:
    client = local_aws.client("ecr")
    client.create_repository(repositoryName="repository")
    return lambda: [found["repositoryUri"] for found in client.describe_repositories()["repositories"]]


def function(local_aws: RunningLocalAws) -> Callable[[], object]:
    client = local_aws.client("lambda")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("main.py", "def handler(event, context):\n    return event\n")
    options = {"Runtime": "python3.11", "Role": "arn:aws:iam::000000000000:role/r", "Handler": "main.handler"}
    client.create_function(FunctionName="function", Code={"ZipFile": code.getvalue()}, **options)

    def read() -> object:
        return client.invoke(FunctionName="function", Payload=b'{"a": 1}')["Payload"].read()

    return read


def log_group(local_aws: RunningLocalAws) -> Callable[[], object]:
    local_aws.logs.create_log_group(logGroupName="group")
    local_aws.logs.put_retention_policy(logGroupName="group", retentionInDays=7)
    groups = local_aws.logs.describe_log_groups
    return lambda: [found["retentionInDays"] for found in groups(logGroupNamePrefix="group")["logGroups"]]


def parameter(local_aws: RunningLocalAws) -> Callable[[], object]:
    client = local_aws.client("ssm")
    client.put_parameter(Name="p", Value="1", Type="String")
    return lambda: client.get_parameter(Name="p")["Parameter"]["Value"]


# Each makes a change and returns the function that reads it.
CHANGES: Mapping[str, Callable[[RunningLocalAws], Callable[[], object]]] = {
    "bucket configuration": bucket_configuration,
    "role": role,
    "table and item": table_item,
    "rule": rule,
    "stack": stack,
    "repository": repository,
    "function": function,
    "log group": log_group,
    "parameter": parameter,
}


def test_a_stop_keeps_everything_and_a_fresh_start_nothing(restartable: RunningLocalAws) -> None:
    restartable.put("kept", "x")
    job = restartable.run("")["ProcessingJobName"]
    parameter: dict[str, Any] = {"Name": "p", "Value": "1", "Type": "String"}
    ssm = restartable.client("ssm")
    ssm.put_parameter(**parameter)
    restartable.aws.stop()
    restartable.aws.start()
    assert (restartable.get("kept"), ssm.get_parameter(Name="p")["Parameter"]["Value"]) == (b"x", "1")
    with pytest.raises(LocalAwsError, match="a running local AWS cannot be emptied; stop it first: smproc local stop"):
        restartable.aws.start(fresh=True)
    restartable.aws.stop()
    restartable.aws.start(fresh=True)
    assert restartable.s3.list_buckets()["Buckets"] == []
    with pytest.raises(restartable.sagemaker.exceptions.ClientError, match="Could not find"):
        restartable.describe(job)
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name="p")
    restartable.s3.create_bucket(Bucket=BUCKET)


def test_a_service_whose_file_cannot_be_read_is_skipped_and_the_others_are_loaded(restartable: RunningLocalAws) -> None:
    restartable.put("kept", "x")
    restartable.client("ssm").put_parameter(Name="p", Value="1", Type="String")
    restartable.aws.stop()
    directory = restartable.aws.status().folder
    (directory / "account" / "services" / "ssm.json").write_text("{")
    restartable.aws.start()
    assert restartable.get("kept") == b"x"
    assert "failed to load ssm" in (directory / "server.log").read_text()


def test_the_end_of_an_execution_is_saved_without_a_request(restartable: RunningLocalAws) -> None:
    execution = restartable.execute({"Wait": {"Type": "Wait", "Seconds": 2, "End": True}})
    time.sleep(4)
    kill_and_restart(restartable)
    assert restartable.states.describe_execution(executionArn=execution)["status"] == "SUCCEEDED"


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save changes at once."""
    monkeypatch.setattr("smproc.local.server.autosave._INTERVAL_IN_SECONDS", 0.01)


@pytest.mark.usefixtures("often")
def test_a_failed_save_is_retried_after_the_next_change() -> None:
    attempts: list[int] = []

    def save() -> None:
        attempts.append(len(attempts))
        if len(attempts) == 1:
            saver.note_change()
            raise OSError("no space left")

    saver = AutoSaver(lambda: {"service": save})
    saver.start()
    saver.note_change()
    RunningLocalAws.until(lambda: len(attempts), lambda count: count >= 2)
    saver.stop()
    assert attempts == [0, 1]


@pytest.mark.usefixtures("often")
def test_a_service_that_takes_long_to_save_delays_itself_alone() -> None:
    saved: list[str] = []

    def slow() -> None:
        saved.append("slow")
        time.sleep(0.5)

    saver = AutoSaver(lambda: {"slow": slow, "quick": lambda: saved.append("quick")})
    saver.start()
    saver.note_change()
    RunningLocalAws.until(lambda: saved.count("slow"), lambda count: count == 1)
    while saved.count("slow") == 1:
        saver.note_change()
        time.sleep(0.01)
    saver.stop()
    assert saved.count("quick") > 10
    # The second time, it is saved after the other, though only one change came before.
    assert saved[-2:] == ["quick", "slow"]


@pytest.mark.usefixtures("often")
def test_nothing_is_saved_while_nothing_changes() -> None:
    saved = threading.Semaphore(0)
    saver = AutoSaver(lambda: {"service": saved.release})
    saver.start()
    saver.note_change()
    assert saved.acquire(timeout=60)
    assert not saved.acquire(timeout=0.3)
    saver.stop()


def test_a_redrive_after_a_restart_keeps_what_had_succeeded(restartable: RunningLocalAws) -> None:
    read = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Parameters": {"Bucket": restartable.bucket, "Key.$": "$"},
        "ResultSelector": {"read.$": "$.Body"},
        "End": True,
    }
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Read",
        "States": {"Read": read},
    }
    branches: list[dict[str, Any]] = [
        {"StartAt": "Kept", "States": {"Kept": {"Type": "Pass", "Result": "kept", "End": True}}},
        {
            # Long enough for the other branch to end.
            "StartAt": "Wait",
            "States": {
                "Wait": {"Type": "Wait", "Seconds": 1, "Next": "Map"},
                "Map": {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": processor, "End": True},
            },
        },
    ]
    restartable.put("of-redrive-1", "1")
    states = {"Both": {"Type": "Parallel", "Branches": branches, "End": True}}
    arn = restartable.execute(states, ["of-redrive-1", "of-redrive-2"])
    assert restartable.wait_for_execution(arn)["status"] == "FAILED"
    restartable.aws.stop()
    restartable.aws.start()
    restartable.put("of-redrive-2", "2")
    restartable.states.redrive_execution(executionArn=arn)
    execution = restartable.wait_for_execution(arn)
    assert json.loads(execution["output"]) == ["kept", [{"read": "1"}, {"read": "2"}]]
    names = [
        event["stateEnteredEventDetails"]["name"]
        for event in restartable.history(arn)
        if "stateEnteredEventDetails" in event
    ]
    assert (names.count("Kept"), names.count("Wait")) == (1, 1)
    (run,) = restartable.states.list_map_runs(executionArn=arn)["mapRuns"]
    children = restartable.states.list_executions(mapRunArn=run["mapRunArn"])["executions"]
    assert sorted((child["status"], child["redriveCount"]) for child in children) == [
        ("SUCCEEDED", 0),
        ("SUCCEEDED", 1),
    ]
