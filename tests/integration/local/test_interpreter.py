"""Executions end as executions that were recorded in AWS do: a small machine for each kind of difference."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from smproc.local.errors import UnsupportedMotoError
from smproc.local.server.step_functions import moto_package, names

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

ITEMS = {"items": [{"n": 1, "t": "a"}, {"n": 2, "t": "b"}, {"n": 3, "t": "a"}], "o": {"k": "v"}}


def run(local_aws: RunningLocalAws, states: dict[str, Any], execution_input: object = None, **more: Any) -> Any:  # noqa: ANN401
    return local_aws.wait_for_execution(local_aws.execute(states, execution_input, **more))


def history(local_aws: RunningLocalAws, execution: Mapping[str, Any]) -> list[str]:
    events = local_aws.states.get_execution_history(executionArn=execution["executionArn"], maxResults=1000)["events"]
    return [event["type"] for event in events]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$.o.k", "v"),
        ("$['o']['k']", "v"),
        ("$['items'][0]['n']", 1),
        ("$.items[-1].n", 3),
        ("$.items[0:2].n", [1, 2]),
        ("$.items[*].t", ["a", "b", "a"]),
        ("$..n", [1, 2, 3]),
        ("$.items[?(@.t == 'a')].n", [1, 3]),
        ("$.items[?(@.n > 1 && @.t != 'b')].n", [3]),
        ("$.items[?(@.t in ['b','c'])].n", [2]),
        ("$.items[?(@.n > 5)]", []),
        ("$.items.length()", 3),
    ],
)
def test_a_path_leads_to_its_value(local_aws: RunningLocalAws, path: str, value: object) -> None:
    execution = run(local_aws, {"Read": {"Type": "Pass", "Parameters": {"value.$": path}, "End": True}}, ITEMS)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert json.loads(execution["output"]) == {"value": value}


@pytest.mark.parametrize("field", ["Parameters", "InputPath", "OutputPath", "ItemsPath", "Variable"])
def test_a_path_to_nothing_fails_the_execution(local_aws: RunningLocalAws, field: str) -> None:
    end = {"Type": "Pass", "End": True}
    machines: dict[str, dict[str, Any]] = {
        "Parameters": {"Type": "Pass", "Parameters": {"value.$": "$.gone"}, "End": True},
        "InputPath": {"Type": "Pass", "InputPath": "$.gone", "End": True},
        "OutputPath": {"Type": "Pass", "OutputPath": "$.gone", "End": True},
        "ItemsPath": {
            "Type": "Map",
            "ItemsPath": "$.gone",
            "ItemProcessor": {"StartAt": "End", "States": {"End": end}},
            "End": True,
        },
        "Variable": {"Type": "Choice", "Choices": [{"Variable": "$.gone", "NumericEquals": 1, "Next": "Done"}]},
    }
    state = machines[field]
    states = {"First": state, **({"Done": {"Type": "Succeed"}} if field == "Variable" else {})}
    execution = run(local_aws, states, ITEMS)
    assert (execution["status"], execution["error"]) == ("FAILED", "States.Runtime")


def test_an_error_of_the_interpreter_cannot_be_caught_and_a_parameter_path_can(local_aws: RunningLocalAws) -> None:
    caught = {"Caught": {"Type": "Pass", "Result": "caught", "End": True}}
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution",
        "Parameters": {"StateMachineArn.$": "$.gone"},
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
        "End": True,
    }
    execution = run(local_aws, {"Start": task, **caught}, {})
    assert (execution["status"], execution.get("error")) == ("FAILED", "States.Runtime")


def test_a_failed_branch_stops_its_siblings(local_aws: RunningLocalAws) -> None:
    slow = {
        "StartAt": "Wait",
        "States": {"Wait": {"Type": "Wait", "Seconds": 600, "Next": "Never"}, "Never": {"Type": "Pass", "End": True}},
    }
    failing = {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "Mine", "Cause": "because"}}}
    execution = run(local_aws, {"Both": {"Type": "Parallel", "Branches": [slow, failing], "End": True}})
    assert (execution["status"], execution["error"], execution["cause"]) == ("FAILED", "Mine", "because")
    events = history(local_aws, execution)
    assert "ParallelStateFailed" in events
    assert "WaitStateExited" not in events
    assert events[-1] == "ExecutionFailed"


def test_a_failed_iteration_stops_the_others_and_can_be_caught(local_aws: RunningLocalAws) -> None:
    processor = {
        "StartAt": "Choose",
        "States": {
            "Choose": {
                "Type": "Choice",
                "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "Fail"}],
                "Default": "Wait",
            },
            "Fail": {"Type": "Fail", "Error": "Second"},
            "Wait": {"Type": "Wait", "Seconds": 600, "End": True},
        },
    }
    states = {
        "Each": {
            "Type": "Map",
            "ItemProcessor": processor,
            "Catch": [{"ErrorEquals": ["Second"], "ResultPath": "$.error", "Next": "Done"}],
            "ItemsPath": "$.items",
            "End": True,
        },
        "Done": {"Type": "Pass", "End": True},
    }
    execution = run(local_aws, states, {"items": [1, 2, 3]})
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert json.loads(execution["output"])["error"]["Error"] == "Second"
    events = history(local_aws, execution)
    assert 2 <= events.count("MapIterationStarted") <= 3
    assert events.count("MapIterationFailed") == 1
    assert "MapStateFailed" in events


def test_the_output_of_a_jsonata_state_may_be_anything(local_aws: RunningLocalAws) -> None:
    states = {
        "Choose": {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": "{% $states.input.n > 1 %}",
                    "Assign": {"rule": "{% 'rule' %}"},
                    "Output": {"from": "rule"},
                    "Next": "Last",
                }
            ],
            "Assign": {"rule": "state"},
            "Default": "Last",
        },
        "Last": {"Type": "Pass", "Output": "{% [$rule, $states.input.from, $sum([1..4])] %}", "End": True},
    }
    execution = run(local_aws, states, {"n": 2}, QueryLanguage="JSONata")
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert json.loads(execution["output"]) == ["rule", "rule", 10]


@pytest.mark.parametrize("expression", ["{% $states.input.gone %}", "{% $nothing %}", "{% 1 + 'a' %}"])
def test_a_jsonata_expression_without_a_value_fails(local_aws: RunningLocalAws, expression: str) -> None:
    states = {"Read": {"Type": "Pass", "Output": expression, "End": True}}
    execution = run(local_aws, states, {}, QueryLanguage="JSONata")
    assert (execution["status"], execution["error"]) == ("FAILED", "States.QueryEvaluationError")


def test_a_payload_of_more_than_256_kib_fails(local_aws: RunningLocalAws) -> None:
    states = {
        "Grow": {
            "Type": "Pass",
            "Parameters": {"a.$": "$.text", "b.$": "$.text", "c.$": "$.text"},
            "End": True,
        }
    }
    execution = run(local_aws, states, {"text": "x" * 100_000})
    assert (execution["status"], execution["error"]) == ("FAILED", "States.DataLimitExceeded")


def test_an_execution_is_redriven_from_the_state_that_failed(local_aws: RunningLocalAws) -> None:
    gone = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:headBucket", "Parameters": {"Bucket": "redriven"}}
    states = {
        "First": {"Type": "Pass", "Result": 1, "ResultPath": "$.first", "Next": "Head"},
        "Head": {**gone, "ResultPath": None, "End": True},
    }
    execution = run(local_aws, states, {})
    assert execution["status"] == "FAILED"
    local_aws.s3.create_bucket(Bucket="redriven")
    arn = execution["executionArn"]
    local_aws.states.redrive_execution(executionArn=arn)
    again = local_aws.wait_for_execution(arn)
    assert (again["status"], again["redriveCount"]) == ("SUCCEEDED", 1), again.get("cause")
    assert json.loads(again["output"]) == {"first": 1}
    events = history(local_aws, again)
    assert "ExecutionRedriven" in events
    assert events.count("PassStateEntered") == 1


def test_a_distributed_map_reads_items_batches_them_and_writes_results(local_aws: RunningLocalAws) -> None:
    for bucket in ("read", "written"):
        local_aws.s3.create_bucket(Bucket=bucket)
    local_aws.s3.put_object(Bucket="read", Key="items.csv", Body=b"name,n\na,1\nb,2\nc,3\n")
    states = {
        "Each": {
            "Type": "Map",
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:getObject",
                "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
                "Parameters": {"Bucket": "read", "Key": "items.csv"},
            },
            "ItemBatcher": {"MaxItemsPerBatch": 2},
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Pass",
                "States": {"Pass": {"Type": "Pass", "OutputPath": "$.Items[*].name", "End": True}},
            },
            "ResultWriter": {
                "Resource": "arn:aws:states:::s3:putObject",
                "Parameters": {"Bucket": "written", "Prefix": "results"},
            },
            "End": True,
        }
    }
    execution = run(local_aws, states, {})
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    details = json.loads(execution["output"])["ResultWriterDetails"]
    manifest = json.loads(local_aws.s3.get_object(Bucket=details["Bucket"], Key=details["Key"])["Body"].read())
    (written,) = manifest["ResultFiles"]["SUCCEEDED"]
    results = json.loads(local_aws.s3.get_object(Bucket="written", Key=written["Key"])["Body"].read())
    assert sorted(json.loads(one["Output"]) for one in results) == [["a", "b"], ["c"]]
    (map_run,) = local_aws.states.list_map_runs(executionArn=execution["executionArn"])["mapRuns"]
    counts = local_aws.states.describe_map_run(mapRunArn=map_run["mapRunArn"])["itemCounts"]
    assert (counts["total"], counts["succeeded"], counts["failed"]) == (3, 3, 0)


def test_an_error_of_a_service_has_the_name_of_aws(local_aws: RunningLocalAws) -> None:
    states = {
        "Head": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
            "Parameters": {"Bucket": "not-there-at-all", "Key": "k"},
            "End": True,
        }
    }
    execution = run(local_aws, states, {})
    assert (execution["status"], execution["error"]) == ("FAILED", "S3.NoSuchBucketException")


def test_every_name_of_moto_is_checked_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    moto_package.prepare()
    names.check()
    module = next(iter(names.NAMES))
    monkeypatch.setitem(names.NAMES, module, {"NoSuchName": callable})
    with pytest.raises(UnsupportedMotoError, match=rf"moto 5\.2\.5 does not have {module}\.NoSuchName as expected"):
        names.check()
