"""A stack that is updated, and one that is deleted, with work pending: verified on the local AWS."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.deployment import Deployment, cdk
from tests.helpers.stacks import ROOT
from tests.helpers.waiting import until

pytestmark = pytest.mark.exhaustive

APP = f"{sys.executable} {ROOT / 'tests' / 'e2e' / 'batches' / 'pending.py'}"


def test_waiting_objects_outlive_an_update_and_the_stack(bootstrapped: Deployment, tmp_path: Path) -> None:
    def run(command: str, minutes: int, *more: str) -> None:
        arguments = [command, "Pending", *more, "--app", APP, "--output", str(tmp_path / f"{command}{minutes}")]
        cdk([*arguments, "--context", f"minutes={minutes}"], bootstrapped.environment)

    session = bootstrapped.session
    s3, dynamodb, states = session.client("s3"), session.client("dynamodb"), session.client("stepfunctions")
    run("deploy", 1440)
    outputs = bootstrapped.outputs("Pending")
    bucket = outputs["UploadTo"].removeprefix("s3://").strip("/")

    def waiting() -> list[dict[str, Any]]:
        items = dynamodb.scan(TableName=outputs["Table"])["Items"]
        return [item for item in items if item["pk"]["S"] in ("inbox", "sealed", "open", "ready", "active")]

    wait_for = partial(until, seconds=200, state=waiting)

    def executions() -> list[str]:
        listed = states.list_executions(stateMachineArn=outputs["StateMachine"])["executions"]
        return [execution["status"] for execution in listed]

    def batches() -> list[str]:
        return [f"{item['pk']['S']} {item.get('objects', {}).get('N')}" for item in waiting()]

    for name in ("a", "b"):
        s3.put_object(Bucket=bucket, Key=name, Body=b"x")
    with bootstrapped.minutes_pass("Pending"):
        wait_for(lambda: batches() == ["open 2"])
    assert executions() == []
    # The window is now a minute instead of a day, so the waiting batch starts. The test does not wait for that minute,
    # which test_batches does.
    run("deploy", 1)
    (opened,) = waiting()
    dynamodb.update_item(
        TableName=outputs["Table"],
        Key={name: opened[name] for name in ("pk", "sk")},
        UpdateExpression="SET #opened = #opened - :minute",
        ExpressionAttributeNames={"#opened": "opened"},
        ExpressionAttributeValues={":minute": {"N": "60"}},
    )
    with bootstrapped.minutes_pass("Pending"):
        wait_for(lambda: executions() == ["SUCCEEDED"])
        wait_for(lambda: waiting() == [])
        s3.put_object(Bucket=bucket, Key="c", Body=b"x")
        wait_for(lambda: batches() == ["open 1"])
    run("destroy", 1, "--force")
    # Nothing is deleted, and nothing starts any more.
    assert batches() == ["open 1"]
    assert "Attributes" in session.client("sqs").get_queue_attributes(QueueUrl=outputs["Queue"], AttributeNames=["All"])
    assert s3.get_object(Bucket=bucket, Key="c")["Body"].read() == b"x"
