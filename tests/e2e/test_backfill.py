"""A backfill of a deployed pipeline by the command, with IAM enforced: verified on the local AWS."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sklearn.datasets import load_wine

from tests.helpers.deployment import Deployment

pytestmark = pytest.mark.exhaustive

KEYS = [f"incoming/backfill {number}+é.csv" for number in range(3)]


@pytest.fixture
def without_events(deployment: Deployment) -> Iterator[Deployment]:
    """The demo, whose rule of uploads somebody has switched off."""
    resources = deployment.session.client("cloudformation").list_stack_resources(StackName="ProcessingDemo")
    (rule,) = (
        resource["PhysicalResourceId"]
        for resource in resources["StackResourceSummaries"]
        if re.fullmatch(r"PipelineTriggerRule[0-9A-F]{8}", resource["LogicalResourceId"])
    )
    events = deployment.session.client("events")
    events.disable_rule(Name=rule)
    with deployment.minutes_pass("ProcessingDemo"):  # a scan advances once a minute
        yield deployment
    events.enable_rule(Name=rule)


def test_objects_without_events_are_counted_and_then_processed_once(without_events: Deployment) -> None:
    deployment = without_events
    outputs = deployment.outputs("ProcessingDemo")
    bucket = outputs["UploadTo"].removeprefix("s3://").partition("/")[0]
    states: Any = deployment.session.client("stepfunctions")

    def smproc(*arguments: str) -> str:
        command = ("backfill", *arguments, "--stack", "ProcessingDemo", "--local", str(deployment.port))
        ran = deployment.smproc(*command)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def succeeded() -> int:
        listed = states.list_executions(stateMachineArn=outputs["StateMachine"], statusFilter="SUCCEEDED")
        return len(listed["executions"])

    before = succeeded()
    for key in KEYS:
        deployment.session.client("s3").put_object(Bucket=bucket, Key=key, Body=_data())
    deployment.session.client("s3").put_object(Bucket=bucket, Key="other.csv", Body=_data())
    time.sleep(1)  # objects have the second of their upload
    prefix = ("--prefix", "incoming/backfill")
    counted = smproc("start", "--dry-run", *prefix)
    assert "3 would be taken" in counted
    assert re.search(r"3 executions, each \d+\.\d minutes .*\n  in each, .*: 1 job on 1 x ml\.m5\.xlarge", counted), (
        counted
    )
    assert re.search(r"instance hours, about \d+\.\d\d USD", counted), counted
    assert succeeded() == before
    taken = smproc("start", *prefix, "--concurrency", "5")
    assert "3 taken" in taken
    deadline = time.monotonic() + 120
    while succeeded() < before + 3:
        assert time.monotonic() < deadline, smproc("status")
        time.sleep(1)
    again = smproc("start", *prefix)
    assert "0 taken" in again
    assert "3 already processed" in again
    assert "backfill done" in smproc("status")
    assert succeeded() == before + 3
    refused = deployment.smproc("backfill", "stop", "--stack", "ProcessingDemo", "--local", str(deployment.port))
    assert (refused.returncode, refused.stderr) == (1, "smproc: no backfill of this trigger is running\n")


def _data() -> bytes:
    frame: Any = load_wine(as_frame=True).frame
    return str(frame.to_csv(index=False)).encode()
