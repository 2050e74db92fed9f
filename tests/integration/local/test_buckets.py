"""Buckets: encryption without a key, tags, operations that do not exist, and the buckets of stacks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore.exceptions import ClientError, WaiterError

from smproc.local.server.patches.s3_unsupported import BUCKET_OPERATIONS, OBJECT_OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.helpers.local_aws import RunningLocalAws


@pytest.fixture
def bucket(local_aws: RunningLocalAws) -> str:
    name = local_aws.name()
    local_aws.s3.create_bucket(Bucket=name)
    return name


def managed_key(local_aws: RunningLocalAws, bucket: str) -> str:
    key: str = local_aws.s3.put_object(Bucket=bucket, Key="probe", ServerSideEncryption="aws:kms")["SSEKMSKeyId"]
    return key


def test_an_object_without_a_key_gets_the_managed_one(local_aws: RunningLocalAws, bucket: str) -> None:
    s3, key = local_aws.s3, managed_key(local_aws, bucket)
    assert key.startswith("arn:aws:kms:us-east-1:000000000000:key/")
    head = s3.head_object(Bucket=bucket, Key="probe")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)
    copied = s3.copy_object(
        Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "probe"}, ServerSideEncryption="aws:kms"
    )
    assert copied["SSEKMSKeyId"] == key
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts", ServerSideEncryption="aws:kms")
    assert upload["SSEKMSKeyId"] == key
    part = s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload["UploadId"], PartNumber=1, Body=b"x")
    done = s3.complete_multipart_upload(
        Bucket=bucket,
        Key="parts",
        UploadId=upload["UploadId"],
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    assert (done["ServerSideEncryption"], done["SSEKMSKeyId"]) == ("aws:kms", key)
    double = s3.put_object(Bucket=bucket, Key="double", ServerSideEncryption="aws:kms:dsse")
    assert (double["ServerSideEncryption"], double["SSEKMSKeyId"]) == ("aws:kms:dsse", key)


@pytest.mark.parametrize(("letter", "bytes_each"), [("k", 1), ("é", 2), ("🎉", 4)])
def test_a_key_has_at_most_1024_bytes(letter: str, bytes_each: int, local_aws: RunningLocalAws, bucket: str) -> None:
    longest = letter * (1024 // bytes_each)
    local_aws.s3.put_object(Bucket=bucket, Key=longest)
    copy = {"CopySource": {"Bucket": bucket, "Key": longest}}
    for operation, parameters in {"put_object": {}, "create_multipart_upload": {}, "copy_object": copy}.items():
        with pytest.raises(ClientError) as refused:
            getattr(local_aws.s3, operation)(Bucket=bucket, Key=f"{longest}x", **parameters)
        error = refused.value.response
        assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("KeyTooLongError", 400)
    listed = local_aws.s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [one["Key"] for one in listed] == [longest]


def test_a_key_is_returned_by_its_arn(local_aws: RunningLocalAws, bucket: str) -> None:
    kms = local_aws.client("kms")
    key = kms.create_key()["KeyMetadata"]
    alias = f"alias/{local_aws.name()}"
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    for name in (key["KeyId"], key["Arn"], alias):
        put = local_aws.s3.put_object(Bucket=bucket, Key="k", ServerSideEncryption="aws:kms", SSEKMSKeyId=name)
        assert put["SSEKMSKeyId"] == key["Arn"]


def test_the_default_of_a_bucket_without_a_key_is_the_managed_one(local_aws: RunningLocalAws, bucket: str) -> None:
    local_aws.s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
        },
    )
    put = local_aws.s3.put_object(Bucket=bucket, Key="k")
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", managed_key(local_aws, bucket))


def test_tags_are_put_read_and_deleted(local_aws: RunningLocalAws, bucket: str) -> None:
    local_aws.s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    assert local_aws.s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "a", "Value": "1"}]
    local_aws.s3.delete_bucket_tagging(Bucket=bucket)
    with pytest.raises(ClientError, match="NoSuchTagSet"):
        local_aws.s3.get_bucket_tagging(Bucket=bucket)


def test_s3_select_is_refused_by_name(local_aws: RunningLocalAws, bucket: str) -> None:
    local_aws.s3.put_object(Bucket=bucket, Key="data.csv", Body=b"a,b\n1,2\n")
    with pytest.raises(ClientError) as caught:
        local_aws.s3.select_object_content(
            Bucket=bucket,
            Key="data.csv",
            Expression="SELECT * FROM s3object",
            ExpressionType="SQL",
            InputSerialization={"CSV": {}},
            OutputSerialization={"CSV": {}},
        )
    assert caught.value.response["Error"]["Code"] == "NotImplemented"
    assert caught.value.response["Error"]["Message"] == (
        "The local AWS does not implement SelectObjectContent; read the object with GetObject and filter it in the "
        "program."
    )


def unsupported() -> Iterator[str]:
    yield from BUCKET_OPERATIONS.values()
    yield from OBJECT_OPERATIONS.values()


def test_the_unsupported_operations_are_those_of_the_api() -> None:
    model = botocore.session.get_session().get_service_model("s3")
    for operations, prefix in ((BUCKET_OPERATIONS, "/{Bucket}?"), (OBJECT_OPERATIONS, "/{Bucket}/{Key+}?")):
        for (method, name), operation in operations.items():
            http = model.operation_model(operation).http
            assert http["method"] == method
            assert http["requestUri"].partition("&")[0] == f"{prefix}{name}"


@pytest.mark.parametrize(
    "operation", [name for name in unsupported() if not name.startswith(("CreateSession", "Select"))]
)
def test_nothing_else_runs_in_the_stead_of_an_unsupported_operation(
    local_aws: RunningLocalAws, bucket: str, operation: str
) -> None:
    local_aws.s3.put_object(Bucket=bucket, Key="kept", Body=b"kept")
    client: Any = local_aws.s3
    model = client.meta.service_model.operation_model(operation)
    assert model.input_shape is not None
    given: dict[str, Any] = {"Bucket": bucket, "Key": "kept", "Id": "x", "RenameSource": f"/{bucket}/kept"}
    required = model.input_shape.required_members
    request = {name: given.get(name) or _value(model.input_shape.members[name]) for name in required}
    with pytest.raises(ClientError) as caught:
        client._make_api_call(operation, request)
    assert caught.value.response["Error"]["Code"] == "NotImplemented"
    assert operation in caught.value.response["Error"]["Message"]
    assert local_aws.s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"kept"


def _value(shape: Any) -> Any:  # noqa: ANN401 - any value of any shape
    """Return a value of a shape, with its required members."""
    if shape.type_name == "structure" and shape.is_tagged_union:
        name, member = next(iter(shape.members.items()))
        return {name: _value(member)}
    if shape.type_name == "structure":
        return {name: _value(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return [_value(shape.member)]
    if shape.type_name == "string":
        return shape.enum[0] if shape.enum else "x" * shape.metadata.get("min", 1)
    return True if shape.type_name == "boolean" else 1


class Stack:
    """A stack with one bucket."""

    def __init__(self, local_aws: RunningLocalAws, **resource: Any) -> None:
        self.local_aws, self.name = local_aws, local_aws.name()
        self.formation = local_aws.client("cloudformation")
        self.formation.create_stack(
            StackName=self.name, TemplateBody=self.template(**resource), Tags=[{"Key": "team", "Value": "data"}]
        )
        self.formation.get_waiter("stack_create_complete").wait(StackName=self.name, WaiterConfig={"Delay": 1})
        self.bucket: str = self.formation.describe_stack_resource(StackName=self.name, LogicalResourceId="Bucket")[
            "StackResourceDetail"
        ]["PhysicalResourceId"]

    @staticmethod
    def template(**resource: Any) -> str:
        return json.dumps({"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", **resource}}})

    def update(self, **resource: Any) -> None:
        self.formation.update_stack(StackName=self.name, TemplateBody=self.template(**resource))
        self.formation.get_waiter("stack_update_complete").wait(StackName=self.name, WaiterConfig={"Delay": 1})

    def delete(self) -> None:
        self.formation.delete_stack(StackName=self.name)
        self.formation.get_waiter("stack_delete_complete").wait(StackName=self.name, WaiterConfig={"Delay": 1})

    def bucket_exists(self) -> bool:
        return self.bucket in [found["Name"] for found in self.local_aws.s3.list_buckets()["Buckets"]]


@pytest.mark.parametrize("content", ["object", "version", "delete marker"])
def test_a_bucket_that_is_not_empty_survives_its_stack(local_aws: RunningLocalAws, content: str) -> None:
    versioned = {"VersioningConfiguration": {"Status": "Enabled"}} if content != "object" else {}
    stack = Stack(local_aws, Properties=versioned)
    local_aws.s3.put_object(Bucket=stack.bucket, Key="kept", Body=b"kept")
    if content != "object":
        marker = local_aws.s3.delete_object(Bucket=stack.bucket, Key="kept")["VersionId"]
        (version,) = local_aws.s3.list_object_versions(Bucket=stack.bucket)["Versions"]
        removed = marker if content == "version" else version["VersionId"]
        local_aws.s3.delete_object(Bucket=stack.bucket, Key="kept", VersionId=removed)
    with pytest.raises(WaiterError):
        stack.delete()
    described = stack.formation.describe_stacks(StackName=stack.name)["Stacks"][0]
    assert described["StackStatus"] == "DELETE_FAILED"
    assert described["StackStatusReason"] == "The following resource(s) failed to delete: [Bucket]."
    resource = stack.formation.describe_stack_resource(StackName=stack.name, LogicalResourceId="Bucket")
    assert resource["StackResourceDetail"]["ResourceStatus"] == "DELETE_FAILED"
    assert "The bucket you tried to delete is not empty" in resource["StackResourceDetail"]["ResourceStatusReason"]
    assert stack.bucket_exists()
    for found in local_aws.s3.list_object_versions(Bucket=stack.bucket).get("Versions", []):
        local_aws.s3.delete_object(Bucket=stack.bucket, Key=found["Key"], VersionId=found["VersionId"])
    for mark in local_aws.s3.list_object_versions(Bucket=stack.bucket).get("DeleteMarkers", []):
        local_aws.s3.delete_object(Bucket=stack.bucket, Key=mark["Key"], VersionId=mark["VersionId"])
    stack.delete()
    assert not stack.bucket_exists()


def test_an_upload_in_progress_does_not_keep_a_bucket(local_aws: RunningLocalAws) -> None:
    stack = Stack(local_aws)
    local_aws.s3.create_multipart_upload(Bucket=stack.bucket, Key="parts")
    stack.delete()
    assert not stack.bucket_exists()


@pytest.mark.parametrize("policy", ["Retain", "RetainExceptOnCreate"])
def test_a_retained_bucket_is_kept(local_aws: RunningLocalAws, policy: str) -> None:
    stack = Stack(local_aws, DeletionPolicy=policy)
    local_aws.s3.put_object(Bucket=stack.bucket, Key="kept", Body=b"kept")
    stack.delete()
    assert stack.bucket_exists()


def test_a_bucket_has_the_properties_of_its_template(local_aws: RunningLocalAws) -> None:
    encryption = {
        "ServerSideEncryptionConfiguration": [
            {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
        ]
    }
    rules = [
        {"Id": "old", "Status": "Enabled", "Prefix": "tmp/", "ExpirationInDays": 3,
         "TagFilters": [{"Key": "a", "Value": "b"}]},
        {"Id": "parts", "Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
         "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
         "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 90}]},
    ]  # fmt: skip
    stack = Stack(
        local_aws,
        Properties={
            "Tags": [{"Key": "own", "Value": "yes"}],
            "BucketEncryption": encryption,
            "LifecycleConfiguration": {"Rules": rules},
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "LoggingConfiguration": {"LogFilePrefix": "logs/"},
            "VersioningConfiguration": {"Status": "Enabled"},
        },
    )
    s3, name = local_aws.s3, stack.bucket
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=name)["TagSet"]}
    assert tags["own"] == "yes"
    assert tags["team"] == "data"
    assert tags["aws:cloudformation:logical-id"] == "Bucket"
    (rule,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert (rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"], rule["BucketKeyEnabled"]) == ("aws:kms", True)
    assert s3.put_object(Bucket=name, Key="k")["ServerSideEncryption"] == "aws:kms"
    old, parts = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert (old["Filter"]["And"]["Prefix"], old["Filter"]["And"]["Tags"]) == ("tmp/", [{"Key": "a", "Value": "b"}])
    assert old["Expiration"] == {"Days": 3}
    assert parts["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert parts["Transitions"] == [{"Days": 90, "StorageClass": "GLACIER"}]
    controls = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]
    assert controls["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    logging = s3.get_bucket_logging(Bucket=name)["LoggingEnabled"]
    assert (logging["TargetBucket"], logging["TargetPrefix"]) == (name, "logs/")
    stack.update(Properties={"VersioningConfiguration": {"Status": "Suspended"}})
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Suspended"
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=name)
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket=name)
    assert "own" not in [tag["Key"] for tag in s3.get_bucket_tagging(Bucket=name)["TagSet"]]
