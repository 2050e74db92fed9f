"""The doctor: each defect is a problem with its cause, each missing permission is named, and nothing crashes."""

from __future__ import annotations

import copy
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from smproc.operations import Finding, Pipeline, examine

MACHINE = "arn:aws:states:us-east-1:111122223333:stateMachine:m"
QUEUES = {name: f"arn:aws:sqs:us-east-1:111122223333:{name}" for name in ("queue", "dead", "undelivered")}
RULES = "arn:aws:events:us-east-1:111122223333:rule"
KEY = "arn:aws:kms:us-east-1:111122223333:key/k"
OBJECTS = {"key": [{"prefix": "in/"}]}
PATTERN = {"source": ["aws.s3"], "detail": {"bucket": {"name": ["in"]}, "object": OBJECTS}}
ENDS = {"source": ["aws.states"], "detail": {"stateMachineArn": [MACHINE]}}
IMAGE = "111122223333.dkr.ecr.us-east-1.amazonaws.com/mine:1"
REQUEST: dict[str, Any] = {
    "RoleArn": "arn:aws:iam::111122223333:role/path/job",
    "AppSpecification": {"ImageUri": IMAGE},
    "ProcessingResources": {
        "ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2, "VolumeKmsKeyId": KEY}
    },
    "ProcessingInputs": [
        {"InputName": "code", "S3Input": {"S3Uri": "s3://out/code/x.py"}},
        {"InputName": "data", "S3Input": {"S3Uri.$": "$.s3_uri"}},
    ],
    "ProcessingOutputConfig": {"Outputs": [{"S3Output": {"S3Uri.$": "States.Format('s3://out/{}', $.x)"}}]},
    "NetworkConfig": {"VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}},
}
TASK = {"Type": "Task", "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync", "Parameters": REQUEST}


def trust(service: str, action: str = "sts:AssumeRole") -> dict[str, Any]:
    return {"Statement": {"Effect": "Allow", "Action": [action], "Principal": {"Service": service}}}


def policy(*rules: str) -> str:
    statements = [
        {
            "Effect": "Allow",
            "Action": "sqs:SendMessage",
            "Principal": {"Service": "events.amazonaws.com"},
            "Condition": {"ArnEquals": {"aws:SourceArn": f"{RULES}/{rule}"}},
        }
        for rule in rules
    ]
    return json.dumps({"Statement": statements})


def error(operation: str, code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class Aws:
    """Healthy answers to all requests, by service and operation, that a test may change."""

    def __init__(self) -> None:
        self.trusts = {"machine": trust("states.amazonaws.com"), "job": trust("sagemaker.amazonaws.com")}
        self.items = [self.summary(time.time())]
        self.answers: dict[str, Any] = {
            "s3.get_bucket_notification_configuration": {"EventBridgeConfiguration": {}},
            "s3.get_bucket_location": {},
            "s3.list_objects_v2": {"KeyCount": 1},
            "s3.head_bucket": {},
            "events.list_rule_names_by_target": lambda TargetArn: {  # noqa: N803 - boto3's
                "RuleNames": ["uploads", "ends"] if TargetArn == QUEUES["queue"] else ["minute"]
            },
            "events.describe_rule": lambda Name: self.rules[Name],  # noqa: N803
            "events.list_targets_by_rule": {"Targets": [{"Input": json.dumps({"rules": ["uploads"]})}]},
            "events.test_event_pattern": {"Result": True},
            "cloudformation.list_stack_resources": {
                "StackResourceSummaries": [
                    {"LogicalResourceId": "Rule", "PhysicalResourceId": "uploads", "ResourceType": "AWS::Events::Rule"}
                ]
            },
            "cloudformation.get_template": {
                "TemplateBody": {"Resources": {"Rule": {"Properties": {"EventPattern": PATTERN, "State": "ENABLED"}}}}
            },
            "sqs.get_queue_url": lambda QueueName, **_: {"QueueUrl": QueueName},  # noqa: N803
            "sqs.get_queue_attributes": {"Attributes": {"Policy": policy("uploads", "ends"), "KmsMasterKeyId": KEY}},
            "sqs.receive_message": {},
            "kms.describe_key": {"KeyMetadata": {"KeyState": "Enabled"}},
            "kms.get_key_policy": {"Policy": json.dumps(trust("events.amazonaws.com", "kms:*"))},
            "lambda.get_function_configuration": {
                "FunctionArn": "arn:f",
                "State": "Active",
                "LastUpdateStatus": "Successful",
            },
            "lambda.get_function_concurrency": {},
            "lambda.list_event_source_mappings": {"EventSourceMappings": [{"State": "Enabled", "UUID": "u"}]},
            "cloudwatch.get_metric_data": {"MetricDataResults": [{"Id": "m0", "Values": []}]},
            "dynamodb.describe_table": {"Table": {"TableStatus": "ACTIVE", "SSEDescription": {"KMSMasterKeyArn": KEY}}},
            "dynamodb.batch_get_item": lambda **_: {"Responses": {"ledger": self.items}},
            "stepfunctions.describe_state_machine": lambda **_: {
                "status": "ACTIVE",
                "roleArn": "arn:aws:iam::111122223333:role/machine",
                "definition": json.dumps(self.definition),
            },
            "iam.get_role": lambda RoleName: {"Role": {"AssumeRolePolicyDocument": self.trusts[RoleName]}},  # noqa: N803
            "ecr.describe_images": {},
            "ec2.describe_subnets": {},
            "ec2.describe_security_groups": {},
            "service-quotas.list_service_quotas": {
                "Quotas": [{"QuotaName": "ml.m5.xlarge for processing job usage", "Value": 4.0, "QuotaCode": "L-1"}]
            },
        }
        self.rules: dict[str, dict[str, Any]] = {
            "uploads": {"Name": "uploads", "State": "ENABLED", "EventPattern": json.dumps(PATTERN)},
            "ends": {"Name": "ends", "State": "ENABLED", "EventPattern": json.dumps(ENDS)},
            "minute": {"Name": "minute", "State": "ENABLED", "ScheduleExpression": "rate(1 minute)"},
        }
        self.definition: dict[str, Any] = {"States": {"Split": copy.deepcopy(TASK)}}
        self.calls: Counter[str] = Counter()
        self._threads: set[int] = set()
        self._making = threading.Lock()

    @staticmethod
    def summary(at: float, **numbers: int) -> dict[str, Any]:
        key = {"pk": {"S": "summary"}, "sk": {"S": "minute"}}
        return {**key, "at": {"N": str(int(at))}, **{name: {"N": str(value)} for name, value in numbers.items()}}

    def client(self, service: str) -> Any:  # noqa: ANN401 - as boto3's
        assert self._making.acquire(blocking=False), "a session makes one client at a time"
        try:
            operations = {name.partition(".")[2]: name for name in self.answers if name.startswith(f"{service}.")}
            methods = {operation: self._method(name) for operation, name in operations.items()}
            return SimpleNamespace(**methods, get_paginator=lambda operation: self._paginator(methods[operation]))
        finally:
            self._making.release()

    def refuse(self, operation: str, code: str, message: str = "no") -> None:
        """Refuse an operation."""

        def raise_error(**_: object) -> None:
            raise error("".join(part.title() for part in operation.partition(".")[2].split("_")), code, message)

        assert operation in self.answers
        self.answers[operation] = raise_error

    def _method(self, name: str) -> Callable[..., Any]:
        def method(**parameters: Any) -> Any:  # noqa: ANN401
            self.calls[name] += 1
            answer = self.answers[name]
            return answer(**parameters) if callable(answer) else answer

        return method

    @staticmethod
    def _paginator(method: Callable[..., Any]) -> Any:  # noqa: ANN401
        """Return a paginator with a page for each item."""

        def paginate(**parameters: Any) -> Any:  # noqa: ANN401
            ((name, values),) = method(**parameters).items()
            return [{name: [value]} for value in values]

        return SimpleNamespace(paginate=paginate)


@pytest.fixture
def aws() -> Aws:
    return Aws()


def examined(aws: Aws, key: str = "") -> list[Finding]:
    session: Any = aws
    pipeline = Pipeline(
        session=session,
        name="Stack/Pipeline",
        stack="Stack",
        state_machine_arn=MACHINE,
        bucket="in",
        table="ledger",
        dispatcher="dispatcher",
        intake="intake",
        queue_arn=QUEUES["queue"],
        dead_letter_queue_arn=QUEUES["dead"],
        undelivered_queue_arn=QUEUES["undelivered"],
    )
    return examine(pipeline, key=key)


def problems(aws: Aws, key: str = "") -> list[str]:
    found = [one for one in examined(aws, key) if one.state != "ok"]
    assert all(one.advice for one in found)
    return [f"{one.check} {one.subject}: {one.text}" for one in found]


def test_nothing_is_wrong_with_a_healthy_pipeline(aws: Aws) -> None:
    found = examined(aws, "in/a.csv")

    assert {one.state for one in found} == {"ok"}
    assert {one.check for one in found} >= {
        *("bucket", "rule", "key", "queue", "function", "event source", "metrics", "minute", "dispatcher", "table"),
        *(
            "dead letter",
            "state machine",
            "state machine role",
            "job role",
            "image",
            "input",
            "output",
            "network",
            "quota",
        ),
    }


def test_no_request_is_made_twice(aws: Aws) -> None:
    examined(aws, "in/a.csv")
    several = {
        "events.list_rule_names_by_target": 2,
        "events.describe_rule": 3,
        "sqs.get_queue_url": 5,  # who reads dead letters asks for their queues
        "sqs.receive_message": 2,
        "sqs.get_queue_attributes": 3,
        "lambda.get_function_configuration": 2,
        "lambda.get_function_concurrency": 2,
        "iam.get_role": 2,
    }
    assert {name: count for name, count in aws.calls.items() if count > 1} == several


@pytest.mark.parametrize("operation", sorted(Aws().answers))
def test_a_missing_permission_is_unknown_and_named(aws: Aws, operation: str) -> None:
    action = f"{operation.partition('.')[0]}:Action"
    aws.refuse(operation, "AccessDeniedException", f"User: me is not authorized to perform: {action} on resource: r")
    found = examined(aws, "in/a.csv")

    assert {one.state for one in found if one.state != "ok"} == {"unknown"}
    assert {one.text for one in found if one.state == "unknown"} == {f"needs {action}"}


def test_a_denial_without_text_names_the_action(aws: Aws) -> None:
    aws.refuse("s3.head_bucket", "403", "Forbidden")
    assert problems(aws) == ["output out: needs s3:ListBucket"]


@pytest.mark.parametrize("operation", sorted(Aws().answers))
def test_no_other_error_crashes(aws: Aws, operation: str) -> None:
    aws.refuse(operation, "SomethingElse")
    examined(aws, "in/a.csv")


def off(aws: Aws, name: str) -> None:
    aws.rules[name]["State"] = "DISABLED"


DEFECTS: list[tuple[Callable[[Aws], object], str]] = [
    (
        lambda aws: aws.answers.update({"s3.get_bucket_notification_configuration": {}}),
        "bucket in: its notifications to EventBridge are off",
    ),
    (
        lambda aws: aws.refuse("s3.get_bucket_notification_configuration", "NoSuchBucket"),
        "bucket in: the bucket cannot be read: NoSuchBucket",
    ),
    (
        lambda aws: aws.answers.update({"s3.get_bucket_location": {"LocationConstraint": "EU"}}),
        "bucket in: it is in eu-west-1, and the pipeline in us-east-1",
    ),
    (lambda aws: off(aws, "uploads"), "rule uploads: the rule is DISABLED"),
    (lambda aws: off(aws, "ends"), "rule ends: the rule is DISABLED"),
    (
        lambda aws: aws.rules["uploads"].update(
            EventPattern=json.dumps({**PATTERN, "detail": {"object": {"key": [{"prefix": "x/"}]}}})
        ),
        "rule uploads: its pattern has changed",
    ),
    (
        lambda aws: aws.answers.update(
            {
                "events.list_targets_by_rule": {"Targets": [{"Input": '{"rules": ["uploads", "gone"]}'}]},
                "events.describe_rule": aws_without_gone(aws),
            }
        ),
        "rule gone: the rule does not exist",
    ),
    (lambda aws: off(aws, "minute"), "minute minute: the rule of every minute is DISABLED"),
    (
        lambda aws: aws.rules["minute"].pop("ScheduleExpression"),
        "minute dispatcher: no rule invokes the dispatcher every minute",
    ),
    (
        lambda aws: aws.answers.update({"sqs.get_queue_attributes": {"Attributes": {"Policy": policy("uploads")}}}),
        "queue queue: its policy does not let EventBridge send for the rule ends",
    ),
    (
        lambda aws: aws.answers.update({"sqs.get_queue_attributes": {"Attributes": {}}}),
        "queue undelivered: its policy does not let EventBridge send for the rule uploads, ends",
    ),
    (
        lambda aws: aws.refuse("sqs.get_queue_url", "AWS.SimpleQueueService.NonExistentQueue"),
        "queue dead: the queue does not exist",
    ),
    (
        lambda aws: aws.answers.update({"kms.get_key_policy": {"Policy": "{}"}}),
        f"key {KEY}: its policy does not let EventBridge encrypt messages for queue: kms:GenerateDataKey",
    ),
    (
        lambda aws: aws.answers.update(
            {
                "kms.describe_key": {
                    "KeyMetadata": {"KeyState": "PendingDeletion", "DeletionDate": datetime(2026, 12, 1, tzinfo=UTC)}
                }
            }
        ),
        f"key {KEY}: the key of the table ledger is PendingDeletion, to be deleted on 2026-12-01",
    ),
    (
        lambda aws: aws.refuse("kms.describe_key", "NotFoundException"),
        f"key {KEY}: the key of the jobs of Split does not exist",
    ),
    (
        lambda aws: aws.answers.update({"lambda.get_function_concurrency": {"ReservedConcurrentExecutions": 0}}),
        "function intake: its reserved concurrency is 0",
    ),
    (
        lambda aws: aws.answers["lambda.get_function_configuration"].update(State="Failed", StateReason="no role"),
        "function dispatcher: it is Failed: no role",
    ),
    (
        lambda aws: aws.answers["lambda.get_function_configuration"].update(LastUpdateStatus="Failed"),
        "function intake: its last update failed",
    ),
    (
        lambda aws: aws.refuse("lambda.get_function_configuration", "ResourceNotFoundException"),
        "function intake: the function does not exist",
    ),
    (
        lambda aws: aws.answers.update(
            {"lambda.list_event_source_mappings": {"EventSourceMappings": [{"State": "Disabled", "UUID": "u"}]}}
        ),
        "event source intake: the event source mapping is Disabled",
    ),
    (
        lambda aws: aws.answers.update({"lambda.list_event_source_mappings": {"EventSourceMappings": []}}),
        "event source intake: nothing delivers",
    ),
    (
        lambda aws: aws.answers.update(
            {
                "cloudwatch.get_metric_data": {
                    "MetricDataResults": [{"Id": "m0", "Values": [2.0]}, {"Id": "m3", "Values": [5.0]}]
                }
            }
        ),
        "metrics dispatcher: 5 throttled invocations in the last hour",
    ),
    (
        lambda aws: aws.answers.update(
            {"cloudwatch.get_metric_data": {"MetricDataResults": [{"Id": "m0", "Values": [2.0]}]}}
        ),
        "metrics intake: 2 errors in the last hour",
    ),
    (lambda aws: setattr(aws, "items", []), "dispatcher dispatcher: it has never finished a minute's work"),
    (
        lambda aws: setattr(aws, "items", [aws.summary(1_700_000_000)]),
        "dispatcher dispatcher: it has not worked since 2023-11-14",
    ),
    (
        lambda aws: setattr(aws, "items", [aws.summary(time.time(), failed_steps=2)]),
        "dispatcher dispatcher: 2 steps of its last work failed",
    ),
    (
        lambda aws: aws.items.append({"pk": {"S": "slots"}, "sk": {"S": "count"}, "paused": {"N": "1700000000"}}),
        "paused Stack/Pipeline: paused since 2023-11-14",
    ),
    (
        lambda aws: aws.answers.update(
            {"dynamodb.describe_table": {"Table": {"TableStatus": "INACCESSIBLE_ENCRYPTION_CREDENTIALS"}}}
        ),
        "table ledger: the ledger's table is INACCESSIBLE_ENCRYPTION_CREDENTIALS",
    ),
    (
        lambda aws: aws.refuse("dynamodb.describe_table", "ResourceNotFoundException"),
        "table ledger: the ledger's table does not exist",
    ),
    (
        lambda aws: aws.trusts.update(machine={}),
        "state machine role machine: its trust policy does not let states.amazonaws.com",
    ),
    (
        lambda aws: aws.trusts.update(job=trust("lambda.amazonaws.com")),
        "job role job: its trust policy does not let sagemaker.amazonaws.com",
    ),
    (
        lambda aws: aws.refuse("iam.get_role", "NoSuchEntity"),
        "job role job: the role of the jobs of Split does not exist",
    ),
    (
        lambda aws: aws.refuse("ecr.describe_images", "ImageNotFoundException"),
        f"image {IMAGE}: the image of Split does not exist",
    ),
    (
        lambda aws: aws.refuse("ecr.describe_images", "RepositoryNotFoundException"),
        f"image {IMAGE}: the repository of Split does not exist",
    ),
    (
        lambda aws: aws.answers.update({"s3.list_objects_v2": {"KeyCount": 0}}),
        "input s3://out/code/x.py: no object is there for the input 'code' of Split",
    ),
    (lambda aws: aws.refuse("s3.head_bucket", "404"), "output out: the bucket of outputs of Split does not exist"),
    (
        lambda aws: aws.refuse(
            "ec2.describe_subnets", "InvalidSubnetID.NotFound", "The subnet ID 'subnet-1' does not exist"
        ),
        "network subnet-1: Split: The subnet ID 'subnet-1' does not exist",
    ),
    (
        lambda aws: aws.answers["service-quotas.list_service_quotas"]["Quotas"][0].update(Value=0.0),
        "quota ml.m5.xlarge: the quota is 0 instances, and a job needs 2",
    ),
    (
        lambda aws: aws.refuse("stepfunctions.describe_state_machine", "StateMachineDoesNotExist"),
        "state machine m: the state machine does not exist",
    ),
]


def aws_without_gone(aws: Aws) -> Callable[..., Any]:
    def describe_rule(Name: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        if Name == "gone":
            raise error("DescribeRule", "ResourceNotFoundException")
        return aws.rules[Name]

    return describe_rule


@pytest.mark.parametrize(("break_it", "text"), DEFECTS, ids=[text for _, text in DEFECTS])
def test_each_defect_is_a_problem_with_its_cause(aws: Aws, break_it: Callable[[Aws], object], text: str) -> None:
    break_it(aws)
    found = problems(aws)
    assert any(one.startswith(text) for one in found), found


def test_a_key_that_no_rule_matches_is_a_problem(aws: Aws) -> None:
    aws.answers["events.test_event_pattern"] = {"Result": False}
    (found,) = problems(aws, "elsewhere/a.csv")
    assert found == 'key elsewhere/a.csv: no rule sends it: the patterns are [{"prefix": "in/"}]'


def test_rules_that_are_disabled_on_purpose_are_no_problem(aws: Aws) -> None:
    off(aws, "uploads")
    template = aws.answers["cloudformation.get_template"]["TemplateBody"]
    template["Resources"]["Rule"]["Properties"]["State"] = "DISABLED"
    assert problems(aws) == []


@pytest.mark.parametrize(
    "around",
    [
        {"Type": "Parallel", "Branches": [{"States": {"Split": TASK}}]},
        {"Type": "Map", "ItemProcessor": {"States": {"Split": TASK}}},
        {"Type": "Map", "Iterator": {"States": {"Split": {**TASK, "Parameters": None, "Arguments": REQUEST}}}},
    ],
)
def test_steps_in_other_states_are_examined_too(aws: Aws, around: dict[str, Any]) -> None:
    aws.definition = {"States": {"Outer": around}}
    aws.trusts["job"] = {}
    assert [one.partition(":")[0] for one in problems(aws)] == ["job role job"]


def test_an_earlier_version_is_told_to_be_deployed_again() -> None:
    (found,) = examine(Pipeline(session=None, name="p", state_machine_arn=MACHINE))  # type: ignore[arg-type] # none made
    assert (found.check, found.state) == ("version", "problem")
    assert "deploy its stack again" in found.advice


def test_a_dead_letter_of_the_key_is_a_problem(aws: Aws) -> None:
    event = {"detail": {"bucket": {"name": "in"}, "object": {"key": "in/a/"}}}
    letter = {
        "MessageId": "61b6a37f-1",
        "ReceiptHandle": "r",
        "Body": json.dumps(event),
        "MessageAttributes": {"Reason": {"StringValue": "the key ends in '/'"}},
        "Attributes": {"SentTimestamp": "1000"},
    }
    answers = {QUEUES["dead"].rpartition(":")[2]: [{"Messages": [letter]}]}
    aws.answers["sqs.receive_message"] = lambda QueueUrl, **_: (answers.get(QueueUrl) or [{}]).pop()  # noqa: N803
    aws.answers["sqs.change_message_visibility_batch"] = {}

    (found,) = (one for one in examined(aws, "in/a/") if one.state != "ok")
    assert (found.check, found.subject, found.text) == ("dead letter", "in/a/", "the key ends in '/'")
    assert found.advice == "smproc dead-letters show 61b6a37f --pipeline Stack/Pipeline"
