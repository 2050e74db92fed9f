"""StartExecution with a name that is taken: what runs on the same input is answered, all else is refused."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from local.conftest import Laptop

WAIT = {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}


def start(laptop: Laptop, machine: str, name: str, given: str = "{}") -> dict[str, Any]:
    started: dict[str, Any] = laptop.states.start_execution(stateMachineArn=machine, name=name, input=given)
    return started


def refused(laptop: Laptop, machine: str, name: str, given: str = "{}") -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        start(laptop, machine, name, given)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_the_same_start_is_answered_with_the_execution_that_runs(laptop: Laptop) -> None:
    machine = laptop.machine(WAIT)
    first = start(laptop, machine, "once", '{"a": 1}')
    again = start(laptop, machine, "once", '{"a": 1}')
    assert (again["executionArn"], again["startDate"]) == (first["executionArn"], first["startDate"])
    assert len(laptop.states.list_executions(stateMachineArn=machine)["executions"]) == 1
    laptop.states.stop_execution(executionArn=first["executionArn"])


def test_another_input_is_refused_and_so_is_the_same_written_otherwise(laptop: Laptop) -> None:
    machine = laptop.machine(WAIT)
    first = start(laptop, machine, "once", '{"a": 1}')
    for other in ('{"a": 2}', '{"a":1}'):
        assert refused(laptop, machine, "once", other) == ("ExecutionAlreadyExists", 400)
    laptop.states.stop_execution(executionArn=first["executionArn"])


def test_the_name_of_a_closed_execution_is_refused(laptop: Laptop) -> None:
    machine = laptop.machine({"Pass": {"Type": "Pass", "End": True}})
    arn = start(laptop, machine, "once")["executionArn"]
    assert laptop.wait_for_execution(arn)["status"] == "SUCCEEDED"
    assert refused(laptop, machine, "once") == ("ExecutionAlreadyExists", 400)


def test_the_name_of_another_machines_execution_is_free(laptop: Laptop) -> None:
    arns = [start(laptop, laptop.machine(WAIT), "once")["executionArn"] for _ in range(2)]
    assert len(set(arns)) == len(arns)
    for arn in arns:
        laptop.states.stop_execution(executionArn=arn)


def test_an_express_machine_is_not_idempotent(laptop: Laptop) -> None:
    made = laptop.states.create_state_machine(
        name=laptop.name(),
        type="EXPRESS",
        roleArn="arn:aws:iam::000000000000:role/machine",
        definition='{"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": true}}}',
    )
    start(laptop, made["stateMachineArn"], "once")
    assert refused(laptop, made["stateMachineArn"], "once")[0] == "ExecutionAlreadyExists"


def test_of_many_starts_at_once_one_starts(laptop: Laptop) -> None:
    machine = laptop.machine(WAIT)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: start(laptop, machine, "once"), range(64)))
    assert len({(answer["executionArn"], answer["startDate"]) for answer in answers}) == 1
    (execution,) = laptop.states.list_executions(stateMachineArn=machine)["executions"]
    events = laptop.history(execution["executionArn"])
    assert [event["type"] for event in events].count("ExecutionStarted") == 1
    assert [event["type"] for event in events].count("WaitStateEntered") <= 1
    laptop.states.stop_execution(executionArn=execution["executionArn"])


def test_of_tasks_that_start_it_at_once_one_does(laptop: Laptop) -> None:
    machine = laptop.machine(WAIT)
    parameters = {"StateMachineArn": machine, "Name": "once", "Input": {}}
    task = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution", "Parameters": parameters, "End": True}
    branches = [{"StartAt": "Start", "States": {"Start": task}} for _ in range(16)]
    all_of_them = laptop.wait_for_execution(
        laptop.execute({"All": {"Type": "Parallel", "Branches": branches, "End": True}})
    )
    (execution,) = laptop.states.list_executions(stateMachineArn=machine)["executions"]
    assert all_of_them["status"] == "SUCCEEDED", all_of_them.get("cause")
    assert {answer["ExecutionArn"] for answer in json.loads(all_of_them["output"])} == {execution["executionArn"]}
    laptop.states.stop_execution(executionArn=execution["executionArn"])
