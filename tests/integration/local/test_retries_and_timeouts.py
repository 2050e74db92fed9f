"""The delays of Step Functions between attempts, and the effect of a state machine's timeout."""

from __future__ import annotations

import json
import time
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from smproc.local import LocalAws

if TYPE_CHECKING:
    from pathlib import Path

    from types_boto3_stepfunctions.type_defs import HistoryEventTypeDef

    from tests.helpers.local_aws import RunningLocalAws
from tests.helpers.waiting import ended_execution

SYNC = "arn:aws:states:::sagemaker:createProcessingJob.sync"
SLEEP = "import time; print('ready'); time.sleep(60)"
MISSING = "arn:aws:states:::lambda:invoke"
ROLE = "arn:aws:iam::000000000000:role/machine"


def failing(**retrier: object) -> dict[str, Any]:
    """Return a state that fails at every attempt."""
    retry = [{"ErrorEquals": ["States.ALL"], **retrier}]
    return {"Type": "Task", "Resource": MISSING, "Parameters": {"FunctionName": "gone"}, "Retry": retry, "End": True}


def delays(history: list[HistoryEventTypeDef]) -> list[float]:
    attempts: list[datetime] = [event["timestamp"] for event in history if event["type"] == "TaskScheduled"]
    return [(later - earlier).total_seconds() for earlier, later in pairwise(attempts)]


def test_a_delay_is_no_longer_than_its_maximum(local_aws: RunningLocalAws) -> None:
    arn = local_aws.execute({"Try": failing(IntervalSeconds=100, BackoffRate=10, MaxDelaySeconds=1, MaxAttempts=2)})
    local_aws.wait_for_execution(arn)
    found = delays(local_aws.history(arn))
    assert len(found) == 2
    assert all(0.9 < delay < 50 for delay in found)  # without the maximum, 100 and 1,000


def test_the_delay_of_a_parallel_state_is_no_longer_than_its_maximum(local_aws: RunningLocalAws) -> None:
    branch = {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "Mine"}}}
    retry = [{"ErrorEquals": ["Mine"], "IntervalSeconds": 100, "MaxDelaySeconds": 1, "MaxAttempts": 2}]
    arn = local_aws.execute({"Both": {"Type": "Parallel", "Branches": [branch], "Retry": retry, "End": True}})
    ended = local_aws.wait_for_execution(arn)
    assert ended["error"] == "Mine"
    assert 1.9 <= (ended["stopDate"] - ended["startDate"]).total_seconds() < 100


def test_full_jitter_waits_less_than_without(local_aws: RunningLocalAws) -> None:
    jitter = {"IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 8, "JitterStrategy": "FULL"}
    arn = local_aws.execute({"Try": failing(**jitter)})
    local_aws.wait_for_execution(arn)
    found = delays(local_aws.history(arn))
    assert len(found) == 8
    # A delay without jitter is never below one second; eight with jitter all exceed 0.9 s once in 10^8 runs.
    assert min(found) < 0.9
    assert len({round(delay, 2) for delay in found}) > 1


def test_stopping_an_execution_ends_a_wait_between_attempts(local_aws: RunningLocalAws) -> None:
    arn = local_aws.execute({"Try": failing(IntervalSeconds=600)})
    local_aws.until(lambda: local_aws.history(arn)[-1]["type"], lambda kind: kind == "TaskFailed")
    local_aws.states.stop_execution(executionArn=arn)
    assert local_aws.wait_for_execution(arn)["status"] == "ABORTED"
    assert local_aws.history(arn)[-1]["type"] == "ExecutionAborted"


def test_a_wait_of_more_than_a_minute_is_not_shortened(
    free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each wait is scaled to a hundredth: two hundred seconds become two, and a minute would be less than one.
    monkeypatch.setenv("SFN_WAIT_SCALE", "0.01")
    aws = LocalAws(free_port, state_dir=tmp_path, enforce_iam=False)
    aws.start()
    try:
        states = boto3.client(
            "stepfunctions",
            region_name="us-east-1",
            endpoint_url=aws.endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - the local AWS's own
        )
        definition = {"StartAt": "Try", "States": {"Try": failing(IntervalSeconds=200, MaxAttempts=1)}}
        machine = states.create_state_machine(name="wait", roleArn=ROLE, definition=json.dumps(definition))
        arn = states.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
        ended_execution(states, arn)
        (delay,) = delays(states.get_execution_history(executionArn=arn)["events"])
        states.close()
    finally:
        aws.stop()
    assert 1.9 <= delay < 200


@pytest.mark.parametrize("inside", ["Task", "Map"])
def test_a_machines_timeout_stops_its_job_and_is_final(local_aws: RunningLocalAws, inside: str) -> None:
    request = local_aws.request(SLEEP)
    retry_all = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 5}]
    task = {"Type": "Task", "Resource": SYNC, "Parameters": request, "Retry": retry_all, "End": True}
    mapped = {"Type": "Map", "ItemsPath": "$.items", "Iterator": {"StartAt": "Task", "States": {"Task": task}}}
    kinds: dict[str, dict[str, Any]] = {"Task": task, "Map": {**mapped, "Retry": retry_all}}
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "After"}]
    state = {**kinds[inside], "Catch": catch, "Next": "After"}
    state.pop("End", None)
    after = {"Type": "Pass", "End": True}
    arn = local_aws.execute({"Process": state, "After": after}, {"items": [1]}, TimeoutSeconds=3)
    local_aws.wait_for_log(request["ProcessingJobName"], "ready")
    execution = local_aws.wait_for_execution(arn)
    assert execution["status"] == "TIMED_OUT"
    assert (execution["stopDate"] - execution["startDate"]).total_seconds() >= 2.9
    assert local_aws.wait(request["ProcessingJobName"])["ProcessingJobStatus"] == "Stopped"
    events = local_aws.history(arn)
    assert events[-1]["type"] == "ExecutionTimedOut"
    assert [event["type"] for event in events].count("TaskScheduled") == 1
    assert local_aws.wait_for_execution(arn)["status"] == "TIMED_OUT"


def test_a_machine_that_ends_in_time_is_not_affected_by_its_timeout(local_aws: RunningLocalAws) -> None:
    arn = local_aws.execute({"Pass": {"Type": "Pass", "End": True}}, TimeoutSeconds=1)
    assert local_aws.wait_for_execution(arn)["status"] == "SUCCEEDED"
    time.sleep(1.2)
    assert local_aws.wait_for_execution(arn)["status"] == "SUCCEEDED"
    assert local_aws.history(arn)[-1]["type"] == "ExecutionSucceeded"


def nested(local_aws: RunningLocalAws, resource: str, request: dict[str, Any]) -> tuple[str, str]:
    """Return the ARNs of an execution that started a nested one with a job, and of the nested state machine."""
    child = local_aws.machine({"Process": {"Type": "Task", "Resource": SYNC, "Parameters": request, "End": True}})
    start: dict[str, Any] = {"Type": "Task", "Resource": resource, "Parameters": {"StateMachineArn": child}}
    wait = {"Type": "Wait", "Seconds": 600, "End": True}
    arn = local_aws.execute({"Start": {**start, "Next": "Wait"}, "Wait": wait})
    local_aws.wait_for_log(request["ProcessingJobName"], "ready")
    return arn, child


def test_a_nested_execution_is_stopped_with_the_one_that_waits_for_it(local_aws: RunningLocalAws) -> None:
    request = local_aws.request(SLEEP)
    arn, _ = nested(local_aws, "arn:aws:states:::states:startExecution.sync:2", request)
    local_aws.states.stop_execution(executionArn=arn)
    assert local_aws.wait(request["ProcessingJobName"])["ProcessingJobStatus"] == "Stopped"


def test_a_nested_execution_that_is_not_waited_for_continues(local_aws: RunningLocalAws) -> None:
    request = local_aws.request("import time; print('ready'); time.sleep(2)")
    arn, child = nested(local_aws, "arn:aws:states:::states:startExecution", request)
    local_aws.states.stop_execution(executionArn=arn)
    (execution,) = local_aws.states.list_executions(stateMachineArn=child)["executions"]
    assert local_aws.wait_for_execution(execution["executionArn"])["status"] == "SUCCEEDED"
