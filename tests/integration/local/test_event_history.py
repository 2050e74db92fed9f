"""CloudTrail's event history: who called what, what was denied, and what is no management event."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from smproc.local import LocalAws
from tests.helpers.ports import free_port
from tests.helpers.waiting import ended_execution

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/limited"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/limited/test"
BUCKET = "events"
TABLE = "items"
ALLOWED = ["ssm:GetParameter", "sqs:SendMessage"]
CODE = """
import boto3

def handler(event, context):
    try:
        boto3.client("ssm").delete_parameter(Name="a")
    except Exception as error:
        return str(error)
"""


class World:
    """A running local AWS, a role that may do little, and the event history."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.root = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        self.client("s3").create_bucket(Bucket=BUCKET)
        iam = self.client("iam")
        principals = {
            "AWS": f"arn:aws:iam::{ACCOUNT}:root",
            "Service": ["states.amazonaws.com", "lambda.amazonaws.com"],
        }
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principals}
        created = iam.create_role(RoleName="limited", Path="/team/", AssumeRolePolicyDocument=_policy(trust))
        self.role_id = created["Role"]["RoleId"]
        statement = {"Effect": "Allow", "Action": ALLOWED, "Resource": "*"}
        iam.put_role_policy(RoleName="limited", PolicyName="little", PolicyDocument=_policy(statement))
        keys = self.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="test")["Credentials"]
        self.limited = {
            "aws_access_key_id": keys["AccessKeyId"],
            "aws_secret_access_key": keys["SecretAccessKey"],
            "aws_session_token": keys["SessionToken"],
        }
        self.client("ssm").put_parameter(Name="a", Value="b", Type="String")
        self.queue = self.client("sqs").create_queue(QueueName="a")["QueueUrl"]

    def client(self, service: str, keys: dict[str, str] | None = None, region: str = "us-east-1") -> Any:  # noqa: ANN401 - of any service
        session: Any = botocore.session.Session()
        return session.create_client(
            service,
            region_name=region,
            endpoint_url=self.aws.endpoint,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, proxies={}),
            **(keys or self.root),
        )

    def refused(self, service: str, operation: str, keys: dict[str, str] | None = None, **request: Any) -> Any:  # noqa: ANN401 - JSON
        """Return the error of a request of the role."""
        with pytest.raises(ClientError) as refused:
            getattr(self.client(service, keys or self.limited), operation)(**request)
        return refused.value.response

    def page(self, key: str = "", value: str = "", region: str = "us-east-1", **request: Any) -> Any:  # noqa: ANN401 - JSON
        attributes = [{"AttributeKey": key, "AttributeValue": value}] if key else []
        return self.client("cloudtrail", region=region).lookup_events(LookupAttributes=attributes, **request)

    def events(self, name: str, region: str = "us-east-1") -> list[dict[str, Any]]:
        """Return the events of an operation, the newest first."""
        return [json.loads(event["CloudTrailEvent"]) for event in self.page("EventName", name, region)["Events"]]


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with LocalAws(free_port(), state_dir=tmp_path_factory.mktemp("state"), strict=True) as aws:
        yield World(aws)


def test_a_denied_call_has_the_session_of_the_role_and_the_error(world: World) -> None:
    answer = world.refused("ssm", "put_parameter", Name="a", Value="c", Type="String", Overwrite=True)
    event = world.events("PutParameter")[0]
    assert event["errorCode"] == "AccessDeniedException"
    assert event["errorMessage"] == answer["Error"]["Message"]
    assert f"User: {SESSION} is not authorized to perform: ssm:PutParameter" in event["errorMessage"]
    identity = event["userIdentity"]
    context = identity.pop("sessionContext")
    assert identity == {
        "type": "AssumedRole",
        "principalId": f"{world.role_id}:test",
        "arn": SESSION,
        "accountId": ACCOUNT,
        "accessKeyId": world.limited["aws_access_key_id"],
    }
    assert context["sessionIssuer"] == {
        "type": "Role",
        "principalId": world.role_id,
        "arn": ROLE,
        "accountId": ACCOUNT,
        "userName": "limited",
    }
    assert datetime.fromisoformat(context["attributes"]["creationDate"]) <= datetime.fromisoformat(event["eventTime"])
    assert (event["eventSource"], event["awsRegion"]) == ("ssm.amazonaws.com", "us-east-1")
    assert (event["readOnly"], event["managementEvent"], event["eventCategory"]) == (False, True, "Management")


def test_an_allowed_call_has_no_error(world: World) -> None:
    answer = world.client("ssm", world.limited).get_parameter(Name="a")
    (shown,) = world.page("Username", "test", MaxResults=1)["Events"]
    event = json.loads(shown["CloudTrailEvent"])
    assert (event["eventName"], event["userIdentity"]["arn"]) == ("GetParameter", SESSION)
    assert event["requestID"] == answer["ResponseMetadata"]["RequestId"]
    assert "errorCode" not in event
    assert "errorMessage" not in event
    assert (shown["Username"], shown["ReadOnly"], shown["EventSource"]) == ("test", "true", "ssm.amazonaws.com")
    assert (shown["EventId"], shown["AccessKeyId"]) == (event["eventID"], world.limited["aws_access_key_id"])


@pytest.mark.parametrize(
    ("service", "operation", "request_", "code", "message"),
    [
        ("iam", "list_users", {}, "AccessDenied", "iam:ListUsers"),
        ("ec2", "describe_vpcs", {}, "UnauthorizedOperation", "ec2:DescribeVpcs"),
        ("sns", "list_topics", {}, "AuthorizationError", "sns:ListTopics"),
        ("s3", "put_bucket_versioning", {}, "AccessDenied", "s3:PutBucketVersioning"),
        ("lambda", "get_function", {"FunctionName": "a"}, "AccessDeniedException", "lambda:GetFunction"),
        ("cloudwatch", "describe_alarms", {}, "AccessDenied", "cloudwatch:DescribeAlarms"),
        ("stepfunctions", "list_state_machines", {}, "AccessDeniedException", "states:ListStateMachines"),
        ("sagemaker", "list_processing_jobs", {}, "AccessDeniedException", "sagemaker:ListProcessingJobs"),
    ],
)
def test_denials_of_each_protocol_have_the_error_that_the_service_answers(
    world: World, service: str, operation: str, request_: dict[str, Any], code: str, message: str
) -> None:
    if service == "s3":
        request_ = {"Bucket": BUCKET, "VersioningConfiguration": {"Status": "Enabled"}}
    answered = world.refused(service, operation, **request_)["Error"]
    model = world.client(service).meta.method_to_api_mapping[operation]
    event = world.events(model)[0]
    assert (event["errorCode"], event["errorMessage"]) == (answered["Code"], answered["Message"])
    assert code in event["errorCode"]
    assert message in event["errorMessage"]
    assert event["userIdentity"]["arn"] == SESSION


def test_other_errors_are_recorded_too(world: World) -> None:
    world.refused("ssm", "get_parameter", Name="missing")
    assert world.events("GetParameter")[0]["errorCode"] == "ParameterNotFound"


def test_data_events_are_not_in_the_history_denied_or_allowed(world: World) -> None:
    world.client("sqs", world.limited).send_message(QueueUrl=world.queue, MessageBody="a")
    world.client("s3").put_object(Bucket=BUCKET, Key="a", Body=b"")
    world.client("s3").list_objects_v2(Bucket=BUCKET)
    world.refused("s3", "get_object", Bucket=BUCKET, Key="a")
    world.refused("sqs", "receive_message", QueueUrl=world.queue)
    world.refused("dynamodb", "put_item", TableName=TABLE, Item={"id": {"S": "a"}})
    world.refused("lambda", "invoke", FunctionName="a")
    world.refused("events", "put_events", Entries=[{"Source": "a", "DetailType": "b", "Detail": "{}"}])
    names = {event["EventName"] for page in _pages(world) for event in page["Events"]}
    data = {
        "SendMessage",
        "ReceiveMessage",
        "PutObject",
        "GetObject",
        "ListObjectsV2",
        "PutItem",
        "Invoke",
        "PutEvents",
    }
    assert names & data == set()
    assert {"CreateBucket", "CreateQueue", "AssumeRole"} <= names


def test_users_and_the_account_are_callers(world: World) -> None:
    world.client("iam").create_user(UserName="somebody")
    key = world.client("iam").create_access_key(UserName="somebody")["AccessKey"]
    user = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    world.refused("ssm", "describe_parameters", user)
    identity = world.events("DescribeParameters")[0]["userIdentity"]
    assert (identity["type"], identity["userName"]) == ("IAMUser", "somebody")
    assert identity["arn"] == f"arn:aws:iam::{ACCOUNT}:user/somebody"
    root = world.events("CreateAccessKey")[0]["userIdentity"]
    assert (root["type"], root["arn"]) == ("Root", f"arn:aws:iam::{ACCOUNT}:root")


def test_requests_that_nobody_signed_belong_to_nobody(world: World) -> None:
    before = len(world.events("GetParametersByPath"))
    forged = {**world.limited, "aws_secret_access_key": "of somebody else"}
    unknown = {"aws_access_key_id": "AKIAUNKNOWN", "aws_secret_access_key": "a"}
    for keys in (forged, unknown):
        world.refused("ssm", "get_parameters_by_path", keys, Path="/")
    assert len(world.events("GetParametersByPath")) == before


def test_the_events_of_iam_are_in_one_region_and_others_in_their_own(world: World) -> None:
    world.client("iam", region="eu-west-1").list_groups()
    world.client("events", region="eu-west-1").list_rules()
    assert world.events("ListGroups")[0]["awsRegion"] == "us-east-1"
    assert world.events("ListGroups", "eu-west-1") == []
    assert world.events("ListRules") == []
    assert world.events("ListRules", "eu-west-1")[0]["awsRegion"] == "eu-west-1"


def test_a_function_whose_role_is_denied_is_found(world: World) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", CODE)
    function = {"FunctionName": "denied", "Runtime": "python3.12", "Handler": "index.handler", "Role": ROLE}
    # A cold start on a busy machine takes longer than the three seconds of the default.
    world.client("lambda").create_function(**function, Code={"ZipFile": package.getvalue()}, Timeout=60)
    answer = world.client("lambda").invoke(FunctionName="denied")["Payload"].read().decode()
    assert "AccessDeniedException" in answer
    event = world.events("DeleteParameter")[0]
    assert event["errorCode"] == "AccessDeniedException"
    assert event["userIdentity"]["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/limited/denied"


def _failed(world: World, name: str, state: dict[str, Any]) -> dict[str, Any]:
    """Return a failed execution of a state machine with one state, whose role is the limited one."""
    states = world.client("stepfunctions")
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Task", "End": True, **state}}})
    machine = states.create_state_machine(name=name, definition=definition, roleArn=ROLE)["stateMachineArn"]
    started = states.start_execution(stateMachineArn=machine, name="run")["executionArn"]
    execution = ended_execution(states, started)
    assert execution["status"] == "FAILED"
    return execution


def test_an_integration_that_is_denied_to_the_role_of_a_state_machine_is_found(world: World) -> None:
    parameters = {"Name": "a", "Value": "c", "Type": "String", "Overwrite": True}
    state = {"Resource": "arn:aws:states:::aws-sdk:ssm:putParameter", "Parameters": parameters}
    ended = _failed(world, "integration", state)
    event = world.events("PutParameter")[0]
    assert event["errorMessage"] in ended["cause"]
    assert event["errorCode"] == "AccessDeniedException"
    assert event["userIdentity"]["arn"].startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/limited/")


def test_a_job_that_is_denied_to_the_role_of_a_state_machine_is_found(world: World) -> None:
    parameters = {"ProcessingJobName": "a", "RoleArn": ROLE}
    state = {"Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync", "Parameters": parameters}
    ended = _failed(world, "job", state)
    event = world.events("CreateProcessingJob")[0]
    assert (event["eventSource"], event["errorCode"]) == ("sagemaker.amazonaws.com", "AccessDeniedException")
    assert event["errorMessage"] in ended["cause"]
    assert event["userIdentity"]["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/limited/run"


def _pages(world: World, size: int = 50, **request: Any) -> list[dict[str, Any]]:
    pages = [world.page(MaxResults=size, **request)]
    while "NextToken" in pages[-1]:
        pages.append(world.page(MaxResults=size, NextToken=pages[-1]["NextToken"], **request))
    return pages


def test_pages_have_each_event_once_the_newest_first(world: World) -> None:
    for _ in range(7):
        world.client("kms").list_keys()
    pages = _pages(world, 3, key="EventName", value="ListKeys")
    assert [len(page["Events"]) for page in pages] == [3, 3, 1]
    events = [event for page in pages for event in page["Events"]]
    assert len({event["EventId"] for event in events}) == len(events)
    times = [event["EventTime"] for event in events]
    assert times == sorted(times, reverse=True)


def test_events_that_happen_between_two_pages_move_nothing(world: World) -> None:
    for _ in range(4):
        world.client("kms").list_aliases()
    first = world.page("EventName", "ListAliases", MaxResults=2)
    world.client("kms").list_aliases()
    second = world.page("EventName", "ListAliases", MaxResults=2, NextToken=first["NextToken"])
    ids = {event["EventId"] for page in (first, second) for event in page["Events"]}
    assert len(ids) == 4
    assert "NextToken" not in second


def test_times_and_attributes_filter(world: World) -> None:
    world.client("ssm").list_commands()
    (event,) = world.page("EventName", "ListCommands")["Events"]
    moment: datetime = event["EventTime"]
    second = timedelta(seconds=1)
    assert world.page("EventId", event["EventId"])["Events"] == [event]
    assert world.page("EventId", event["EventId"], StartTime=moment, EndTime=moment)["Events"] == [event]
    assert world.page("EventId", event["EventId"], StartTime=moment + second)["Events"] == []
    assert world.page("EventId", event["EventId"], EndTime=moment - second)["Events"] == []
    sources = {each["EventSource"] for each in world.page("EventSource", "iam.amazonaws.com")["Events"]}
    assert sources == {"iam.amazonaws.com"}
    assert {each["ReadOnly"] for each in world.page("ReadOnly", "false")["Events"]} == {"false"}
    world.client("ssm", world.limited).get_parameter(Name="a")
    key = world.limited["aws_access_key_id"]
    assert {each["Username"] for each in world.page("AccessKeyId", key)["Events"]} == {"test"}
    assert world.page(EventCategory="insight")["Events"] == []


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"EndTime": datetime(2026, 1, 1, tzinfo=UTC), "StartTime": datetime(2026, 1, 2, tzinfo=UTC)}, "TimeRange"),
        ({"NextToken": "?"}, "NextToken"),
        ({"NextToken": "WzFd"}, "NextToken"),
        ({"EventCategory": "management"}, "EventCategory"),
        ({"LookupAttributes": [{"AttributeKey": "Nothing", "AttributeValue": "a"}]}, "LookupAttributes"),
        ({"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "a"}] * 2}, "LookupAttributes"),
    ],
)
def test_an_invalid_lookup_is_refused(world: World, request_: dict[str, Any], code: str) -> None:
    answer = world.refused("cloudtrail", "lookup_events", world.root, **request_)
    assert answer["Error"]["Code"] == f"Invalid{code}Exception"


def test_a_token_belongs_to_its_request(world: World) -> None:
    token = world.page(MaxResults=1)["NextToken"]
    answer = world.refused(
        "cloudtrail", "lookup_events", world.root, NextToken=token, StartTime=datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert answer["Error"]["Code"] == "InvalidNextTokenException"


def test_resources_are_not_recorded_and_the_lookup_says_so(world: World) -> None:
    attributes = [{"AttributeKey": "ResourceName", "AttributeValue": BUCKET}]
    answer = world.refused("cloudtrail", "lookup_events", world.root, LookupAttributes=attributes)
    assert answer["Error"] == {
        "Code": "NotImplemented",
        "Message": "The local AWS does not record the resources of events: ResourceName",
    }


def test_calls_are_recorded_where_iam_is_not_enforced(tmp_path_factory: pytest.TempPathFactory) -> None:
    with LocalAws(free_port(), state_dir=tmp_path_factory.mktemp("open"), enforce_iam=False) as aws:
        world = World(aws)
        world.client("ssm", world.limited).describe_parameters()
        assert world.events("DescribeParameters")[0]["userIdentity"]["arn"] == SESSION
        anybody = {"aws_access_key_id": "anybody", "aws_secret_access_key": "a"}
        world.client("kms", anybody).list_keys()
        assert world.events("ListKeys")[0]["userIdentity"]["type"] == "Root"
