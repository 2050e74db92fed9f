"""StartExecution with a name in use: a running execution with the same input is returned, all else is refused."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_stepfunctions.type_defs import StartExecutionOutputTypeDef

    from tests.helpers.local_aws import RunningLocalAws

WAIT = {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}


def start(
    local_aws: RunningLocalAws, machine: str, name: str, execution_input: str = "{}"
) -> StartExecutionOutputTypeDef:
    return local_aws.states.start_execution(stateMachineArn=machine, name=name, input=execution_input)


def refused(local_aws: RunningLocalAws, machine: str, name: str, execution_input: str = "{}") -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        start(local_aws, machine, name, execution_input)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_repeated_start_returns_the_running_execution(local_aws: RunningLocalAws) -> None:
    machine = local_aws.machine(WAIT)
    first = start(local_aws, machine, "once", '{"a": 1}')
    repeated = start(local_aws, machine, "once", '{"a": 1}')
    assert (repeated["executionArn"], repeated["startDate"]) == (first["executionArn"], first["startDate"])
    assert len(local_aws.states.list_executions(stateMachineArn=machine)["executions"]) == 1
    local_aws.states.stop_execution(executionArn=first["executionArn"])


def test_another_input_is_refused_and_so_is_the_same_in_another_notation(local_aws: RunningLocalAws) -> None:
    machine = local_aws.machine(WAIT)
    first = start(local_aws, machine, "once", '{"a": 1}')
    for other in ('{"a": 2}', '{"a":1}'):
        assert refused(local_aws, machine, "once", other) == ("ExecutionAlreadyExists", 400)
    local_aws.states.stop_execution(executionArn=first["executionArn"])


def test_the_name_of_a_closed_execution_is_refused(local_aws: RunningLocalAws) -> None:
    machine = local_aws.machine({"Pass": {"Type": "Pass", "End": True}})
    arn = start(local_aws, machine, "once")["executionArn"]
    assert local_aws.wait_for_execution(arn)["status"] == "SUCCEEDED"
    assert refused(local_aws, machine, "once") == ("ExecutionAlreadyExists", 400)


def test_the_name_of_another_machines_execution_is_free(local_aws: RunningLocalAws) -> None:
    arns = [start(local_aws, local_aws.machine(WAIT), "once")["executionArn"] for _ in range(2)]
    assert len(set(arns)) == len(arns)
    for arn in arns:
        local_aws.states.stop_execution(executionArn=arn)


def test_an_express_machine_is_not_idempotent(local_aws: RunningLocalAws) -> None:
    created = local_aws.states.create_state_machine(
        name=local_aws.name(),
        type="EXPRESS",
        roleArn="arn:aws:iam::000000000000:role/machine",
        definition='{"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": true}}}',
    )
    start(local_aws, created["stateMachineArn"], "once")
    assert refused(local_aws, created["stateMachineArn"], "once")[0] == "ExecutionAlreadyExists"


def test_many_concurrent_starts_start_one_execution(local_aws: RunningLocalAws) -> None:
    machine = local_aws.machine(WAIT)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: start(local_aws, machine, "once"), range(64)))
    assert len({(answer["executionArn"], answer["startDate"]) for answer in answers}) == 1
    (execution,) = local_aws.states.list_executions(stateMachineArn=machine)["executions"]
    events = local_aws.history(execution["executionArn"])
    assert [event["type"] for event in events].count("ExecutionStarted") == 1
    assert [event["type"] for event in events].count("WaitStateEntered") <= 1
    local_aws.states.stop_execution(executionArn=execution["executionArn"])


def test_many_concurrent_tasks_start_one_execution(local_aws: RunningLocalAws) -> None:
    machine = local_aws.machine(WAIT)
    parameters = {"StateMachineArn": machine, "Name": "once", "Input": {}}
    task = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution", "Parameters": parameters, "End": True}
    branches = [{"StartAt": f"Start {n}", "States": {f"Start {n}": task}} for n in range(16)]
    parallel = local_aws.wait_for_execution(
        local_aws.execute({"All": {"Type": "Parallel", "Branches": branches, "End": True}})
    )
    (execution,) = local_aws.states.list_executions(stateMachineArn=machine)["executions"]
    assert parallel["status"] == "SUCCEEDED", parallel.get("cause")
    assert {answer["ExecutionArn"] for answer in json.loads(parallel["output"])} == {execution["executionArn"]}
    local_aws.states.stop_execution(executionArn=execution["executionArn"])
