"""Redrives of executions: what runs again, and what is kept.

See: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
See: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-map-run.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef

    from tests.helpers.local_aws import RunningLocalAws

PASS = {"Type": "Pass", "End": True}
DISTRIBUTED = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
READ_ITEM = {
    "Type": "Task",
    "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
    "Parameters": {"Bucket.$": "$.bucket", "Key.$": "$.key"},
    "ResultSelector": {"read.$": "$.Body"},
    "End": True,
}


def read(aws: RunningLocalAws, key: str, **more: Any) -> dict[str, Any]:
    """Return a task that fails until there is an object."""
    return {**READ_ITEM, "Parameters": {"Bucket": aws.bucket, "Key": key}, **more}


def machine(states: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def redrive(aws: RunningLocalAws, arn: str) -> DescribeExecutionOutputTypeDef:
    aws.states.redrive_execution(executionArn=arn)
    return aws.wait_for_execution(arn)


def entered(aws: RunningLocalAws, arn: str) -> list[str]:
    return [
        event["stateEnteredEventDetails"]["name"] for event in aws.history(arn) if "stateEnteredEventDetails" in event
    ]


def test_a_redriven_execution_goes_on_where_it_failed(local_aws: RunningLocalAws) -> None:
    selected = {"body.$": "$.Body", "kept.$": "$kept", "redrives.$": "$$.Execution.RedriveCount"}
    states = {
        "Set": {"Type": "Pass", "Assign": {"kept": {"n": 1}}, "Next": "Read"},
        "Read": read(local_aws, "late", ResultSelector=selected),
    }
    arn = local_aws.execute(states)
    execution = local_aws.wait_for_execution(arn)
    assert (execution["status"], execution["redriveStatus"]) == ("FAILED", "REDRIVABLE")
    local_aws.put("late", "here")
    execution = redrive(local_aws, arn)
    assert json.loads(execution["output"]) == {"body": "here", "kept": {"n": 1}, "redrives": 1}
    types = [event["type"] for event in local_aws.history(arn)]
    assert (types.count("PassStateEntered"), types.count("ExecutionRedriven")) == (1, 1)
    assert [event["id"] for event in local_aws.history(arn)] == list(range(1, len(types) + 1))
    with pytest.raises(ClientError, match="Execution is SUCCEEDED and cannot be redriven"):
        local_aws.states.redrive_execution(executionArn=arn)


def test_only_the_failed_branch_of_a_parallel_state_runs_again(local_aws: RunningLocalAws) -> None:
    failing = {
        # Long enough for the other branch to end.
        "Before": {"Type": "Wait", "Seconds": 1, "Next": "Set"},
        "Set": {"Type": "Pass", "Assign": {"inner": 2}, "Next": "Read"},
        "Read": read(local_aws, "branch", ResultSelector={"read.$": "$.Body", "set.$": "$inner", "outer.$": "$outer"}),
    }
    states = {
        "Outer": {"Type": "Pass", "Assign": {"outer": 1}, "Next": "Both"},
        "Both": {"Type": "Parallel", "Branches": [machine({"Kept": PASS}), machine(failing)], "Next": "After"},
        "After": PASS,
    }
    arn = local_aws.execute(states, {"n": 1})
    assert local_aws.wait_for_execution(arn)["status"] == "FAILED"
    # Fails again at the same state: what was kept is kept.
    assert redrive(local_aws, arn)["status"] == "FAILED"
    local_aws.put("branch", "here")
    execution = redrive(local_aws, arn)
    assert json.loads(execution["output"]) == [{"n": 1}, {"read": "here", "set": 2, "outer": 1}]
    names = entered(local_aws, arn)
    assert {name: names.count(name) for name in ("Outer", "Kept", "Before", "Set", "Read", "After")} == {
        "Outer": 1,
        "Kept": 1,
        "Before": 1,
        "Set": 1,
        "Read": 3,
        "After": 1,
    }


def test_a_retry_after_a_redrive_runs_every_branch(local_aws: RunningLocalAws) -> None:
    failing = machine({"Wait": {"Type": "Wait", "Seconds": 1, "Next": "Read"}, "Read": read(local_aws, "retried")})
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    states = {"Both": {"Type": "Parallel", "Branches": [machine({"Kept": PASS}), failing], "Retry": retry, "End": True}}
    arn = local_aws.execute(states)
    assert local_aws.wait_for_execution(arn)["status"] == "FAILED"
    assert entered(local_aws, arn).count("Kept") == 2
    # The redriven attempt keeps the branch; its retry, which a redrive allows anew, does not.
    assert redrive(local_aws, arn)["status"] == "FAILED"
    assert entered(local_aws, arn).count("Kept") == 3


def test_only_the_failed_iterations_of_a_map_state_run_again(local_aws: RunningLocalAws) -> None:
    inner = {"Before": {"Type": "Pass", "Next": "Read"}, "Read": READ_ITEM}
    nested = {"Inner": {"Type": "Parallel", "Branches": [machine(inner)], "End": True}}
    states = {
        "Map": {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": machine(nested), "End": True},
    }
    items = [{"bucket": local_aws.bucket, "key": f"item-{index}"} for index in range(3)]
    for key in ("item-0", "item-2"):
        local_aws.put(key, key)
    arn = local_aws.execute(states, items)
    assert local_aws.wait_for_execution(arn)["status"] == "FAILED"
    assert entered(local_aws, arn).count("Before") == 2
    local_aws.put("item-1", "item-1")
    execution = redrive(local_aws, arn)
    assert json.loads(execution["output"]) == [[{"read": f"item-{index}"}] for index in range(3)]
    names = entered(local_aws, arn)
    # The second goes on at its task; the third was never started.
    assert (names.count("Before"), names.count("Read")) == (3, 4)


def test_a_stopped_execution_goes_on_in_its_branches(local_aws: RunningLocalAws) -> None:
    waiting = machine({"Wait": {"Type": "Wait", "Seconds": 2, "Next": "After"}, "After": PASS})
    arn = local_aws.execute({"Both": {"Type": "Parallel", "Branches": [machine({"Kept": PASS}), waiting], "End": True}})
    local_aws.until(lambda: entered(local_aws, arn), lambda names: {"Kept", "Wait"} <= {*names})
    local_aws.until(
        lambda: [event["type"] for event in local_aws.history(arn)], lambda types: "PassStateExited" in types
    )
    local_aws.states.stop_execution(executionArn=arn)
    assert local_aws.wait_for_execution(arn)["status"] == "ABORTED"
    execution = redrive(local_aws, arn)
    assert (execution["status"], json.loads(execution["output"])) == ("SUCCEEDED", [{}, {}])
    names = entered(local_aws, arn)
    assert (names.count("Kept"), names.count("Wait"), names.count("After")) == (1, 2, 1)


@pytest.mark.parametrize("execution_type", ["STANDARD", "EXPRESS"])
def test_the_failed_children_of_a_map_run_are_redriven(local_aws: RunningLocalAws, execution_type: str) -> None:
    prefix = f"child-{execution_type}"
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": execution_type},
        **machine({"Before": {"Type": "Pass", "Next": "Read"}, "Read": READ_ITEM}),
    }
    states = {
        "Map": {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": processor, "End": True},
    }
    items = [{"bucket": local_aws.bucket, "key": f"{prefix}-{index}"} for index in range(4)]
    for index in (0, 2, 3):
        local_aws.put(f"{prefix}-{index}", str(index))
    arn = local_aws.execute(states, items)
    assert local_aws.wait_for_execution(arn)["status"] == "FAILED"
    (run,) = local_aws.states.list_map_runs(executionArn=arn)["mapRuns"]
    before = local_aws.states.describe_map_run(mapRunArn=run["mapRunArn"])
    counts = before["executionCounts"]
    assert (before["status"], counts["succeeded"], counts["failed"], counts["aborted"]) == ("FAILED", 1, 1, 2)
    children = {
        child["executionArn"]: child["status"]
        for child in local_aws.states.list_executions(mapRunArn=run["mapRunArn"])["executions"]
    }
    local_aws.put(f"{prefix}-1", "1")
    execution = redrive(local_aws, arn)
    assert json.loads(execution["output"]) == [{"read": str(index)} for index in range(4)]
    (same,) = local_aws.states.list_map_runs(executionArn=arn)["mapRuns"]
    after = local_aws.states.describe_map_run(mapRunArn=same["mapRunArn"])
    counts = after["executionCounts"]
    assert (same["mapRunArn"], after["status"], after["redriveCount"]) == (run["mapRunArn"], "SUCCEEDED", 1)
    assert (counts["succeeded"], counts["failed"], counts["aborted"], counts["pendingRedrive"]) == (4, 0, 0, 0)
    assert after["itemCounts"]["succeeded"] == 4
    assert after["redriveDate"] > before["stopDate"]
    (event,) = [event for event in local_aws.history(arn) if event["type"] == "MapRunRedriven"]
    assert event["mapRunRedrivenEventDetails"] == {"mapRunArn": run["mapRunArn"], "redriveCount": 1}
    if execution_type == "STANDARD":
        (failed,) = [child for child, status in children.items() if status == "FAILED"]
        assert local_aws.states.describe_execution(executionArn=failed)["redriveCount"] == 1
        assert entered(local_aws, failed) == ["Before", "Read", "Read"]
        kept = [child for child, status in children.items() if status == "SUCCEEDED"]
        assert [local_aws.states.describe_execution(executionArn=child)["redriveCount"] for child in kept] == [0]


def test_a_child_of_a_map_run_is_redriven_by_its_parent_alone(local_aws: RunningLocalAws) -> None:
    processor = {"ProcessorConfig": DISTRIBUTED, **machine({"Fail": {"Type": "Fail"}})}
    arn = local_aws.execute({"Map": {"Type": "Map", "ItemProcessor": processor, "End": True}}, [1])
    local_aws.wait_for_execution(arn)
    (run,) = local_aws.states.list_map_runs(executionArn=arn)["mapRuns"]
    (child,) = local_aws.states.list_executions(mapRunArn=run["mapRunArn"])["executions"]
    described = local_aws.states.describe_execution(executionArn=child["executionArn"])
    assert described["redriveStatus"] == "REDRIVABLE_BY_MAP_RUN"
    with pytest.raises(ClientError, match="redrive the execution that started the map run"):
        local_aws.states.redrive_execution(executionArn=child["executionArn"])


def test_a_map_run_whose_items_could_not_be_read_starts_anew(local_aws: RunningLocalAws) -> None:
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON"},
        "Parameters": {"Bucket": local_aws.bucket, "Key": "late-items.json"},
    }
    processor = {"ProcessorConfig": DISTRIBUTED, **machine({"Item": PASS})}
    arn = local_aws.execute({"Map": {"Type": "Map", "ItemReader": reader, "ItemProcessor": processor, "End": True}})
    assert local_aws.wait_for_execution(arn)["status"] == "FAILED"
    local_aws.put("late-items.json", "[1, 2]")
    assert json.loads(redrive(local_aws, arn)["output"]) == [1, 2]
    assert len(local_aws.states.list_map_runs(executionArn=arn)["mapRuns"]) == 2
