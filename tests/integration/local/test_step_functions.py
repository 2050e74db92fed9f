"""The Step Functions integration, tested by executions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef

    from tests.helpers.local_aws import RunningLocalAws

SYNC = "arn:aws:states:::sagemaker:createProcessingJob.sync"
REQUEST_RESPONSE = "arn:aws:states:::sagemaker:createProcessingJob"
FAIL = "import sys; sys.exit(3)"
SLEEP = "import time; print('ready'); time.sleep(60)"
ALWAYS_RETRY = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 5, "BackoffRate": 1}]


def task(request: dict[str, Any], resource: str = SYNC, **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, "Parameters": request, "End": True, **more}


def run(local_aws: RunningLocalAws, state: dict[str, Any]) -> tuple[str, DescribeExecutionOutputTypeDef]:
    arn = local_aws.execute({"Process": state})
    return arn, local_aws.wait_for_execution(arn)


def test_sync_waits_and_returns_the_description_with_times_in_milliseconds(local_aws: RunningLocalAws) -> None:
    request = local_aws.request("print('fine')")
    _, execution = run(local_aws, task(request))
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    output = json.loads(execution["output"])
    job = local_aws.describe(request["ProcessingJobName"])
    assert output["ProcessingJobStatus"] == "Completed"
    assert output["ProcessingJobArn"] == job["ProcessingJobArn"]
    assert output["ProcessingResources"] == job["ProcessingResources"]
    for time in ("CreationTime", "ProcessingStartTime", "ProcessingEndTime", "LastModifiedTime"):
        assert isinstance(output[time], int)
        assert abs(output[time] - job[time].timestamp() * 1000) <= 1


def test_request_response_returns_immediately_with_the_arn(local_aws: RunningLocalAws) -> None:
    request = local_aws.request(SLEEP)
    _, execution = run(local_aws, task(request, REQUEST_RESPONSE))
    name = request["ProcessingJobName"]
    assert json.loads(execution["output"]) == {"ProcessingJobArn": local_aws.describe(name)["ProcessingJobArn"]}
    assert local_aws.describe(name)["ProcessingJobStatus"] == "InProgress"
    local_aws.sagemaker.stop_processing_job(ProcessingJobName=name)


@pytest.mark.parametrize(
    ("resource", "name"), [(SYNC, "createProcessingJob.sync"), (REQUEST_RESPONSE, "createProcessingJob")]
)
def test_the_history_names_the_submitted_job(local_aws: RunningLocalAws, resource: str, name: str) -> None:
    request = local_aws.request("")
    arn, _ = run(local_aws, task(request, resource))
    (submitted,) = [event for event in local_aws.history(arn) if event["type"] == "TaskSubmitted"]
    details = submitted["taskSubmittedEventDetails"]
    assert (details["resourceType"], details["resource"]) == ("sagemaker", name)
    assert json.loads(details["output"]) == {
        "ProcessingJobArn": local_aws.describe(request["ProcessingJobName"])["ProcessingJobArn"]
    }


def test_a_failed_job_fails_the_task_with_its_description_as_the_cause(local_aws: RunningLocalAws) -> None:
    _, execution = run(local_aws, task(local_aws.request(FAIL)))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(execution["cause"])
    assert cause["ProcessingJobStatus"] == "Failed"
    assert cause["FailureReason"].endswith("exit code: 3")


def test_a_stopped_job_fails_the_task(local_aws: RunningLocalAws) -> None:
    request = local_aws.request(SLEEP)
    arn = local_aws.execute({"Process": task(request)})
    local_aws.wait_for_log(request["ProcessingJobName"], "ready")
    local_aws.sagemaker.stop_processing_job(ProcessingJobName=request["ProcessingJobName"])
    execution = local_aws.wait_for_execution(arn)
    assert (execution["status"], execution["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(execution["cause"])["ProcessingJobStatus"] == "Stopped"


def test_an_invalid_request_is_an_amazon_sagemaker_exception(local_aws: RunningLocalAws) -> None:
    request = local_aws.request("")
    request["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"] = 0
    _, execution = run(local_aws, task(request))
    assert execution["error"] == "SageMaker.AmazonSageMakerException"
    assert execution["cause"].startswith(
        "1 validation error detected: Value '0' at 'processingResources.clusterConfig.volumeSizeInGB' failed to "
        "satisfy constraint: Member must have value greater than or equal to 1 (Service: AmazonSageMaker; "
        "Status Code: 400; Error Code: ValidationException; Request ID: "
    )


def test_a_name_in_use_is_a_resource_in_use_exception_that_can_be_caught(local_aws: RunningLocalAws) -> None:
    request = local_aws.request("")
    local_aws.wait(local_aws.create(request))
    caught = {"ErrorEquals": ["SageMaker.ResourceInUseException"], "Next": "Caught"}
    arn = local_aws.execute({"Process": task(request, Catch=[caught]), "Caught": {"Type": "Pass", "End": True}})
    execution = local_aws.wait_for_execution(arn)
    assert execution["status"] == "SUCCEEDED"
    assert "Error Code: ResourceInUse;" in json.loads(execution["output"])["Cause"]


@pytest.mark.parametrize("inside", ["Task", "Parallel", "Map"])
def test_stopping_the_execution_stops_the_job_and_is_final(local_aws: RunningLocalAws, inside: str) -> None:
    request = local_aws.request(SLEEP)
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "After"}]
    branch = {"StartAt": "Inner", "States": {"Inner": task(request, Retry=ALWAYS_RETRY)}}
    state: dict[str, Any] = {
        "Task": task(request),
        "Parallel": {"Type": "Parallel", "Branches": [branch]},
        "Map": {"Type": "Map", "ItemsPath": "$.items", "Iterator": branch},
    }[inside]
    state = {**state, "Retry": ALWAYS_RETRY, "Catch": catch, "Next": "After"}
    state.pop("End", None)
    arn = local_aws.execute({"Process": state, "After": {"Type": "Pass", "End": True}}, {"items": [1]})
    name = request["ProcessingJobName"]
    local_aws.wait_for_log(name, "ready")
    local_aws.states.stop_execution(executionArn=arn, error="Changed", cause="my mind")
    assert local_aws.wait(name)["ProcessingJobStatus"] == "Stopped"
    execution = local_aws.wait_for_execution(arn)
    assert (execution["status"], execution["error"]) == ("ABORTED", "Changed")
    assert local_aws.history(arn)[-1]["type"] == "ExecutionAborted"
    assert "After" not in json.dumps([event.get("stateEnteredEventDetails") for event in local_aws.history(arn)])


def test_a_timeout_of_the_task_stops_the_job(local_aws: RunningLocalAws) -> None:
    request = local_aws.request(SLEEP)
    _, execution = run(local_aws, task(request, TimeoutSeconds=1))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.Timeout")
    assert local_aws.wait(request["ProcessingJobName"])["ProcessingJobStatus"] == "Stopped"


def test_a_task_that_ends_in_time_is_not_affected_by_its_timeout(local_aws: RunningLocalAws) -> None:
    _, execution = run(local_aws, task(local_aws.request(""), TimeoutSeconds=30))
    assert execution["status"] == "SUCCEEDED"


def test_failures_of_other_states_are_unchanged(local_aws: RunningLocalAws) -> None:
    arn = local_aws.execute({"Fail": {"Type": "Fail", "Error": "Mine", "Cause": "because"}})
    execution = local_aws.wait_for_execution(arn)
    assert (execution["status"], execution["error"]) == ("FAILED", "Mine")


@pytest.mark.parametrize("top_level", [True, False], ids=["of-the-machine", "of-the-state"])
def test_a_jsonata_parallel_has_its_arguments_and_its_output(local_aws: RunningLocalAws, *, top_level: bool) -> None:
    branch = {"StartAt": "Inner", "States": {"Inner": {"Type": "Pass", "End": True}}}
    parallel = {
        "Type": "Parallel",
        "Arguments": {"n": "{% $states.input.n + 1 %}"},
        "Branches": [branch],
        "Output": {"was": "{% $states.input.n %}", "is": "{% $states.result[0].n %}"},
        "End": True,
    }
    machine: dict[str, Any] = {"StartAt": "Both", "States": {"Both": parallel}}
    (machine if top_level else parallel)["QueryLanguage"] = "JSONata"
    created = local_aws.states.create_state_machine(
        name=local_aws.name(), roleArn="arn:aws:iam::000000000000:role/machine", definition=json.dumps(machine)
    )
    started = local_aws.states.start_execution(stateMachineArn=created["stateMachineArn"], input='{"n": 1}')
    execution = local_aws.wait_for_execution(started["executionArn"])
    assert json.loads(execution["output"]) == {"was": 1, "is": 2}


@pytest.mark.parametrize(
    ("data_type", "status"), [("S3Prefix", "SUCCEEDED"), ("ManifestFile", "SUCCEEDED"), ("Prefix", "FAILED")]
)
def test_the_type_of_an_input_may_be_known_only_at_run_time(
    local_aws: RunningLocalAws, data_type: str, status: str
) -> None:
    uri = local_aws.put("resolved/a.csv", "x")
    if data_type == "ManifestFile":
        uri = local_aws.put("resolved-manifest", json.dumps([{"prefix": "s3://data/resolved/"}, "a.csv"]))
    request = local_aws.request("import os; os.stat('/opt/ml/processing/input/data/a.csv')")
    data = local_aws.input("data", "")
    for name in ("S3Uri", "S3DataType"):
        del data["S3Input"][name]
        data["S3Input"][f"{name}.$"] = f"$.{name}"
    request["ProcessingInputs"].append(data)
    arn = local_aws.execute({"Process": task(request)}, {"S3Uri": uri, "S3DataType": data_type})
    execution = local_aws.wait_for_execution(arn)
    assert execution["status"] == status, execution.get("cause")
    if status == "FAILED":
        assert "Member must satisfy enum value set: [ManifestFile, S3Prefix]" in execution["cause"]
