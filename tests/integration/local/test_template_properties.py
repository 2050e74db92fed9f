"""Properties of templates that ministack ignores and the local AWS applies: of functions and of tables."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.helpers.local_aws import RunningLocalAws


def deploy(aws: RunningLocalAws, stack: str, kind: str, verb: str, **properties: Any) -> str:
    """Create or update a stack with one resource; return its physical id."""
    formation = aws.client("cloudformation")
    template = json.dumps({"Resources": {"One": {"Type": kind, "Properties": properties}}})
    getattr(formation, f"{verb}_stack")(StackName=stack, TemplateBody=template)
    formation.get_waiter(f"stack_{verb}_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    (resource,) = formation.describe_stack_resources(StackName=stack)["StackResources"]
    return str(resource["PhysicalResourceId"])


@pytest.mark.parametrize("kind", ["AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"])
def test_a_table_has_the_time_to_live_of_its_template(local_aws: RunningLocalAws, kind: str) -> None:
    stack = f"time-to-live-{kind.rpartition('::')[2]}"
    table: dict[str, Any] = {
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    if kind.endswith("GlobalTable"):
        table["Replicas"] = [{"Region": "us-east-1"}]

    def time_to_live(name: str) -> dict[str, Any]:
        found: dict[str, Any] = local_aws.client("dynamodb").describe_time_to_live(TableName=name)
        return dict(found["TimeToLiveDescription"])

    name = deploy(
        local_aws, stack, kind, "create", **table, TimeToLiveSpecification={"AttributeName": "a", "Enabled": True}
    )
    assert time_to_live(name) == {"TimeToLiveStatus": "ENABLED", "AttributeName": "a"}
    local_aws.client("dynamodb").put_item(TableName=name, Item={"id": {"S": "kept"}})
    assert deploy(local_aws, stack, kind, "update", **table) == name
    assert time_to_live(name)["TimeToLiveStatus"] == "DISABLED"
    # A template writes values as text, too.
    deploy(local_aws, stack, kind, "update", **table, TimeToLiveSpecification={"AttributeName": "b", "Enabled": "true"})
    assert time_to_live(name) == {"TimeToLiveStatus": "ENABLED", "AttributeName": "b"}
    assert local_aws.client("dynamodb").scan(TableName=name)["Count"] == 1


def test_a_function_has_the_network_the_key_and_the_concurrency_of_its_template(local_aws: RunningLocalAws) -> None:
    functions = local_aws.client("lambda")
    function: dict[str, Any] = {
        "Code": {"ZipFile": "def handler(event, context): pass"},
        "Handler": "index.handler",
        "Role": "arn:aws:iam::000000000000:role/function",
        "Runtime": "python3.12",
    }
    key = "arn:aws:kms:us-east-1:000000000000:key/one"
    network = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    kind, stack = "AWS::Lambda::Function", "function-properties"
    name = deploy(
        local_aws,
        stack,
        kind,
        "create",
        **function,
        KmsKeyArn=key,
        VpcConfig=network,
        ReservedConcurrentExecutions=0,
    )
    configuration = functions.get_function_configuration(FunctionName=name)
    assert configuration["KMSKeyArn"] == key
    assert {part: configuration["VpcConfig"][part] for part in network} == network
    assert functions.get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"] == 0
    with pytest.raises(ClientError, match="TooManyRequestsException"):
        functions.invoke(FunctionName=name)
    deploy(local_aws, stack, kind, "update", **function)
    configuration = functions.get_function_configuration(FunctionName=name)
    assert configuration.get("KMSKeyArn", "") == ""
    assert configuration["VpcConfig"]["SubnetIds"] == []
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(FunctionName=name)
