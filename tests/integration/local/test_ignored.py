"""Properties of templates and members of requests that the local AWS ignores: named, or refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError, WaiterError

from smproc import cli
from smproc.local import LocalAws
from smproc.local.server.ignored import IgnoredNames
from smproc.local.server.operation_names import operation_name
from smproc.local.server.read_names import Reading, ReadNames
from tests.helpers.ports import free_port
from tests.integration.local.test_functions import package

ATTRIBUTES, IPV6, TYPES = "OptionalObjectAttributes", "AmazonProvidedIpv6CidrBlock", "ResourceTypes[]"
ZONE = "CreateBucketConfiguration.Location.Name"
TEMPLATE = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
ASSUME = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
TOPIC = {
    "Type": "AWS::SNS::Topic",
    "Properties": {"TopicName": "told", "DisplayName": "Told", "TracingConfig": "Active"},
}


def client(aws: LocalAws, service: str) -> Any:  # noqa: ANN401 - of any service
    return botocore.session.Session().create_client(
        service,
        region_name="us-east-1",
        endpoint_url=aws.endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the local AWS's own
    )


def deploy(aws: LocalAws, stack: str, resource: dict[str, Any]) -> None:
    formation = client(aws, "cloudformation")
    formation.create_stack(StackName=stack, TemplateBody=json.dumps({"Resources": {"Topic": resource}}))
    formation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SMPROC_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def aws(home: Path) -> Iterator[LocalAws]:
    with LocalAws(free_port(), state_dir=home) as local_aws:
        yield local_aws


def test_an_ignored_property_is_in_the_log_and_in_the_doctors_report(
    aws: LocalAws, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(aws, "one", TOPIC)
    ignored = "TracingConfig of AWS::SNS::Topic Topic of the stack one"
    assert aws.ignored() == {"AWS::SNS::Topic Topic of the stack one": ["TracingConfig"]}
    assert f"[smproc.ignored] ignored: {ignored}\n" in aws.status().log.read_text()
    assert cli.main(["local", "doctor", "--port", str(aws.port)]) == 0
    printed = capsys.readouterr().out
    assert f"ignored: {ignored}\n" in printed
    for subject in ("sandbox", "container engine", "Spark and Java", "uv", "environments of images"):
        assert f"\n{subject}: " in f"\n{printed}"


def test_a_fresh_account_has_ignored_nothing(aws: LocalAws) -> None:
    deploy(aws, "one", TOPIC)
    aws.stop()
    aws.start()
    assert aws.ignored()
    aws.stop()
    aws.start(fresh=True)
    assert aws.ignored() == {}


def test_an_ignored_property_fails_the_resource_where_the_local_aws_is_strict(home: Path) -> None:
    with LocalAws(free_port(), state_dir=home, strict=True) as aws:
        with pytest.raises(WaiterError):
            deploy(aws, "one", TOPIC)
        events = client(aws, "cloudformation").describe_stack_events(StackName="one")["StackEvents"]
        reasons = [event.get("ResourceStatusReason", "") for event in events]
        assert (
            "the local AWS ignores TracingConfig of AWS::SNS::Topic Topic of the stack one, which --strict refuses; "
            "remove it, or start the local AWS without --strict"
        ) in reasons
        assert client(aws, "sns").list_topics()["Topics"] == []
        deploy(aws, "two", {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "told"}})
        assert aws.ignored() == {}


def test_each_name_is_reported_once(tmp_path: Path) -> None:
    ignored = IgnoredNames(tmp_path / "ignored")
    for names in (["a"], ["a", "b"], []):
        assert ignored.report("x", names) is None
    assert [json.loads(line)["names"] for line in (tmp_path / "ignored").read_text().splitlines()] == [["a"], ["b"]]


def test_names_are_read_one_by_one_or_all_at_once() -> None:
    names = ReadNames(dict.fromkeys("abcdefg", 1))
    assert (names["a"], names.get("b"), "c" in names, names.pop("d"), names.setdefault("e", 2)) == (1, 1, True, 1, 1)
    assert names.unread == {"f", "g"}
    for read_all in (dict, list, json.dumps, lambda read: {**read}, ReadNames.copy, ReadNames.values, ReadNames.items):
        names = ReadNames({"a": 1})
        read_all(names)
        assert names.unread == set(), read_all


def test_the_statistics_of_the_cdk_are_not_reported(aws: LocalAws) -> None:
    deploy(aws, "one", {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "v2:deflate64:H4s"}})
    assert aws.ignored() == {}


def test_an_ignored_member_of_a_request_is_named(aws: LocalAws) -> None:
    secrets = client(aws, "secretsmanager")
    for name in ("one", "two"):
        secrets.create_secret(Name=name, SecretString="x", ForceOverwriteReplicaSecret=True, Description="y")
    client(aws, "events").put_events(Entries=[{"Source": "a", "DetailType": "b", "Detail": "{}"}])
    assert aws.ignored() == {"requests secretsmanager:CreateSecret": ["ForceOverwriteReplicaSecret"]}
    log = aws.status().log.read_text()
    assert log.count("ignored: ForceOverwriteReplicaSecret of requests secretsmanager:CreateSecret\n") == 1


def test_an_ignored_member_of_a_request_is_refused_where_the_local_aws_is_strict(home: Path) -> None:
    with LocalAws(free_port(), state_dir=home, strict=True) as aws:
        secrets = client(aws, "secretsmanager")
        with pytest.raises(ClientError) as refused:
            secrets.create_secret(Name="one", SecretString="x", ForceOverwriteReplicaSecret=True)
        assert refused.value.response["Error"]["Message"] == (
            "the local AWS ignores ForceOverwriteReplicaSecret of requests secretsmanager:CreateSecret, which --strict "
            "refuses; remove it, or start the local AWS without --strict; the request was carried out without it"
        )
        secrets.create_secret(Name="two", SecretString="x")


# Members that are ignored, by protocol and place: JSON with a path, a query, headers, forms, forms of EC2, XML.
IGNORED: list[tuple[str, str, dict[str, Any], str]] = [
    (
        "lambda",
        "CreateFunction",
        {
            "FunctionName": "a",
            "Role": "arn:aws:iam::000000000000:role/told",
            "Runtime": "python3.12",
            "Handler": "a.b",
            "Code": {"ZipFile": package({"a.py": "def b(event, context): pass"})},
            "CodeSigningConfigArn": "arn:aws:lambda:us-east-1:000000000000:code-signing-config:csc-0123456789abcdef0",
        },
        "CodeSigningConfigArn",
    ),
    ("lambda", "ListFunctions", {"FunctionVersion": "ALL"}, "FunctionVersion"),
    ("s3", "ListObjectVersions", {"Bucket": "told", "OptionalObjectAttributes": ["RestoreStatus"]}, ATTRIBUTES),
    ("s3", "CreateBucket", {"Bucket": "zone", "CreateBucketConfiguration": {"Location": {"Name": "a"}}}, ZONE),
    ("iam", "ListPolicies", {"Scope": "Local", "OnlyAttached": True}, "OnlyAttached"),
    ("sns", "CreateTopic", {"Name": "told", "DataProtectionPolicy": "{}"}, "DataProtectionPolicy"),
    ("sts", "GetSessionToken", {"SerialNumber": "123456789"}, "SerialNumber"),
    (
        "ec2",
        "CreateVpc",
        {"CidrBlock": "10.0.0.0/16", "AmazonProvidedIpv6CidrBlock": True},
        "AmazonProvidedIpv6CidrBlock",
    ),
    ("cloudformation", "CreateStack", {"StackName": "a", "TemplateBody": TEMPLATE, "ResourceTypes": ["AWS::*"]}, TYPES),
]


@pytest.fixture(scope="module")
def strict_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(free_port(), state_dir=tmp_path_factory.mktemp("strict"), strict=True) as local_aws:
        client(local_aws, "s3").create_bucket(Bucket="told")
        client(local_aws, "iam").create_role(
            RoleName="told", AssumeRolePolicyDocument=json.dumps({"Statement": [ASSUME]})
        )
        yield local_aws


@pytest.mark.parametrize(("service", "operation", "arguments", "member"), IGNORED)
def test_an_ignored_member_is_refused_in_every_protocol(
    strict_aws: LocalAws, service: str, operation: str, arguments: dict[str, Any], member: str
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(client(strict_aws, service), xform_name(operation))(**arguments)
    assert refused.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": f"the local AWS ignores {member} of requests {service}:{operation}, which --strict refuses; remove "
        "it, or start the local AWS without --strict; the request was carried out without it",
    }


def reasons(aws: LocalAws, stack: str) -> set[str]:
    events = client(aws, "cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return {event.get("ResourceStatusReason", "") for event in events}


def test_a_search_of_a_log_group_without_streams_ignores_nothing(strict_aws: LocalAws) -> None:
    logs = client(strict_aws, "logs")
    logs.create_log_group(logGroupName="without-streams")
    request = {"startTime": 1, "endTime": 2, "logStreamNamePrefix": "a", "filterPattern": "a", "limit": 1}
    assert logs.filter_log_events(logGroupName="without-streams", **request)["events"] == []


def test_a_property_inside_another_one_is_refused(strict_aws: LocalAws) -> None:
    rule = {"Id": "a", "Status": "Enabled", "ExpirationInDays": 3, "Unknown": 1}
    properties = {"BucketName": "nested", "LifecycleConfiguration": {"Rules": [rule]}}
    with pytest.raises(WaiterError):
        deploy(strict_aws, "nested", {"Type": "AWS::S3::Bucket", "Properties": properties})
    assert (
        "the local AWS ignores LifecycleConfiguration.Rules[].Unknown of AWS::S3::Bucket Topic of the stack nested, "
        "which --strict refuses; remove it, or start the local AWS without --strict"
    ) in reasons(strict_aws, "nested")
    with pytest.raises(ClientError, match="404"):
        client(strict_aws, "s3").head_bucket(Bucket="nested")


def test_an_update_that_adds_an_ignored_property_is_refused_and_rolled_back(strict_aws: LocalAws) -> None:
    before = {"TopicName": "updated", "DisplayName": "Old"}
    deploy(strict_aws, "updated", {"Type": "AWS::SNS::Topic", "Properties": before})
    formation = client(strict_aws, "cloudformation")
    changed = {**before, "DisplayName": "New", "TracingConfig": "Active"}
    topic = {"Type": "AWS::SNS::Topic", "Properties": changed}
    formation.update_stack(StackName="updated", TemplateBody=json.dumps({"Resources": {"Topic": topic}}))
    with pytest.raises(WaiterError):
        formation.get_waiter("stack_update_complete").wait(StackName="updated", WaiterConfig={"Delay": 1})
    arn = "arn:aws:sns:us-east-1:000000000000:updated"
    assert (
        f"the local AWS ignores TracingConfig of the update of AWS::SNS::Topic {arn} of the stack updated, "
        "which --strict refuses; remove it, or start the local AWS without --strict"
    ) in reasons(strict_aws, "updated")
    (stack,) = formation.describe_stacks(StackName="updated")["Stacks"]
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    attributes = client(strict_aws, "sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    assert attributes["DisplayName"] == "Old"


def test_the_event_of_a_function_is_no_request(strict_aws: LocalAws) -> None:
    functions = client(strict_aws, "lambda")
    functions.create_function(
        FunctionName="event",
        Role="arn:aws:iam::000000000000:role/told",
        Runtime="python3.12",
        Handler="a.b",
        Code={"ZipFile": package({"a.py": "def b(event, context): return event['read']"})},
    )
    event = {"read": 1, "unread": 2}
    answer = functions.invoke(FunctionName="event", Payload=json.dumps(event).encode(), LogType="Tail")
    assert answer["Payload"].read() == b"1"


def test_a_name_in_a_dictionary_counts_once_the_dictionary_was_read_and_let_go() -> None:
    reading = Reading(
        {
            "Read": {"a": 1, "b": 2, "Inner": {"c": 3, "d": 4}},
            "Rules": [{"Id": 1, "Filter": 2}, {"Id": 3, "Days": 4}],
            "Whole": {"a": 1, "b": 2},
            "Stored": {"a": 1, "b": 2},
            "Untouched": {"a": 1},
            "Never": {"a": 1},
        }
    )
    content = reading.content()
    assert (content["Read"]["a"], content["Read"]["Inner"].get("c")) == (1, 3)
    assert [rule["Id"] for rule in content["Rules"]] == [1, 3]
    assert dict(content["Whole"])["a"] == 1
    stored = content["Stored"]
    assert stored["a"] == 1
    assert content["Untouched"]
    del content
    assert reading.unread() == {"Never", "Read.Inner.d", "Read.b", "Rules[].Days", "Rules[].Filter"}
    assert stored["b"] == 2


def test_a_name_that_is_read_in_one_of_a_list_is_read() -> None:
    reading = Reading({"Rules": [{"Id": 1, "Days": 2, "x": 3}, {"Id": 3, "Days": 4, "x": 5}]})
    content = reading.content()
    assert (content["Rules"][0]["Days"], content["Rules"][1]["Id"]) == (2, 3)
    del content
    assert reading.unread() == {"Rules[].x"}


@pytest.mark.parametrize(
    ("service", "request_line", "headers", "body", "query", "operation"),
    [
        ("sqs", "POST /", {"x-amz-target": "AmazonSQS.SendMessage"}, b"{}", {}, "SendMessage"),
        ("sns", "POST /", {"content-type": "application/x-www-form-urlencoded"}, b"Action=Publish", {}, "Publish"),
        ("sts", "GET /", {}, b"", {"Action": ["GetCallerIdentity"]}, "GetCallerIdentity"),
        ("lambda", "POST /2015-03-31/functions", {}, b"{}", {}, "CreateFunction"),
        ("lambda", "GET /2015-03-31/functions/f/configuration", {}, b"", {}, "GetFunctionConfiguration"),
        ("s3", "PUT /bucket/a/key", {}, b"", {"tagging": [""]}, "PutObjectTagging"),
        ("bedrock-runtime", "POST /model/some.model/invoke", {}, b"{}", {}, "InvokeModel"),
        ("cloudwatch", "POST /service/GraniteServiceVersion20100801/operation/ListMetrics", {}, b"", {}, "ListMetrics"),
        ("s3", "PUT /bucket/key", {}, b"", {}, "PutObject"),
        ("s3", "PUT /bucket/key", {"x-amz-copy-source": "a/b"}, b"", {}, "CopyObject"),
        ("s3", "PUT /bucket/key", {}, b"", {"partNumber": ["1"], "uploadId": ["a"]}, "UploadPart"),
        ("s3", "GET /bucket", {}, b"", {"list-type": ["2"]}, "ListObjectsV2"),
        ("lambda", "POST /none", {}, b"", {}, "POST /none"),
        ("none", "POST /none", {}, b"", {}, "POST /none"),
    ],
)
def test_the_operation_of_a_request(
    service: str, request_line: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]], operation: str
) -> None:
    method, path = request_line.split()
    assert operation_name(service, method, path, headers, body, query) == operation


def test_properties_inside_others_and_of_updates_are_named_and_those_that_a_deletion_reads_are_not(
    aws: LocalAws,
) -> None:
    def template(value: str) -> str:
        topic = {"TopicName": "told", "DisplayName": value, "TracingConfig": value}
        scanning = {"ScanOnPush": True, "Unknown": value}
        repository = {"RepositoryName": "built", "EmptyOnDelete": True, "ImageScanningConfiguration": scanning}
        rule = {"Id": "a", "Status": "Enabled", "ExpirationInDays": 3, "Unknown": 1}
        bucket = {"BucketName": "kept", "LifecycleConfiguration": {"Rules": [rule]}}
        resources = {
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": topic},
            "Repository": {"Type": "AWS::ECR::Repository", "Properties": repository},
            "Bucket": {"Type": "AWS::S3::Bucket", "Properties": bucket},
        }
        return json.dumps({"Resources": resources})

    formation = client(aws, "cloudformation")
    formation.create_stack(StackName="one", TemplateBody=template("a"))
    formation.get_waiter("stack_create_complete").wait(StackName="one", WaiterConfig={"Delay": 1})
    created = {
        "AWS::ECR::Repository Repository of the stack one": ["ImageScanningConfiguration.Unknown"],
        "AWS::S3::Bucket Bucket of the stack one": ["LifecycleConfiguration.Rules[].Unknown"],
        "AWS::SNS::Topic Topic of the stack one": ["TracingConfig"],
    }
    assert aws.ignored() == created
    formation.update_stack(StackName="one", TemplateBody=template("b"))
    formation.get_waiter("stack_update_complete").wait(StackName="one", WaiterConfig={"Delay": 1})
    assert aws.ignored() == {
        **created,
        "the update of AWS::ECR::Repository built of the stack one": ["ImageScanningConfiguration.Unknown"],
        "the update of AWS::SNS::Topic arn:aws:sns:us-east-1:000000000000:told of the stack one": ["TracingConfig"],
    }
