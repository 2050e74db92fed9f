"""The Step Functions interpreter: what was fixed in moto's, tested by executions.

The expectations are those of executions recorded in AWS, where a comment names no other source.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef

    from tests.helpers.local_aws import RunningLocalAws

HISTORY_OF_A_PASS = ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
PASS = {"Type": "Pass", "End": True}


def run(
    aws: RunningLocalAws, states: dict[str, Any], execution_input: object = None, **more: Any
) -> DescribeExecutionOutputTypeDef:
    return aws.wait_for_execution(aws.execute(states, execution_input, **more))


def output(aws: RunningLocalAws, states: dict[str, Any], execution_input: object = None, **more: Any) -> object:
    execution = run(aws, states, execution_input, **more)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    return json.loads(execution["output"])


def evaluated(aws: RunningLocalAws, path: str, execution_input: object) -> object:
    state = {"Type": "Pass", "Parameters": {"value.$": path}, "OutputPath": "$.value", "End": True}
    return output(aws, {"Pass": state}, execution_input)


def distributed(states: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Item",
        "States": states or {"Item": PASS},
    }
    return {"Map": {"Type": "Map", "ItemProcessor": processor, "End": True, **more}}


FAILS_FOR_3 = {
    "Item": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 3, "Next": "Bad"}], "Default": "Good"},
    "Bad": {"Type": "Fail", "Error": "Three"},
    "Good": PASS,
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$['a'][0]['n']", 1),
        ("$.a[-1].n", 3),
        ("$.a[0:2].n", [1, 2]),
        ("$.a[?(@.n > 1)].n", [2, 3]),
        ("$.a[?(@.n in [1, 3])].n", [1, 3]),
        ("$.a[?(@.n > 9)]", []),
        ("$.a.length()", 3),
        ("$..n", [1, 2, 3]),
        ("$.none[*].n", []),
    ],
)
def test_a_path(local_aws: RunningLocalAws, path: str, expected: object) -> None:
    assert evaluated(local_aws, path, {"a": [{"n": 1}, {"n": 2}, {"n": 3}]}) == expected


@pytest.mark.parametrize("path", ["$.none", "$.a[7]", "$.a.b"])
def test_a_path_to_nothing_fails_the_execution_and_cannot_be_caught(local_aws: RunningLocalAws, path: str) -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:listBuckets",
        "Parameters": {"Prefix.$": path},
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "After"}],
        "Next": "After",
    }
    arn = local_aws.execute({"Task": task, "After": PASS}, {"a": [1]})
    execution = local_aws.wait_for_execution(arn)
    assert (execution["status"], execution["error"]) == ("FAILED", "States.Runtime")
    assert f"The JSONPath '{path}' specified for the field 'Prefix.$' could not be found" in execution["cause"]
    types = [event["type"] for event in local_aws.history(arn)]
    assert types == ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (r"States.Format('it\'s {} of \{{}\} and \\{}', 'one', $.n, 3)", r"it's one of {2} and \3"),
        ("States.Array(1.5, null, true, $.n)", [1.5, None, True, 2]),
        ("States.StringToJson('{\"a\":[1]}')", {"a": [1]}),
    ],
)
def test_an_intrinsic_function(local_aws: RunningLocalAws, call: str, expected: object) -> None:
    assert evaluated(local_aws, call, {"n": 2}) == expected


def test_strings_of_a_definition_are_json(local_aws: RunningLocalAws) -> None:
    states = {
        "Set": {"Type": "Pass", "Assign": {"text": 'a "b" \\ é\n'}, "Next": "Read"},
        "Read": {"Type": "Pass", "Output": "{% $text = 'a \"b\" \\\\ é\\n' %}", "End": True},
    }
    assert output(local_aws, states, QueryLanguage="JSONata") is True


@pytest.mark.parametrize(
    ("expression", "cause"),
    [
        ("$states.input.none", "returned nothing (undefined)."),
        ("$sum", "returned an unsupported result type."),
        ("1 + 'a'", "threw an error during evaluation. T2002"),
    ],
)
def test_a_jsonata_expression_that_fails_is_a_query_evaluation_error(
    local_aws: RunningLocalAws, expression: str, cause: str
) -> None:
    arn = local_aws.execute(
        {"Pass": {"Type": "Pass", "Output": f"{{% {expression} %}}", "End": True}}, QueryLanguage="JSONata"
    )
    execution = local_aws.wait_for_execution(arn)
    assert execution["error"] == "States.QueryEvaluationError"
    assert cause in execution["cause"]
    assert [event["type"] for event in local_aws.history(arn)][-2:] == ["EvaluationFailed", "ExecutionFailed"]


def test_jsonata_binds_null_and_large_values(local_aws: RunningLocalAws) -> None:
    items = [{"n": number, "none": None} for number in range(3000)]
    expression = "{% {'sum': $sum($states.input.n), 'null': $states.input[0].none = null} %}"
    state = {"Type": "Pass", "Output": expression, "End": True}
    assert output(local_aws, {"Pass": state}, items, QueryLanguage="JSONata") == {"sum": 4498500, "null": True}


def test_a_branch_of_a_jsonata_state_has_the_query_language_of_the_machine(local_aws: RunningLocalAws) -> None:
    branch = {"StartAt": "In", "States": {"In": {"Type": "Pass", "Parameters": {"v.$": "$.n"}, "End": True}}}
    state = {
        "Type": "Parallel",
        "QueryLanguage": "JSONata",
        "Branches": [branch],
        "Output": "{% $states.result[0].v %}",
        "End": True,
    }
    assert output(local_aws, {"Both": state}, {"n": 5}) == 5


def test_a_failed_branch_stops_its_siblings_and_their_jobs(local_aws: RunningLocalAws) -> None:
    request = local_aws.request("import time; print('ready'); time.sleep(60)")
    job = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync",
        "Parameters": request,
        "End": True,
    }
    branches = [
        {"StartAt": "Job", "States": {"Job": job}},
        {
            "StartAt": "Soon",
            "States": {"Soon": {"Type": "Wait", "Seconds": 2, "Next": "Bad"}, "Bad": FAILS_FOR_3["Bad"]},
        },
    ]
    arn = local_aws.execute({"Both": {"Type": "Parallel", "Branches": branches, "End": True}})
    execution = local_aws.wait_for_execution(arn)
    assert (execution["status"], execution["error"]) == ("FAILED", "Three")
    assert local_aws.wait(request["ProcessingJobName"])["ProcessingJobStatus"] == "Stopped"
    assert [event["type"] for event in local_aws.history(arn)][-2:] == ["ParallelStateFailed", "ExecutionFailed"]


def test_a_failed_iteration_can_be_caught(local_aws: RunningLocalAws) -> None:
    states = {
        "Map": {
            "Type": "Map",
            "ItemProcessor": {"StartAt": "Item", "States": FAILS_FOR_3},
            "Catch": [{"ErrorEquals": ["Three"], "Next": "Caught"}],
            "End": True,
        },
        "Caught": {"Type": "Pass", "Parameters": {"error.$": "$.Error"}, "End": True},
    }
    assert output(local_aws, states, [1, 2, 3]) == {"error": "Three"}


@pytest.mark.parametrize("field", ["InputPath", "OutputPath", "ItemsPath", "Variable"])
def test_a_field_with_a_path_to_nothing_fails_the_execution(local_aws: RunningLocalAws, field: str) -> None:
    states: dict[str, dict[str, Any]] = {
        "InputPath": {"First": {"Type": "Pass", "InputPath": "$.none", "End": True}},
        "OutputPath": {"First": {"Type": "Pass", "OutputPath": "$.none", "End": True}},
        "ItemsPath": {
            "First": {
                "Type": "Map",
                "ItemsPath": "$.none",
                "ItemProcessor": {"StartAt": "Item", "States": {"Item": PASS}},
                "End": True,
            }
        },
        # Only IsPresent may ask for a path to nothing, also where a Default follows.
        "Variable": {
            "First": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.none", "NumericEquals": 1, "Next": "After"}],
                "Default": "After",
            },
            "After": PASS,
        },
    }
    execution = run(local_aws, states[field], {"a": 1})
    assert (execution["status"], execution.get("error")) == ("FAILED", "States.Runtime")


def test_only_the_rule_that_matches_assigns_and_makes_the_output(local_aws: RunningLocalAws) -> None:
    rule = {
        "Condition": "{% $states.input.n > 1 %}",
        "Assign": {"by": "{% 'rule' %}"},
        "Output": {"from": "rule"},
        "Next": "Last",
    }
    states = {
        "Choose": {
            "Type": "Choice",
            "Choices": [rule],
            "Assign": {"by": "state"},
            "Output": {"from": "state"},
            "Default": "Last",
        },
        "Last": {"Type": "Pass", "Output": "{% [$by, $states.input.from] %}", "End": True},
    }
    assert output(local_aws, states, {"n": 2}, QueryLanguage="JSONata") == ["rule", "rule"]
    assert output(local_aws, states, {"n": 1}, QueryLanguage="JSONata") == ["state", "state"]


def test_a_choice_without_a_match_and_a_default_fails(local_aws: RunningLocalAws) -> None:
    choice = {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "After"}]}
    execution = run(local_aws, {"Choose": choice, "After": PASS}, {"n": 2})
    assert execution["error"] == "States.NoChoiceMatched"


@pytest.mark.parametrize(("more", "status"), [(0, "SUCCEEDED"), (1, "FAILED")])
def test_a_payload_has_at_most_256_kib(local_aws: RunningLocalAws, more: int, status: str) -> None:
    state = {"Type": "Pass", "Parameters": {"a.$": "$", "bb.$": "$"}, "End": True}
    characters = (256 * 1024 - len('{"a":"","bb":""}')) // 2
    execution = run(local_aws, {"Pass": state}, "é" * (characters // 2) + "x" * more)
    assert execution["status"] == status
    assert status == "SUCCEEDED" or execution["error"] == "States.DataLimitExceeded"


def test_the_context_object(local_aws: RunningLocalAws) -> None:
    context = output(local_aws, {"Pass": {"Type": "Pass", "InputPath": "$$", "End": True}}, {"n": 1})
    assert isinstance(context, dict)
    assert context["Execution"]["RedriveCount"] == 0
    assert context["Execution"]["Input"] == {"n": 1}
    assert sorted(context["State"]) == ["EnteredTime", "Name"]


def test_an_action_of_any_service(local_aws: RunningLocalAws) -> None:
    local_aws.put("of/any", "text")
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:listObjectsV2",
        "Parameters": {"Bucket": local_aws.bucket, "Prefix": "of/"},
        "ResultSelector": {"keys.$": "$.Contents[*].Key", "tags.$": "$.Contents[0].ETag"},
        "End": True,
    }
    result = output(local_aws, {"List": task})
    assert isinstance(result, dict)
    assert result["keys"] == ["of/any"]


@pytest.mark.parametrize(
    ("resource", "parameters", "error"),
    [
        ("s3:getObject", {"Bucket": "data", "Key": "none"}, "S3.NoSuchKeyException"),
        ("sagemaker:describeProcessingJob", {"ProcessingJobName": "none"}, "SageMaker.SageMakerException"),
        ("dynamodb:describeTable", {"TableName": "none"}, "DynamoDb.ResourceNotFoundException"),
        (
            "sfn:describeExecution",
            {"ExecutionArn": "arn:aws:states:us-east-1:000000000000:execution:none:none"},
            "Sfn.ExecutionDoesNotExistException",
        ),
        ("cloudwatchlogs:deleteLogGroup", {"LogGroupName": "none"}, "CloudWatchLogs.ResourceNotFoundException"),
    ],
)
def test_errors_have_the_names_of_the_sdk_for_java(
    local_aws: RunningLocalAws, resource: str, parameters: dict[str, Any], error: str
) -> None:
    # See: https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
    task = {"Type": "Task", "Resource": f"arn:aws:states:::aws-sdk:{resource}", "Parameters": parameters, "End": True}
    execution = run(local_aws, {"Call": task})
    assert (execution["status"], execution["error"]) == ("FAILED", error)


@pytest.mark.parametrize("resource", ["aws-sdk:s3:nothing", "aws-sdk:nothing:listObjects", "aws-sdk:s3:ListBuckets"])
def test_an_unknown_action_fails(local_aws: RunningLocalAws, resource: str) -> None:
    try:
        execution = run(local_aws, {"Call": {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "End": True}})
    except ClientError as error:
        assert "InvalidDefinition" in str(error)  # noqa: PT017 - refused at creation, which is earlier still
        return
    assert execution["error"] == "States.Runtime"


def test_an_optimized_integration_returns_the_metadata_of_the_response(local_aws: RunningLocalAws) -> None:
    url = local_aws.client("sqs").create_queue(QueueName="engine")["QueueUrl"]
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": url, "MessageBody": {"n": 1}},
        "End": True,
    }
    result = output(local_aws, {"Send": task})
    assert isinstance(result, dict)
    assert {"MessageId", "MD5OfMessageBody", "SdkHttpMetadata", "SdkResponseMetadata"} <= set(result)
    assert result["SdkHttpMetadata"]["HttpStatusCode"] == 200


def test_items_are_batched(local_aws: RunningLocalAws) -> None:
    batcher = {"MaxItemsPerBatchPath": "$.size", "BatchInput": {"more.$": "$.more"}}
    states = distributed(ItemsPath="$.items", ItemBatcher=batcher)
    assert output(local_aws, states, {"items": [1, 2, 3], "size": 2, "more": "x"}) == [
        {"Items": [1, 2], "BatchInput": {"more": "x"}},
        {"Items": [3], "BatchInput": {"more": "x"}},
    ]


@pytest.mark.parametrize(
    ("tolerated", "status"),
    [
        ({}, "FAILED"),
        ({"ToleratedFailureCount": 1}, "SUCCEEDED"),
        ({"ToleratedFailurePercentage": 24}, "FAILED"),
        ({"ToleratedFailurePercentage": 25}, "SUCCEEDED"),
    ],
)
def test_failures_are_tolerated_as_stated(local_aws: RunningLocalAws, tolerated: dict[str, int], status: str) -> None:
    arn = local_aws.execute(distributed(FAILS_FOR_3, MaxConcurrency=1, **tolerated), [1, 2, 4, 3])
    execution = local_aws.wait_for_execution(arn)
    assert execution["status"] == status
    (listed,) = local_aws.states.list_map_runs(executionArn=arn)["mapRuns"]
    run_of_map = local_aws.states.describe_map_run(mapRunArn=listed["mapRunArn"])
    assert (run_of_map["status"], run_of_map["itemCounts"]["failed"]) == (status, 1)
    children = local_aws.states.list_executions(mapRunArn=listed["mapRunArn"])["executions"]
    assert sorted(child["status"] for child in children) == ["FAILED", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]
    if status == "FAILED":
        assert execution["error"] == "States.ExceedToleratedFailureThreshold"


def test_the_results_of_a_map_run_are_written(local_aws: RunningLocalAws) -> None:
    # See: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": local_aws.bucket, "Prefix": "out"}}
    result = output(local_aws, distributed(FAILS_FOR_3, ToleratedFailureCount=1, ResultWriter=writer), [1, 3])
    assert isinstance(result, dict)
    manifest = json.loads(local_aws.get(result["ResultWriterDetails"]["Key"]))
    files = {status: [entry["Key"] for entry in entries] for status, entries in manifest["ResultFiles"].items()}
    (succeeded,) = json.loads(local_aws.get(files["SUCCEEDED"][0]))
    (failed,) = json.loads(local_aws.get(files["FAILED"][0]))
    assert (succeeded["Output"], failed["Error"], files["PENDING"]) == ("1", "Three", [])


def test_the_log_group_of_a_machine_gets_the_events(local_aws: RunningLocalAws) -> None:
    local_aws.logs.create_log_group(logGroupName="/engine")
    group = "arn:aws:logs:us-east-1:000000000000:log-group:/engine:*"
    machine = local_aws.states.create_state_machine(
        name=local_aws.name(),
        roleArn=local_aws.role,
        definition=json.dumps({"StartAt": "Pass", "States": {"Pass": PASS}}),
        loggingConfiguration={
            "level": "ALL",
            "includeExecutionData": False,
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
        },
    )["stateMachineArn"]
    arn = local_aws.states.start_execution(stateMachineArn=machine)["executionArn"]
    local_aws.wait_for_execution(arn)

    def messages() -> list[dict[str, Any]]:
        events = local_aws.logs.filter_log_events(logGroupName="/engine")["events"]
        found = [json.loads(event["message"]) for event in events]
        return found if len(found) == len(HISTORY_OF_A_PASS) else []

    logged = local_aws.until(messages, bool)
    assert [message["type"] for message in logged] == HISTORY_OF_A_PASS
    assert {message["execution_arn"] for message in logged} == {arn}
    assert "input" not in logged[0]["details"]


def test_an_express_execution_answers_synchronously(local_aws: RunningLocalAws) -> None:
    machine = local_aws.states.create_state_machine(
        name=local_aws.name(),
        roleArn=local_aws.role,
        type="EXPRESS",
        definition=json.dumps({"StartAt": "Bad", "States": {"Bad": FAILS_FOR_3["Bad"]}}),
    )["stateMachineArn"]
    answer = local_aws.states.start_sync_execution(stateMachineArn=machine)
    assert (answer["status"], answer["error"]) == ("FAILED", "Three")


def test_fifty_executions_share_one_program(local_aws: RunningLocalAws) -> None:
    inner = {"StartAt": "Item", "States": {"Item": {"Type": "Pass", "Parameters": {"n.$": "$"}, "End": True}}}
    states = {"Map": {"Type": "Map", "ItemProcessor": inner, "Retry": [{"ErrorEquals": ["X"]}], "End": True}}
    machine = local_aws.machine(states)
    arns = [
        local_aws.states.start_execution(stateMachineArn=machine, input=json.dumps([number]))["executionArn"]
        for number in range(50)
    ]
    results = [json.loads(local_aws.wait_for_execution(arn)["output"]) for arn in arns]
    assert results == [[{"n": number}] for number in range(50)]


@pytest.mark.parametrize(
    "rule",
    [
        {"Variable": "$.a", "StringEqualsPath": "$$.Execution.Input.a"},
        {"Variable": "$.a", "StringMatches": "x*\\*"},
        {"Not": {"Variable": "$.a", "StringMatches": "x?y\\*"}},
    ],
)
def test_a_comparison(local_aws: RunningLocalAws, rule: dict[str, Any]) -> None:
    states = {
        "Choose": {"Type": "Choice", "Choices": [{**rule, "Next": "Yes"}], "Default": "No"},
        "Yes": {"Type": "Pass", "Result": True, "End": True},
        "No": {"Type": "Pass", "Result": False, "End": True},
    }
    assert output(local_aws, states, {"a": "x-y*"}) is True


@pytest.mark.parametrize(
    ("state", "error", "cause"),
    [
        ({"Result": 1, "ResultPath": "$.a"}, "States.ResultPathMatchFailure", "ResultPath '$.a' to the input [1]"),
        (
            {"Parameters": {"v.$": "States.StringToJson('{')"}},
            "States.IntrinsicFailure",
            "'States.StringToJson('{')' had",
        ),
    ],
    ids=["result-path", "intrinsic"],
)
def test_a_failure_has_the_documented_name(
    local_aws: RunningLocalAws, state: dict[str, Any], error: str, cause: str
) -> None:
    # See: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    execution = run(local_aws, {"Pass": {**PASS, **state}}, [1])
    assert execution["error"] == error
    assert cause in execution["cause"]


def test_items_that_are_no_array_are_named(local_aws: RunningLocalAws) -> None:
    state = {"Type": "Map", "ItemProcessor": {"StartAt": "Item", "States": {"Item": PASS}}, "End": True}
    execution = run(local_aws, {"Map": state}, {"a": 1})
    assert execution["error"] == "States.QueryEvaluationError"
    assert execution["cause"].endswith('Map state input must be an array but was: {"a":1}')


def test_a_secret_has_a_name_of_ascii_letters(local_aws: RunningLocalAws) -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:secretsmanager:createSecret",
        "Parameters": {"Name": "not valid", "SecretString": "x"},
        "End": True,
    }
    execution = run(local_aws, {"Create": task})
    assert execution["error"] == "SecretsManager.SecretsManagerException"
    assert execution["cause"].startswith("Invalid name. Must be a valid name containing alphanumeric characters")


def test_a_url_that_is_that_of_no_queue_is_a_host_that_does_not_exist(local_aws: RunningLocalAws) -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": "http://none", "MessageBody": "x"},
        "End": True,
    }
    execution = run(local_aws, {"Send": task})
    assert execution["error"] == "SQS.SdkClientException"
    assert execution["cause"] == "Unable to execute HTTP request: none: Name or service not known"
