"""IAM, which the local AWS enforces unless it is told not to: who is denied what, why, and how to switch it off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from smproc.local import LocalAws
from tests.helpers.ports import free_port

BUCKET = "guarded"
ROLE = "arn:aws:iam::000000000000:role/reader"
CALLER = "arn:aws:sts::000000000000:assumed-role/reader/test"
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}}
POLICY: list[dict[str, Any]] = [
    {"Effect": "Allow", "Action": ["s3:GetObject", "ssm:GetParameter"], "Resource": "*"},
    {"Sid": "Secret", "Effect": "Deny", "Action": "s3:Get*", "Resource": f"arn:aws:s3:::{BUCKET}/secret/*"},
    {"Effect": "Allow", "Action": "events:DescribeRule", "Resource": "arn:aws:events:us-east-1:000000000000:rule/mine"},
    {
        "Effect": "Allow",
        "Action": "logs:GetLogEvents",
        "Resource": "arn:aws:logs:us-east-1:000000000000:log-group:jobs:log-stream:mine/*",
    },
    {
        "Effect": "Allow",
        "Action": "ecr:DescribeRepositories",
        "Resource": "arn:aws:ecr:us-east-1:000000000000:repository/mine",
    },
]
BUCKET_POLICY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": f"arn:aws:s3:::{BUCKET}/closed/*",
}
HINT = "to allow everything, start the local AWS with --no-enforce-iam"


class World:
    """A running local AWS with a bucket and a role."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.root = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        s3, iam = self.client("s3"), self.client("iam")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_policy(Bucket=BUCKET, Policy=_policy(BUCKET_POLICY))
        iam.create_role(RoleName="reader", AssumeRolePolicyDocument=_policy(TRUST))
        iam.put_role_policy(RoleName="reader", PolicyName="reads", PolicyDocument=_policy(*POLICY))
        keys = self.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="test")["Credentials"]
        self.reader = {
            "aws_access_key_id": keys["AccessKeyId"],
            "aws_secret_access_key": keys["SecretAccessKey"],
            "aws_session_token": keys["SessionToken"],
        }

    def client(self, service: str, keys: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - of any service
        session: Any = botocore.session.Session()
        return session.create_client(
            service,
            region_name="us-east-1",
            endpoint_url=self.aws.endpoint,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, proxies={}),
            **(keys or self.root),
        )

    def log(self) -> str:
        return self.aws.status().log.read_text()


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with LocalAws(free_port(), state_dir=tmp_path_factory.mktemp("state")) as aws:
        yield World(aws)


SQS_QUEUE = "arn:aws:sqs:us-east-1:000000000000:a"
PARAMETER = "arn:aws:ssm:us-east-1:000000000000:parameter/a"
RULE = "arn:aws:events:us-east-1:000000000000:rule/a"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:a"
QUEUE_URL = "http://127.0.0.1/000000000000/a"
ENTRY = {"Id": "1", "MessageBody": "a"}
# The names of services in botocore that differ from those in actions.
CLIENTS = {"access-analyzer": "accessanalyzer", "servicequotas": "service-quotas"}
VALIDATED = {"policyDocument": "{}", "policyType": "IDENTITY_POLICY"}
JOB = "arn:aws:sagemaker:us-east-1:000000000000:processing-job/a"


@pytest.mark.parametrize(
    ("operation", "parameters", "action", "resource"),
    [
        ("put_object", {"Bucket": BUCKET, "Key": "a"}, "s3:PutObject", f"arn:aws:s3:::{BUCKET}/a"),
        ("create_queue", {"QueueName": "a"}, "sqs:CreateQueue", SQS_QUEUE),
        ("put_parameter", {"Name": "a", "Value": "b", "Type": "String"}, "ssm:PutParameter", PARAMETER),
        ("describe_processing_job", {"ProcessingJobName": "a"}, "sagemaker:DescribeProcessingJob", JOB),
        ("list_targets_by_rule", {"Rule": "a"}, "events:ListTargetsByRule", RULE),
        ("get_function_concurrency", {"FunctionName": "a"}, "lambda:GetFunctionConcurrency", FUNCTION),
        ("list_service_quotas", {"ServiceCode": "sagemaker"}, "servicequotas:ListServiceQuotas", "*"),
        ("validate_policy", VALIDATED, "access-analyzer:ValidatePolicy", "*"),
        ("send_message_batch", {"QueueUrl": QUEUE_URL, "Entries": [ENTRY]}, "sqs:SendMessage", SQS_QUEUE),
    ],
)
def test_a_denial_says_who_may_not_do_what_and_that_no_statement_allows_it(
    world: World, operation: str, parameters: dict[str, Any], action: str, resource: str
) -> None:
    service = action.partition(":")[0]
    with pytest.raises(ClientError) as denied:
        getattr(world.client(CLIENTS.get(service, service), world.reader), operation)(**parameters)
    message = denied.value.response["Error"]["Message"]
    assert message == (
        f"User: {CALLER} is not authorized to perform: {action} on resource: {resource} because no "
        f"identity-based policy allows the {action} action (local AWS: {HINT})"
    )
    assert f"denied by ministack: {message}" in world.log()


@pytest.mark.parametrize(
    ("key", "policy", "statement"),
    [
        ("secret/a", "an identity-based policy", POLICY[1] | {"Action": ["s3:Get*"]}),
        ("closed/a", "a resource-based policy", {**BUCKET_POLICY, "Action": ["s3:GetObject"]}),
    ],
)
def test_a_denial_shows_the_statement_that_denies_the_request(
    world: World, key: str, policy: str, statement: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as denied:
        world.client("s3", world.reader).get_object(Bucket=BUCKET, Key=key)
    message = denied.value.response["Error"]["Message"]
    shown = {name: value for name, value in statement.items() if name != "Principal"}
    shown["Resource"] = [statement["Resource"]]
    assert message.endswith(
        f"with an explicit deny in {policy} (local AWS: denied by the statement {json.dumps(shown)}; {HINT})"
    )
    assert f"denied by ministack: {message}" in world.log()


def test_a_role_may_do_what_its_policy_allows(world: World) -> None:
    world.client("s3").put_object(Bucket=BUCKET, Key="open", Body=b"1")
    assert world.client("s3", world.reader).get_object(Bucket=BUCKET, Key="open")["Body"].read() == b"1"


def test_the_arn_of_a_rule_of_the_default_bus_does_not_name_the_bus(world: World) -> None:
    """As the service authorization reference of EventBridge has it."""
    for name in ("mine", "other"):
        world.client("events").put_rule(Name=name, ScheduleExpression="rate(1 day)", State="DISABLED")
    events = world.client("events", world.reader)
    assert events.describe_rule(Name="mine")["Name"] == "mine"
    with pytest.raises(ClientError, match="rule/other"):
        events.describe_rule(Name="other")


def test_log_events_are_those_of_a_stream(world: World) -> None:
    """As the service authorization reference of CloudWatch Logs has it."""
    logs = world.client("logs")
    logs.create_log_group(logGroupName="jobs")
    for name in ("mine/1", "other/1"):
        logs.create_log_stream(logGroupName="jobs", logStreamName=name)
    reader = world.client("logs", world.reader)
    assert reader.get_log_events(logGroupName="jobs", logStreamName="mine/1")["events"] == []
    with pytest.raises(ClientError, match="log-group:jobs:log-stream:other/1"):
        reader.get_log_events(logGroupName="jobs", logStreamName="other/1")


def test_a_repository_is_described_by_who_may_describe_it(world: World) -> None:
    """As the service authorization reference of Amazon ECR has it, and as the roles of the CDK's bootstrap need it."""
    for name in ("mine", "other"):
        world.client("ecr").create_repository(repositoryName=name)
    ecr = world.client("ecr", world.reader)
    assert len(ecr.describe_repositories(repositoryNames=["mine"])["repositories"]) == 1
    for named in ({"repositoryNames": ["other"]}, {"repositoryNames": ["mine", "other"]}, {}):
        with pytest.raises(ClientError, match="ecr:DescribeRepositories"):
            ecr.describe_repositories(**named)


def test_the_account_may_do_everything(world: World) -> None:
    world.client("ssm").put_parameter(Name="of-the-account", Value="1", Type="String")
    assert world.client("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"] >= 0


def test_a_role_may_do_everything_where_iam_is_not_enforced(tmp_path: Path) -> None:
    with LocalAws(free_port(), state_dir=tmp_path, enforce_iam=False) as aws:
        world = World(aws)
        world.client("s3", world.reader).put_object(Bucket=BUCKET, Key="a", Body=b"1")
        assert "denied by" not in world.log()


def test_a_role_of_sagemakers_managed_policy_reads_its_buckets_and_writes_logs(world: World) -> None:
    iam, s3 = world.client("iam"), world.client("s3")
    s3.create_bucket(Bucket="sagemaker-us-east-1-data")
    s3.put_object(Bucket="sagemaker-us-east-1-data", Key="a", Body=b"1")
    s3.put_object(Bucket=BUCKET, Key="open", Body=b"1")
    iam.create_role(RoleName="notebook", AssumeRolePolicyDocument=_policy(TRUST))
    iam.attach_role_policy(RoleName="notebook", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    keys = world.client("sts").assume_role(RoleArn=ROLE.replace("reader", "notebook"), RoleSessionName="test")
    notebook = {
        "aws_access_key_id": keys["Credentials"]["AccessKeyId"],
        "aws_secret_access_key": keys["Credentials"]["SecretAccessKey"],
        "aws_session_token": keys["Credentials"]["SessionToken"],
    }
    assert world.client("s3", notebook).get_object(Bucket="sagemaker-us-east-1-data", Key="a")["Body"].read() == b"1"
    world.client("logs", notebook).create_log_group(logGroupName="/aws/sagemaker/ProcessingJobs")
    assert world.client("sagemaker", notebook).list_processing_jobs()["ProcessingJobSummaries"] == []
    with pytest.raises(ClientError, match="s3:GetObject"):
        world.client("s3", notebook).get_object(Bucket=BUCKET, Key="open")


def test_the_log_names_an_attached_policy_that_is_not_known(world: World) -> None:
    policy = "arn:aws:iam::aws:policy/AmazonKeyspacesFullAccess"
    world.client("iam").create_role(RoleName="wide", AssumeRolePolicyDocument=_policy(TRUST))
    world.client("iam").attach_role_policy(RoleName="wide", PolicyArn=policy)
    assert f"The policy {policy}, which was attached to a role or a user, is not known" in world.log()


@pytest.mark.parametrize(
    ("service", "decision"),
    [("sagemaker.amazonaws.com", "allowed"), ("lambda.amazonaws.com", "implicitDeny"), (None, "implicitDeny")],
)
def test_a_simulation_has_the_condition_keys_of_its_request(world: World, service: str | None, decision: str) -> None:
    passes = {
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": ROLE,
        "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    }
    key = {"ContextKeyName": "iam:PassedToService", "ContextKeyValues": [service], "ContextKeyType": "string"}
    simulated = world.client("iam").simulate_custom_policy(
        PolicyInputList=[_policy(passes)],
        ActionNames=["iam:PassRole"],
        ResourceArns=[ROLE],
        **({} if service is None else {"ContextEntries": [key]}),
    )
    assert [each["EvalDecision"] for each in simulated["EvaluationResults"]] == [decision]


def test_a_simulated_key_may_have_several_values_and_is_not_one_of_later_requests(world: World) -> None:
    tags = {"Effect": "Allow", "Action": "sagemaker:AddTags", "Resource": "*"}
    tags["Condition"] = {"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}  # type: ignore[assignment]

    def decision(*names: str) -> str:
        entry = {"ContextKeyName": "aws:TagKeys", "ContextKeyValues": names, "ContextKeyType": "stringList"}
        simulated = world.client("iam").simulate_custom_policy(
            PolicyInputList=[_policy(tags)], ActionNames=["sagemaker:AddTags"], ContextEntries=[entry]
        )
        return str(simulated["EvaluationResults"][0]["EvalDecision"])

    assert (decision("a", "b"), decision("a", "c"), decision("b")) == ("allowed", "implicitDeny", "allowed")
