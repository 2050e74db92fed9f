"""TestState: one state, run by the interpreter that runs executions.

See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_TestState.html
botocore's model checks the members of each response.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

ROLE = "arn:aws:iam::000000000000:role/tester"
PASS = {"Type": "Pass", "End": True}
CALL = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Parameters": {"FunctionName": "f", "Payload.$": "$"},
}
SYNC = {"Type": "Task", "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync", "Next": "After"}
RETRY = [
    {"ErrorEquals": ["Other"]},
    {"ErrorEquals": ["Busy"], "IntervalSeconds": 3, "BackoffRate": 2, "MaxAttempts": 4, "MaxDelaySeconds": 20},
]
CATCH = [
    {"ErrorEquals": ["Other"], "Next": "No"},
    {"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "Caught"},
]
BUSY = {"errorOutput": {"error": "Busy", "cause": "too many"}}


def run(aws: RunningLocalAws, definition: object, state_input: object = None, **more: Any) -> dict[str, Any]:
    response = aws.states.test_state(
        definition=json.dumps(definition), input=json.dumps({} if state_input is None else state_input), **more
    )
    del response["ResponseMetadata"]  # type: ignore[misc]
    model = botocore.session.get_session().get_service_model("stepfunctions").operation_model("TestState")
    assert model.output_shape is not None
    assert set(response) <= set(model.output_shape.members)
    return {**response}


def inspected(
    aws: RunningLocalAws, definition: dict[str, Any], state_input: object = None, **more: Any
) -> dict[str, Any]:
    data = run(aws, definition, state_input, inspectionLevel="DEBUG", **more)["inspectionData"]
    return {name: json.loads(value) if isinstance(value, str) else value for name, value in data.items()}


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (PASS, {"status": "SUCCEEDED", "output": '{"n":1}'}),
        (
            {"Type": "Pass", "Result": [1], "ResultPath": "$.r", "Next": "B"},
            {"status": "SUCCEEDED", "output": '{"n":1,"r":[1]}', "nextState": "B"},
        ),
        (
            {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "One"}], "Default": "Two"},
            {"status": "SUCCEEDED", "output": '{"n":1}', "nextState": "One"},
        ),
        ({"Type": "Wait", "Seconds": 0, "Next": "B"}, {"status": "SUCCEEDED", "output": '{"n":1}', "nextState": "B"}),
        ({"Type": "Succeed"}, {"status": "SUCCEEDED", "output": '{"n":1}'}),
        ({"Type": "Fail", "Error": "E", "Cause": "C"}, {"status": "FAILED", "error": "E", "cause": "C"}),
        (
            {"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $states.input.n + $v %}", "End": True},
            {"status": "SUCCEEDED", "output": "3"},
        ),
    ],
)
def test_a_state_runs_alone(local_aws: RunningLocalAws, definition: dict[str, Any], expected: dict[str, str]) -> None:
    assert run(local_aws, definition, {"n": 1}, variables='{"v": 2}') == expected


def test_a_path_to_nothing_fails_as_in_an_execution(local_aws: RunningLocalAws) -> None:
    response = run(local_aws, {"Type": "Pass", "InputPath": "$.none", "End": True})
    assert (response["status"], response["error"]) == ("FAILED", "States.Runtime")


def test_a_task_is_carried_out(local_aws: RunningLocalAws) -> None:
    local_aws.put("tested", "content")
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Parameters": {"Bucket": local_aws.bucket, "Key.$": "$.key"},
        "ResultSelector": {"body.$": "$.Body"},
        "ResultPath": "$.r",
        "OutputPath": "$.r",
        "End": True,
    }
    assert run(local_aws, task, {"key": "tested"}, roleArn=ROLE) == {
        "status": "SUCCEEDED",
        "output": '{"body":"content"}',
    }
    missing = run(local_aws, task, {"key": "none"}, roleArn=ROLE)
    assert (missing["status"], missing["error"]) == ("FAILED", "S3.NoSuchKeyException")
    data = inspected(local_aws, task, {"key": "tested"}, roleArn=ROLE)
    assert data.pop("result")["Body"] == "content"
    assert data == {
        "input": {"key": "tested"},
        "afterInputPath": {"key": "tested"},
        "afterParameters": {"Bucket": local_aws.bucket, "Key": "tested"},
        "afterResultSelector": {"body": "content"},
        "afterResultPath": {"key": "tested", "r": {"body": "content"}},
    }


def test_a_jsonata_task_is_inspected(local_aws: RunningLocalAws) -> None:
    task = {
        "Type": "Task",
        "QueryLanguage": "JSONata",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": "f", "Payload": "{% $states.input.n %}"},
        "Assign": {"seen": "{% $states.result.Payload %}"},
        "Output": "{% $states.result.Payload * 2 %}",
        "End": True,
    }
    data = inspected(local_aws, task, {"n": 1}, mock={"result": '{"Payload": 4}'}, variables='{"v": 2}')
    assert data == {
        "input": {"n": 1},
        "afterArguments": {"FunctionName": "f", "Payload": 1},
        "result": {"Payload": 4},
        "variables": {"v": 2, "seen": 4},
    }


def test_a_mock_takes_the_place_of_a_service(local_aws: RunningLocalAws) -> None:
    mocked = run(local_aws, {**SYNC, "ResultPath": "$.r"}, {"n": 1}, mock={"result": '{"ok": true}'})
    assert mocked == {"status": "SUCCEEDED", "output": '{"n":1,"r":{"ok":true}}', "nextState": "After"}


@pytest.mark.parametrize(("count", "interval"), [(0, 3), (1, 6), (3, 20)])
def test_an_error_that_a_retrier_handles_is_retriable(local_aws: RunningLocalAws, count: int, interval: int) -> None:
    task = {**CALL, "Retry": RETRY, "Catch": CATCH, "End": True}
    more: dict[str, Any] = {
        "mock": BUSY,
        "stateConfiguration": {"retrierRetryCount": count},
        "inspectionLevel": "TRACE",
    }
    response = run(local_aws, task, **more)
    assert (response["status"], response["error"], response["cause"]) == ("RETRIABLE", "Busy", "too many")
    assert response["inspectionData"]["errorDetails"] == {"retryIndex": 1, "retryBackoffIntervalSeconds": interval}


def test_an_error_that_a_catcher_handles_is_caught(local_aws: RunningLocalAws) -> None:
    task = {**CALL, "Retry": RETRY, "Catch": CATCH, "End": True}
    more: dict[str, Any] = {"mock": BUSY, "stateConfiguration": {"retrierRetryCount": 4}, "inspectionLevel": "DEBUG"}
    response = run(local_aws, task, {"n": 1}, **more)
    assert response.pop("inspectionData")["errorDetails"] == {"catchIndex": 1}
    assert json.loads(response.pop("output")) == {"n": 1, "e": {"Error": "Busy", "Cause": "too many"}}
    assert response == {"status": "CAUGHT_ERROR", "error": "Busy", "cause": "too many", "nextState": "Caught"}


def test_an_error_that_nothing_handles_fails(local_aws: RunningLocalAws) -> None:
    assert run(local_aws, {**CALL, "End": True}, mock=BUSY) == {
        "status": "FAILED",
        "error": "Busy",
        "cause": "too many",
    }


INNER = {"StartAt": "Inner", "States": {"Inner": PASS}}
MAP = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": INNER, "MaxConcurrency": 2, "End": True}
PARALLEL = {"Type": "Parallel", "Branches": [INNER], "Next": "After"}


def test_a_map_state_is_mocked(local_aws: RunningLocalAws) -> None:
    state_input = {"items": [1, 2]}
    assert run(local_aws, MAP, state_input, mock={"result": "[3, 4]"}) == {"status": "SUCCEEDED", "output": "[3,4]"}
    data = inspected(local_aws, MAP, state_input, mock={"result": "[3, 4]"})
    assert (data["afterItemsPath"], data["maxConcurrency"], data["result"]) == ([1, 2], 2, [3, 4])


def test_a_map_state_fails_with_more_failures_than_are_tolerated(local_aws: RunningLocalAws) -> None:
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **INNER}
    state = {**MAP, "ItemProcessor": processor, "ToleratedFailureCount": 1}
    more = {"mock": {"result": "[3, 4]"}}
    tolerated = run(local_aws, state, {"items": [1, 2]}, **more, stateConfiguration={"mapIterationFailureCount": 1})
    failed = run(local_aws, state, {"items": [1, 2]}, **more, stateConfiguration={"mapIterationFailureCount": 2})
    assert (tolerated["status"], failed["status"]) == ("SUCCEEDED", "FAILED")
    assert failed["error"] == "States.ExceedToleratedFailureThreshold"


def test_a_parallel_state_is_mocked(local_aws: RunningLocalAws) -> None:
    mocked = run(local_aws, PARALLEL, mock={"result": "[1]"})
    assert mocked == {"status": "SUCCEEDED", "output": "[1]", "nextState": "After"}
    configuration = {"errorCausedByState": "Inner"}
    failed = run(local_aws, {**PARALLEL, "Catch": CATCH}, mock=BUSY, stateConfiguration=configuration)
    assert (failed["status"], failed["nextState"]) == ("CAUGHT_ERROR", "Caught")


def test_a_state_of_a_machine_is_tested(local_aws: RunningLocalAws) -> None:
    machine = {
        "QueryLanguage": "JSONata",
        "StartAt": "Both",
        "States": {
            "Both": {
                "Type": "Parallel",
                "Branches": [
                    {
                        "StartAt": "In",
                        "States": {
                            "In": {"Type": "Pass", "Output": "{% 1 + 1 %}", "Next": "End"},
                            "End": {"Type": "Succeed"},
                        },
                    }
                ],
                "End": True,
            }
        },
    }
    assert run(local_aws, machine, stateName="In") == {"status": "SUCCEEDED", "output": "2", "nextState": "End"}


def test_a_context_is_given(local_aws: RunningLocalAws) -> None:
    task = {**CALL, "Parameters": {"FunctionName.$": "$$.Execution.Name"}, "End": True}
    data = inspected(local_aws, task, mock={"result": "1"}, context='{"Execution": {"Name": "mine"}}')
    assert data["afterParameters"] == {"FunctionName": "mine"}


@pytest.mark.parametrize(
    ("definition", "more", "message"),
    [
        ({"Type": "Pass"}, {}, "InvalidDefinition.*SCHEMA_VALIDATION_FAILED"),
        ([], {}, "InvalidDefinition"),
        (
            PASS,
            {"mock": {"result": "1"}},
            "ValidationException.*A mock must be for a Task, Map or Parallel state, got Pass",
        ),
        (PASS, {"context": "{}"}, "ValidationException.*A context needs a mock"),
        (SYNC, {"roleArn": ROLE}, "ValidationException.*createProcessingJob.sync needs a mock"),
        (PARALLEL, {"roleArn": ROLE}, "ValidationException.*The test of a Parallel state needs a mock"),
        (PARALLEL, {"mock": {"result": "1"}}, "ValidationException.*must be an array, got '1'"),
        (PARALLEL, {"mock": BUSY, "stateConfiguration": {"errorCausedByState": "X"}}, "ValidationException.*got 'X'"),
        ({**CALL, "End": True}, {}, "ValidationException.*needs a roleArn, or a mock"),
        ({**CALL, "End": True}, {"mock": {}}, "ValidationException.*either a result or an errorOutput"),
        ({**CALL, "End": True}, {"mock": {"result": "no"}}, "ValidationException.*must be JSON, got 'no'"),
        (INNER, {"stateName": "X"}, "ValidationException.*must have the state of stateName, got 'X'"),
        (PASS, {"variables": "no"}, "ValidationException.*variables must be JSON"),
    ],
)
def test_a_request_that_is_refused(
    local_aws: RunningLocalAws, definition: object, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        run(local_aws, definition, **more)
