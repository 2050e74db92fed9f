"""Tasks that call other services than SageMaker, with the parameters that state machines give them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

HANDLER = """
import boto3, json
def handler(event, context):
    if isinstance(event, dict) and "token" in event:
        boto3.client("stepfunctions").send_task_success(taskToken=event["token"], output=json.dumps(event["answer"]))
    return event
"""
INPUT = {"text": "ä", "number": 2, "list": [1], "key": "k"}


def task(resource: str, parameters: object, **more: Any) -> dict[str, Any]:
    return {
        "Call": {
            "Type": "Task",
            "Resource": f"arn:aws:states:::{resource}",
            "Parameters": parameters,
            "End": True,
            **more,
        }
    }


def output(local_aws: RunningLocalAws, states: dict[str, Any], **more: Any) -> Any:  # noqa: ANN401
    execution = local_aws.wait_for_execution(local_aws.execute(states, INPUT, **more))
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    return json.loads(execution["output"])


def failure(local_aws: RunningLocalAws, states: dict[str, Any], **more: Any) -> tuple[str, str]:
    execution = local_aws.wait_for_execution(local_aws.execute(states, INPUT, **more))
    return execution["error"], execution["cause"]


@pytest.fixture(scope="module")
def function(local_aws: RunningLocalAws) -> Iterator[str]:
    """Create a function that returns its event, and reports it if there is a token."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", HANDLER)
    client = local_aws.client("lambda")
    arn = client.create_function(
        FunctionName=local_aws.name(),
        Runtime="python3.12",
        Handler="index.handler",
        Role="arn:aws:iam::000000000000:role/function",
        Code={"ZipFile": code.getvalue()},
        Timeout=30,
    )["FunctionArn"]
    yield arn
    client.delete_function(FunctionName=arn)


@pytest.fixture(scope="module")
def table(local_aws: RunningLocalAws) -> Iterator[str]:
    client, name = local_aws.client("dynamodb"), local_aws.name()
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield name
    client.delete_table(TableName=name)


@pytest.mark.parametrize(
    ("payload", "received"),
    [
        ({"Payload.$": "$"}, INPUT),
        ({"Payload.$": "$.list"}, [1]),
        ({"Payload.$": "$.number"}, 2),
        ({"Payload.$": "$.text"}, "ä"),
        ({"Payload": {"a.$": "$.text", "b": [None, 1.5]}}, {"a": "ä", "b": [None, 1.5]}),
        ({}, {}),
    ],
    ids=["input", "list", "number", "text", "object", "none"],
)
def test_a_function_receives_the_payload(
    local_aws: RunningLocalAws, function: str, payload: dict[str, Any], received: object
) -> None:
    result = output(local_aws, task("lambda:invoke", {"FunctionName": function, **payload}))
    assert (result["Payload"], result["StatusCode"]) == (received, 200)


def test_a_function_is_invoked_by_jsonata(local_aws: RunningLocalAws, function: str) -> None:
    states = task("lambda:invoke", None)
    del states["Call"]["Parameters"]
    states["Call"]["Arguments"] = {"FunctionName": function, "Payload": "{% $states.input %}"}
    states["Call"]["Output"] = "{% $states.result.Payload.key %}"
    assert output(local_aws, states, QueryLanguage="JSONata") == "k"


def test_a_function_answers_with_a_task_token(local_aws: RunningLocalAws, function: str) -> None:
    parameters = {"FunctionName": function, "Payload": {"token.$": "$$.Task.Token", "answer.$": "$.list"}}
    assert output(local_aws, task("lambda:invoke.waitForTaskToken", parameters)) == [1]


def test_a_function_that_does_not_exist(local_aws: RunningLocalAws) -> None:
    error, _ = failure(local_aws, task("lambda:invoke", {"FunctionName": "gone", "Payload.$": "$"}))
    assert error == "Lambda.ResourceNotFoundException"


def test_messages_and_events(local_aws: RunningLocalAws) -> None:
    sqs, sns, events = (local_aws.client(name) for name in ("sqs", "sns", "events"))
    queue = sqs.create_queue(QueueName=local_aws.name())["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name=local_aws.name())["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    bus = local_aws.name()
    events.create_event_bus(Name=bus)
    events.put_rule(Name=bus, EventBusName=bus, EventPattern=json.dumps({"source": ["test"]}))
    events.put_targets(Rule=bus, EventBusName=bus, Targets=[{"Id": "1", "Arn": arn, "InputPath": "$.detail"}])

    entry = {"Detail.$": "$", "DetailType": "t", "Source": "test", "EventBusName": bus}
    sent = [
        output(local_aws, task("sqs:sendMessage", {"QueueUrl": queue, "MessageBody.$": "$"})),
        output(local_aws, task("sns:publish", {"TopicArn": topic, "Message.$": "$"})),
        output(local_aws, task("events:putEvents", {"Entries": [entry]})),
    ]
    assert "MessageId" in sent[0]
    assert "MessageId" in sent[1]
    assert sent[2]["FailedEntryCount"] == 0

    bodies: list[Any] = []

    def receive() -> list[Any]:
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", ())
        bodies.extend(json.loads(message["Body"]) for message in messages)
        return bodies

    local_aws.until(receive, lambda received: len(received) == len(sent))
    # Step Functions adds members to the detail of an event.
    assert [{name: body[name] for name in INPUT} for body in bodies] == [INPUT] * len(sent)


def test_items_of_a_table(local_aws: RunningLocalAws, table: str) -> None:
    key = {"id": {"S.$": "$.key"}}
    item = {**key, "n": {"N": "1"}, "yes": {"BOOL": True}, "nothing": {"NULL": True}, "list": {"L": [{"S": "a"}]}}
    assert output(local_aws, task("dynamodb:putItem", {"TableName": table, "Item": item}))["SdkHttpMetadata"]
    read = output(local_aws, task("dynamodb:getItem", {"TableName": table, "Key": key}))["Item"]
    assert (read["id"], read["n"]) == ({"S": "k"}, {"N": "1"})
    # Members have the names of the SDK for Java, in which NULL cannot be one.
    read = output(local_aws, task("aws-sdk:dynamodb:getItem", {"TableName": table, "Key": key}))["Item"]
    assert read["nothing"] == {"Nul": True}
    assert read["yes"] == {"Bool": True}
    assert read["list"] == {"L": [{"S": "a"}]}
    update = {
        "TableName": table,
        "Key": key,
        "UpdateExpression": "SET n = n + :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
        "ReturnValues": "ALL_NEW",
    }
    assert output(local_aws, task("dynamodb:updateItem", update))["Attributes"]["n"] == {"N": "2"}
    condition = {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(id)"}
    error, _ = failure(local_aws, task("dynamodb:putItem", condition))
    assert error == "DynamoDB.ConditionalCheckFailedException"
    output(local_aws, task("dynamodb:deleteItem", {"TableName": table, "Key": key}))
    assert "Item" not in output(local_aws, task("dynamodb:getItem", {"TableName": table, "Key": key}))


@pytest.mark.parametrize(
    ("resource", "parameters", "error"),
    [
        ("aws-sdk:s3:getObject", {"Bucket": "data", "Key": "gone"}, "S3.NoSuchKeyException"),
        ("aws-sdk:rds:describeDBClusters", {"DbClusterIdentifier": "gone"}, "Rds.DbClusterNotFoundException"),
        ("aws-sdk:sqs:getQueueUrl", {"QueueName": "gone"}, "Sqs.QueueDoesNotExistException"),
    ],
)
def test_errors_have_the_names_of_the_sdk_for_java(
    local_aws: RunningLocalAws, resource: str, parameters: dict[str, str], error: str
) -> None:
    assert failure(local_aws, task(resource, parameters))[0] == error


def test_a_function_is_invoked_by_the_integration_of_the_sdk(local_aws: RunningLocalAws, function: str) -> None:
    result = output(local_aws, task("aws-sdk:lambda:invoke", {"FunctionName": function, "Payload": {"a": 1}}))
    assert result["Payload"] == '{"a": 1}'


def test_base64_without_padding_is_decoded(local_aws: RunningLocalAws) -> None:
    states = {"Decode": {"Type": "Pass", "Parameters": {"a.$": "States.Base64Decode('aGVsbG8')"}, "End": True}}
    assert output(local_aws, states) == {"a": "hello"}
