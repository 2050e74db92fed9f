"""Activity tasks, which workers outside of Step Functions poll for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.helpers.local_aws import RunningLocalAws


@pytest.fixture(name="activity")
def _activity(local_aws: RunningLocalAws) -> str:
    return local_aws.states.create_activity(name=local_aws.name())["activityArn"]


def start(aws: RunningLocalAws, activity: str, **more: Any) -> str:
    state = {"Type": "Task", "Resource": activity, "End": True, **more}
    machine = aws.machine({"Work": state})
    return aws.states.start_execution(stateMachineArn=machine, input=json.dumps({"a": 1}))["executionArn"]


def events(aws: RunningLocalAws, arn: str) -> list[str]:
    return [event["type"] for event in aws.history(arn)]


def test_a_worker_gets_the_input_and_gives_the_output(local_aws: RunningLocalAws, activity: str) -> None:
    arn = start(local_aws, activity, TimeoutSeconds=60, HeartbeatSeconds=30)
    task = local_aws.states.get_activity_task(activityArn=activity, workerName="me")
    assert json.loads(task["input"]) == {"a": 1}
    local_aws.states.send_task_heartbeat(taskToken=task["taskToken"])
    local_aws.states.send_task_success(taskToken=task["taskToken"], output='{"b": 2}')
    execution = local_aws.wait_for_execution(arn)
    assert (execution["status"], execution["output"]) == ("SUCCEEDED", '{"b":2}')
    history = local_aws.history(arn)
    assert [event["type"] for event in history] == [
        "ExecutionStarted",
        "TaskStateEntered",
        "ActivityScheduled",
        "ActivityStarted",
        "ActivitySucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]
    scheduled = history[2]["activityScheduledEventDetails"]
    assert (scheduled["resource"], scheduled["timeoutInSeconds"], scheduled["heartbeatInSeconds"]) == (activity, 60, 30)
    assert history[3]["activityStartedEventDetails"] == {"workerName": "me"}


def test_the_error_of_a_worker_is_that_of_the_task(local_aws: RunningLocalAws, activity: str) -> None:
    catch = {"ErrorEquals": ["Mine"], "ResultPath": "$.caught", "Next": "Caught"}
    states = {
        "Work": {"Type": "Task", "Resource": activity, "End": True, "Catch": [catch]},
        "Caught": {"Type": "Pass", "End": True},
    }
    arn = local_aws.states.start_execution(stateMachineArn=local_aws.machine(states), input="{}")["executionArn"]
    task = local_aws.states.get_activity_task(activityArn=activity)
    local_aws.states.send_task_failure(taskToken=task["taskToken"], error="Mine", cause="on purpose")
    output = json.loads(local_aws.wait_for_execution(arn)["output"])
    assert output == {"caught": {"Error": "Mine", "Cause": "on purpose"}}
    assert "ActivityFailed" in events(local_aws, arn)


@pytest.mark.parametrize("limit", [{"TimeoutSeconds": 1}, {"TimeoutSeconds": 60, "HeartbeatSeconds": 1}])
def test_the_time_counts_from_when_a_worker_gets_the_task(
    local_aws: RunningLocalAws, activity: str, limit: dict[str, int]
) -> None:
    # Longer than the limit, before any worker asks.
    arn = start(local_aws, activity, **limit)
    wait = local_aws.execute({"Wait": {"Type": "Wait", "Seconds": 2, "End": True}})
    local_aws.wait_for_execution(wait)
    assert local_aws.states.describe_execution(executionArn=arn)["status"] == "RUNNING", local_aws.history(arn)
    task = local_aws.states.get_activity_task(activityArn=activity)
    execution = local_aws.wait_for_execution(arn)
    assert (execution["status"], execution["error"]) == ("FAILED", "States.Timeout")
    assert events(local_aws, arn)[2:5] == ["ActivityScheduled", "ActivityStarted", "ActivityTimedOut"]
    with pytest.raises(local_aws.states.exceptions.TaskTimedOut):
        local_aws.states.send_task_success(taskToken=task["taskToken"], output="{}")


def test_a_worker_gets_no_task_of_an_execution_that_was_stopped(local_aws: RunningLocalAws, activity: str) -> None:
    stopped, running = start(local_aws, activity), start(local_aws, activity)
    scheduled: Callable[[list[str]], bool] = lambda found: "ActivityScheduled" in found  # noqa: E731
    for arn in (stopped, running):
        local_aws.until(lambda arn=arn: events(local_aws, arn), scheduled)  # type: ignore[misc]
    local_aws.states.stop_execution(executionArn=stopped)
    task = local_aws.states.get_activity_task(activityArn=activity)
    local_aws.states.send_task_success(taskToken=task["taskToken"], output="{}")
    assert local_aws.wait_for_execution(running)["status"] == "SUCCEEDED"
    assert events(local_aws, stopped)[-1] == "ExecutionAborted"


def test_an_activity_that_does_not_exist_fails_the_execution(local_aws: RunningLocalAws) -> None:
    activity = f"arn:aws:states:us-east-1:000000000000:activity:{local_aws.name()}"
    execution = local_aws.wait_for_execution(start(local_aws, activity))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.Runtime")
    assert execution["cause"].endswith(f"The activity {activity} does not exist.")
