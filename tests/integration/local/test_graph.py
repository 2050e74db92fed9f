"""The picture of an execution: what its history on the local AWS says of each state."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import boto3
import pytest

from cdk_sagemaker_processing.model import names
from smproc.cli import main
from smproc.graphs import ExecutionRun, draw_svg, parse_definition
from smproc.operations import PipelineNotFoundError, read_execution, state_machine_of_stack

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

PASS = {"Type": "Pass", "End": True}


def machine(states: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def read(aws: RunningLocalAws, key: str, **more: Any) -> dict[str, Any]:
    """Return a task that fails until there is an object."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Parameters": {"Bucket": aws.bucket, "Key": key},
        "End": True,
    } | more


@pytest.fixture
def session(local_aws: RunningLocalAws, monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    for name, value in local_aws.aws.environment().items():
        monkeypatch.setenv(name, value)
    return boto3.Session()


def statuses(run: ExecutionRun) -> dict[str, str]:
    return {name: state.status for name, state in run.states.items()}


def test_an_execution_that_failed_and_was_redriven(local_aws: RunningLocalAws, session: boto3.Session) -> None:
    failing = machine({"Before": {"Type": "Wait", "Seconds": 1, "Next": "Read"}, "Read": read(local_aws, "graph")})
    both = {"Type": "Parallel", "Branches": [machine({"Kept": PASS}), failing], "Next": "After"}
    arn = local_aws.execute({"Set": {"Type": "Pass", "Next": "Both"}, "Both": both, "After": PASS})
    local_aws.wait_for_execution(arn)

    definition, failed = read_execution(session, arn)

    assert (failed.status, failed.redrives) == ("FAILED", 0)
    assert statuses(failed) == {
        "Set": "SUCCEEDED",
        "Both": "FAILED",
        "Kept": "SUCCEEDED",
        "Before": "SUCCEEDED",
        "Read": "FAILED",
    }
    assert failed.states["Read"].error == "S3.NoSuchKeyException"
    svg = ET.fromstring(draw_svg(parse_definition(definition), failed.name, failed))  # noqa: S314 - our own
    (after,) = svg.iterfind(".//*[@data-state='After']")
    assert "not-entered" in after.attrib["class"].split()

    local_aws.put("graph", "here")
    local_aws.states.redrive_execution(executionArn=arn)
    local_aws.wait_for_execution(arn)
    _, redriven = read_execution(session, arn)

    assert (redriven.status, redriven.redrives, redriven.error) == ("SUCCEEDED", 1, "")
    assert set(statuses(redriven).values()) == {"SUCCEEDED"}
    assert (redriven.states["Read"].entries, redriven.states["Before"].entries) == (2, 1)


def test_retries_catches_and_iterations(local_aws: RunningLocalAws, session: boto3.Session) -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "Each"}]
    states = {
        "Read": read(local_aws, "no-such", Retry=retry, Catch=catch),
        "Each": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": machine({"Item": PASS}), "Next": "Stop"},
        "Stop": {"Type": "Fail", "Error": "Enough", "Cause": "on purpose"},
    }
    arn = local_aws.execute(states, {"items": [1, 2, 3]})
    local_aws.wait_for_execution(arn)

    _, run = read_execution(session, arn)

    assert statuses(run) == {"Read": "CAUGHT", "Each": "SUCCEEDED", "Item": "SUCCEEDED", "Stop": "FAILED"}
    assert (run.states["Read"].tries, run.states["Read"].entries) == (2, 1)
    assert (run.states["Item"].entries, dict(run.states["Each"].iterations)) == (3, {"started": 3, "succeeded": 3})
    assert (run.states["Stop"].error, run.error) == ("Enough", "Enough")


def test_a_running_and_an_aborted_execution(local_aws: RunningLocalAws, session: boto3.Session) -> None:
    arn = local_aws.execute(
        {"Set": {"Type": "Pass", "Next": "Wait"}, "Wait": {"Type": "Wait", "Seconds": 60, "End": True}}
    )
    local_aws.until(lambda: len(local_aws.history(arn)), lambda events: events > 3)
    assert statuses(read_execution(session, arn)[1]) == {"Set": "SUCCEEDED", "Wait": "RUNNING"}

    local_aws.states.stop_execution(executionArn=arn)
    local_aws.wait_for_execution(arn)
    assert statuses(read_execution(session, arn)[1]) == {"Set": "SUCCEEDED", "Wait": "ABORTED"}


def test_a_distributed_map(local_aws: RunningLocalAws, session: boto3.Session) -> None:
    processor = machine({"Item": PASS}) | {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    arn = local_aws.execute({"Each": {"Type": "Map", "ItemProcessor": processor, "End": True}}, [1, 2])
    local_aws.wait_for_execution(arn)

    _, run = read_execution(session, arn)

    assert statuses(run) == {"Each": "SUCCEEDED"}
    assert {name: count for name, count in run.states["Each"].iterations.items() if count} == {
        "started": 2,
        "succeeded": 2,
    }


def test_the_state_machines_of_a_stack(
    local_aws: RunningLocalAws, session: boto3.Session, capsys: pytest.CaptureFixture[str]
) -> None:
    definition = json.dumps(machine({"First": PASS}))
    properties = {"RoleArn": local_aws.role, "DefinitionString": definition}
    resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    template = {"Resources": {"OneStateMachine1": resource, "OtherStateMachine2": resource}}
    stacks = local_aws.client("cloudformation")
    stacks.create_stack(StackName="Graphs", TemplateBody=json.dumps(template))
    stacks.get_waiter("stack_create_complete").wait(StackName="Graphs", WaiterConfig={"Delay": 1})

    assert json.loads(state_machine_of_stack(session, "Graphs", "One")[1]) == json.loads(definition)
    with pytest.raises(
        PipelineNotFoundError, match=r"has several state machines; name one of these, .* --pipeline: One"
    ):
        state_machine_of_stack(session, "Graphs")
    with pytest.raises(PipelineNotFoundError, match="there is no stack 'None'"):
        state_machine_of_stack(session, "None")
    assert main(["graph", "--stack", "Graphs", "--pipeline", "Other"]) == 0
    assert "First  Pass" in capsys.readouterr().out
    # A pipeline of that stack is meant before its other state machines, and is found without the stack.
    machines = stacks.describe_stack_resources(StackName="Graphs")["StackResources"]
    (arn,) = (one["PhysicalResourceId"] for one in machines if one["LogicalResourceId"] == "OneStateMachine1")
    tags = {
        names.PIPELINE_TAG: "Graphs/One",
        names.STACK_TAG: "Graphs",
        names.PART_TAG: names.INPUT_QUEUE,
        names.STATE_MACHINE_TAG: arn,
    }
    queue = local_aws.client("sqs").create_queue(QueueName="graphs", tags=tags)["QueueUrl"]
    for options in (["--stack", "Graphs"], ["--pipeline", "One"], ["--stack", "Graphs", "--pipeline", "Other"], []):
        assert main(["graph", *options]) == 0, options
        assert capsys.readouterr().out.count("First  Pass") == 1
    assert main(["graph", "--pipeline", "Other"]) == 1
    assert "this account and region have no pipeline 'Other'" in capsys.readouterr().err
    local_aws.client("sqs").delete_queue(QueueUrl=queue)
    arn = local_aws.execute({"Last": PASS})
    local_aws.wait_for_execution(arn)
    assert main(["graph", "--execution", arn]) == 0
    assert "✓ Last  Pass  succeeded" in capsys.readouterr().out
