"""The template of the trigger: batches, limits and failures."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import App, CfnParameter, Duration, RemovalPolicy, Stack, Token
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import ConflictingValuesError, GroupBy, InvalidProcessingJobError, S3Trigger
from tests.helpers.stacks import assert_snapshot, resources, stack, statements, template

DYNAMODB = "['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem']"


def trigger(scope: Any, **arguments: Any) -> S3Trigger:  # noqa: ANN401
    machine = sfn.StateMachine(
        scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(sfn.Pass(scope, "Pass"))
    )
    buckets = {name: s3.Bucket(scope, name) for name in ("In", "Out") if name == "Out" or "bucket" not in arguments}
    return S3Trigger(
        scope,
        "Trigger",
        **{"bucket": buckets.get("In"), "state_machine": machine, "manifest_bucket": buckets["Out"], **arguments},
    )


def settings(scope: Any, function: str) -> str:  # noqa: ANN401
    """Return the settings of a function, with angle brackets for references."""
    (found,) = [
        properties["Properties"]["Environment"]["Variables"]["SETTINGS"]
        for name, properties in resources(scope, "AWS::Lambda::Function").items()
        if name.startswith(function)
    ]
    return "".join(part if isinstance(part, str) else "<...>" for part in found["Fn::Join"][1])


def actions(scope: Any, role: str) -> dict[str, str]:  # noqa: ANN401
    return {str(statement["Action"]): str(statement["Resource"]) for statement in statements(scope, role)}


def test_maximal_snapshot() -> None:
    scope = stack()
    topic = sns.Topic(scope, "Topic", master_key=kms.Key(scope, "Key"))
    s3_trigger = trigger(
        scope,
        prefixes=["in/"],
        batch_size=1000,
        batch_window=Duration.minutes(10),
        group_by=GroupBy(folders=1),
        max_concurrent_jobs=4,
        max_replays=20,
        failure_topic=topic,
        pipeline_name="wine",
        removal_policy=RemovalPolicy.DESTROY,
    )
    s3_trigger.on_failure("Failed")
    assert_snapshot("s3_trigger_maximal", template(scope))


def test_without_batches_and_limit_there_is_no_table() -> None:
    scope = stack()
    s3_trigger = trigger(scope)
    assert s3_trigger.ledger is None
    assert not resources(scope, "AWS::DynamoDB::GlobalTable")
    assert len(resources(scope, "AWS::Lambda::Function")) == 1


@pytest.mark.parametrize("arguments", [{"batch_size": 2}, {"max_concurrent_jobs": 1}])
def test_the_table_is_retained_and_can_be_restored(arguments: dict[str, int]) -> None:
    scope = stack()
    trigger(scope, **arguments)
    (table,) = resources(scope, "AWS::DynamoDB::GlobalTable").values()
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert table["Properties"]["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    (replica,) = table["Properties"]["Replicas"]
    assert replica["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    for queue in resources(scope, "AWS::SQS::Queue").values():
        assert queue["DeletionPolicy"] == "Retain"


def test_the_functions_for_batches_have_the_permissions_that_they_need_and_no_more() -> None:
    scope = stack()
    trigger(scope, prefixes=["in/"], batch_size=10)
    common = {
        "['logs:CreateLogStream', 'logs:PutLogEvents']",
        "['xray:PutTraceSegments', 'xray:PutTelemetryRecords']",
        "states:GetExecutionHistory",
        "sqs:SendMessage",
        "events:PutEvents",
        DYNAMODB,
    }
    queue = (
        "['sqs:ReceiveMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueUrl', 'sqs:DeleteMessage', "
        "'sqs:GetQueueAttributes']"
    )
    assert set(actions(scope, "TriggerFunctionRole")) == common | {queue, "lambda:InvokeFunction"}
    dispatcher = actions(scope, "TriggerLedgerDispatcherRole")
    assert set(dispatcher) == common | {
        "states:StartExecution",
        "states:DescribeExecution",
        "s3:PutObject",
        "s3:GetObject",
        "s3:ListBucket",
    }
    assert dispatcher["s3:GetObject"].endswith("/in/*")
    assert dispatcher["s3:PutObject"].endswith("/manifests/*")


def test_the_dispatcher_may_combine_encrypted_manifests() -> None:
    scope = stack()
    trigger(scope, batch_size=10, manifest_bucket=s3.Bucket(scope, "Safe", encryption_key=kms.Key(scope, "Key")))
    (kms_actions,) = [action for action in actions(scope, "TriggerLedgerDispatcherRole") if "kms:" in action]
    assert "kms:Decrypt" in kms_actions
    assert "kms:GenerateDataKey" in kms_actions


def test_the_size_of_deliveries_grows_with_that_of_batches() -> None:
    def mapping(**arguments: int) -> dict[str, Any]:
        scope = stack()
        trigger(scope, **arguments)
        (found,) = resources(scope, "AWS::Lambda::EventSourceMapping").values()
        return {name: found["Properties"].get(name) for name in ("BatchSize", "ScalingConfig")} | {
            "window": found["Properties"].get("MaximumBatchingWindowInSeconds")
        }

    assert mapping() == {"BatchSize": 10, "ScalingConfig": None, "window": None}
    assert mapping(max_concurrent_jobs=3) == {
        "BatchSize": 10,
        "ScalingConfig": {"MaximumConcurrency": 5},
        "window": None,
    }
    assert mapping(batch_size=500) == {"BatchSize": 1000, "ScalingConfig": {"MaximumConcurrency": 5}, "window": 5}


def test_the_configuration_of_the_functions() -> None:
    scope = stack()
    prefix = CfnParameter(scope, "Prefix").value_as_string
    trigger(scope, prefixes=[prefix], batch_size=7, group_by=GroupBy(pattern=r"day=(\d+)"), max_concurrent_jobs=2)
    configuration = json.loads(settings(scope, "TriggerFunction"))
    assert configuration == {
        "bucket": "<...>",
        "state_machine_arn": "<...>",
        "manifest_bucket": "<...>",
        "manifest_prefix": "manifests",
        "pipeline": "Stack/Trigger",
        "dead_letter_queue": "<...>",
        "max_receives": 5,
        "prefixes": ["<...>"],
        "batch_size": 7,
        "batch_window": 300,
        "max_replays": 50,
        "max_concurrent_jobs": 2,
        "group_by": {"pattern": r"day=(\d+)"},
        "table": "<...>",
        "dispatcher": "<...>",
    }
    del configuration["dispatcher"]
    assert json.loads(settings(scope, "TriggerLedgerDispatcher")) == configuration


def test_every_queue_and_the_dispatcher_have_an_alarm() -> None:
    scope = stack()
    s3_trigger = trigger(scope, batch_size=2)
    assert len(s3_trigger.alarms) == len(resources(scope, "AWS::CloudWatch::Alarm")) == 3


def test_a_bucket_of_another_stack_causes_no_dependency_cycle() -> None:
    app = App()
    data, pipeline = Stack(app, "Data"), Stack(app, "Pipeline")
    trigger(pipeline, bucket=s3.Bucket(data, "Bucket"), batch_size=5)
    app.synth()
    (bucket,) = resources(data, "AWS::S3::Bucket").values()
    assert bucket["Properties"]["NotificationConfiguration"] == {
        "EventBridgeConfiguration": {"EventBridgeEnabled": True}
    }
    assert pipeline.dependencies == [data]
    assert data.dependencies == []


def test_an_imported_bucket_and_state_machine_are_accepted() -> None:
    scope = stack()
    arn = "arn:aws:states:us-west-2:111122223333:stateMachine:theirs"
    trigger(
        scope,
        bucket=s3.Bucket.from_bucket_name(scope, "Theirs", "their-bucket"),
        state_machine=sfn.StateMachine.from_state_machine_arn(scope, "Imported", arn),
        max_concurrent_jobs=1,
    )
    allowed = actions(scope, "TriggerLedgerDispatcherRole")
    assert allowed["states:StartExecution"] == arn
    assert allowed["states:DescribeExecution"].endswith(":execution:theirs:*")
    assert allowed["s3:ListBucket"].endswith(":s3:::their-bucket")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "batch_size must be a whole number from 1 to 100000, got 0"),
        ({"batch_size": 100_001}, "batch_size must be a whole number from 1 to 100000, got 100001"),
        ({"batch_size": True}, "batch_size must be a whole number"),
        ({"batch_size": "10"}, "batch_size must be a whole number from 1 to 100000, got '10'"),
        ({"batch_size": Token.as_number({"Ref": "Size"})}, "batch_size must be known at synth"),
        ({"max_concurrent_jobs": 0}, "max_concurrent_jobs must be a whole number from 1 to 1000, got 0"),
        ({"max_replays": -1}, "max_replays must be a whole number from 0 to 1000, got -1"),
        ({"batch_size": 2, "batch_window": 60}, "batch_window must be an aws_cdk.Duration, got 60"),
        ({"batch_size": 2, "batch_window": Duration.seconds(59)}, "batch_window must be from one minute"),
        ({"batch_size": 2, "batch_window": Duration.hours(25)}, "to one day, got '90000 seconds'"),
        ({"batch_size": 2, "group_by": "folder"}, "group_by must be a GroupBy, got 'folder'"),
        (
            {"prefixes": [f"{number}/" + "x" * 500 for number in range(9)]},
            "the settings of a function must have at most 4096 bytes",
        ),
    ],
)
def test_an_invalid_number_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidProcessingJobError) as caught:
        trigger(stack(), **arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize("arguments", [{"batch_window": Duration.minutes(2)}, {"group_by": GroupBy(folders=1)}])
def test_options_of_batches_without_batches_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(
        ConflictingValuesError, match=r"goes only with a batch_size above 1, got batch_size=1; pass a larger batch_size"
    ):
        trigger(stack(), **arguments)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GroupBy(folders=0), "folders must be a whole number from 1 to 20, got 0"),
        (lambda: GroupBy(folders=True), "folders must be a whole number"),
        (GroupBy, "GroupBy takes either folders or pattern"),
        (lambda: GroupBy(folders=1, pattern="(x)"), "GroupBy takes either folders or pattern"),
        (lambda: GroupBy(pattern="day="), "pattern must have a group in parentheses, got 'day='"),
        (lambda: GroupBy(pattern="(day"), "pattern must be a regular expression (missing ), "),
        (lambda: GroupBy(pattern="(" + "x" * 500 + ")"), "pattern must have at most 500 characters"),
        (lambda: GroupBy(pattern=5), "pattern must be a regular expression"),  # type: ignore[arg-type]
    ],
)
def test_an_invalid_group_is_refused(make: Any, message: str) -> None:  # noqa: ANN401
    with pytest.raises(InvalidProcessingJobError) as caught:
        make()
    assert message in str(caught.value)
