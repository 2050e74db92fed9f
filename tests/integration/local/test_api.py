"""The SageMaker API as boto3 sees it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

SLEEP = "import time; time.sleep(60)"


def refusal(call: Callable[..., object], **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def changed(request: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    target = request
    *parents, last = path.split("/")
    for part in parents:
        target = target[int(part)] if isinstance(target, list) else target[part]
    target[last] = value
    return request


def test_a_job_has_an_arn_and_is_described_as_requested(local_aws: RunningLocalAws) -> None:
    request = local_aws.request("", Environment={"A": "1"}, Tags=[{"Key": "k", "Value": "v"}])
    arn = local_aws.sagemaker.create_processing_job(**request)["ProcessingJobArn"]
    name = request["ProcessingJobName"]
    assert arn == f"arn:aws:sagemaker:us-east-1:000000000000:processing-job/{name}"
    described = local_aws.wait(name)
    for member, value in request.items():
        if member != "Tags":
            assert described[member] == value
    assert described["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400}
    assert "Tags" not in described


@pytest.mark.parametrize("operation", ["describe_processing_job", "stop_processing_job", "delete_processing_job"])
def test_an_unknown_job_is_refused_with_the_message_of_sagemaker(local_aws: RunningLocalAws, operation: str) -> None:
    answer = refusal(getattr(local_aws.sagemaker, operation), ProcessingJobName="unknown")
    assert answer == ("ValidationException", "Could not find requested job with name: unknown")


def test_a_name_can_be_used_once(local_aws: RunningLocalAws) -> None:
    request = local_aws.request("")
    local_aws.wait(local_aws.create(request))
    code, message = refusal(local_aws.sagemaker.create_processing_job, **request)
    assert code == "ResourceInUse"
    assert message == (
        "Job name must be unique within an AWS account and region, and a job with this name already exists "
        f"(arn:aws:sagemaker:us-east-1:000000000000:processing-job/{request['ProcessingJobName']})"
    )
    local_aws.sagemaker.delete_processing_job(ProcessingJobName=request["ProcessingJobName"])
    local_aws.wait(local_aws.create(request))


def test_a_running_job_cannot_be_deleted_and_an_ended_one_cannot_be_stopped(local_aws: RunningLocalAws) -> None:
    name = local_aws.create(local_aws.request(SLEEP))
    assert refusal(local_aws.sagemaker.delete_processing_job, ProcessingJobName=name)[0] == "ResourceInUse"
    local_aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    local_aws.wait(name)
    assert refusal(local_aws.sagemaker.stop_processing_job, ProcessingJobName=name)[0] == "ValidationException"


def test_violated_limits_are_reported_in_the_wording_of_sagemaker(local_aws: RunningLocalAws) -> None:
    request = changed(local_aws.request(""), "ProcessingResources/ClusterConfig/InstanceType", "ml.huge")
    request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = 101
    request["AppSpecification"]["ContainerArguments"] = ["x" * 257]
    code, message = refusal(local_aws.sagemaker.create_processing_job, **request)
    assert code == "ValidationException"
    assert message.startswith("3 validation errors detected: ")
    assert (
        "Value '101' at 'processingResources.clusterConfig.instanceCount' failed to satisfy constraint: Member must "
        "have value less than or equal to 100"
    ) in message
    assert "Value 'ml.huge' at 'processingResources.clusterConfig.instanceType' failed to satisfy" in message
    assert "at 'appSpecification.containerArguments.1.member' failed to satisfy constraint: Member must" in message


S3_INPUT = "ProcessingInputs/0/S3Input"


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (f"{S3_INPUT}/S3CompressionType", "Gzip", "can only be used with S3InputMode Pipe (input code)"),
        (f"{S3_INPUT}/LocalPath", "/srv/x", "LocalPath must begin with /opt/ml/processing, got /srv/x (input code)"),
        (f"{S3_INPUT}/LocalPath", "/opt/ml/processing/../../etc", "LocalPath must begin with /opt/ml/processing"),
        (f"{S3_INPUT}/LocalPath", "/opt/ml/processing-not", "LocalPath must begin with /opt/ml/processing"),
        (f"{S3_INPUT}/S3Uri", "https://example.com/b/k", "must begin with s3://"),
        ("ProcessingOutputConfig/Outputs/0/FeatureStoreOutput", {"FeatureGroupName": "f"}, "FeatureStoreOutput"),
        ("ProcessingInputs/0/DatasetDefinition", {"LocalPath": "/opt/ml/processing/d"}, "DatasetDefinition"),
        ("ProcessingResources/ClusterConfig/InstancePreferences", [{"InstanceType": "ml.m5.xlarge"}], "Exactly one of"),
    ],
)
def test_an_unsupported_request_is_refused_with_the_reason(
    local_aws: RunningLocalAws, path: str, value: object, expected: str
) -> None:
    code, message = refusal(local_aws.sagemaker.create_processing_job, **changed(local_aws.request(""), path, value))
    assert code == "ValidationException"
    assert expected in message


@pytest.mark.parametrize(
    ("top", "each"), [(None, [2, None]), (1, [2, 2]), (None, [None, None]), (1, [None, 2])], ids=repr
)
def test_hosts_are_counted_once(local_aws: RunningLocalAws, top: int | None, each: list[int | None]) -> None:
    code, message = refusal(local_aws.sagemaker.create_processing_job, **preferring(local_aws, top, each))
    assert code == "ValidationException"
    assert message == "InstanceCount must be given in ClusterConfig or in each of its InstancePreferences, not both"


@pytest.mark.parametrize(("top", "each"), [(2, [None, None]), (None, [2, 3])], ids=repr)
def test_the_first_preference_is_selected(local_aws: RunningLocalAws, top: int | None, each: list[int | None]) -> None:
    job = local_aws.wait(local_aws.create(preferring(local_aws, top, each)))
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    cluster = job["ProcessingResources"]["ClusterConfig"]
    assert (cluster["SelectedInstanceType"], cluster["SelectedInstanceCount"]) == ("ml.m5.xlarge", 2)


def preferring(local_aws: RunningLocalAws, top: int | None, each: list[int | None]) -> dict[str, Any]:
    request = local_aws.request("")
    preferences: list[dict[str, Any]] = [
        {"InstanceType": kind, **({"InstanceCount": count} if count else {})}
        for kind, count in zip(("ml.m5.xlarge", "ml.m5.large"), each, strict=True)
    ]
    cluster = {"InstancePreferences": preferences, "VolumeSizeInGB": 1, **({"InstanceCount": top} if top else {})}
    request["ProcessingResources"]["ClusterConfig"] = cluster
    return request


def test_names_of_inputs_are_unique(local_aws: RunningLocalAws) -> None:
    request = local_aws.request("", inputs=[local_aws.input("code", "s3://data/code/")])
    message = refusal(local_aws.sagemaker.create_processing_job, **request)[1]
    assert "Input names must be unique, got code more than once" in message


def test_an_unknown_operation_is_refused_with_the_list_of_known_ones(local_aws: RunningLocalAws) -> None:
    code, message = refusal(local_aws.sagemaker.list_models)
    assert code == "UnknownOperationException"
    assert "ListTrainingJobs" in message
    assert "CreateProcessingJob" in message


def test_tags_can_be_listed_and_added(local_aws: RunningLocalAws) -> None:
    request = local_aws.request("", Tags=[{"Key": "a", "Value": "1"}])
    arn = local_aws.sagemaker.create_processing_job(**request)["ProcessingJobArn"]
    local_aws.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}])
    tags = local_aws.sagemaker.list_tags(ResourceArn=arn)["Tags"]
    assert tags == [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}]
    assert refusal(local_aws.sagemaker.list_tags, ResourceArn=arn + "x")[0] == "ValidationException"


def test_tags_can_be_removed(local_aws: RunningLocalAws) -> None:
    request = local_aws.request("", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    arn = local_aws.sagemaker.create_processing_job(**request)["ProcessingJobArn"]
    local_aws.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a", "unknown"])
    assert local_aws.sagemaker.list_tags(ResourceArn=arn, MaxResults=50)["Tags"] == [{"Key": "b", "Value": ""}]


def tags_of(count: int, prefix: str = "k") -> list[dict[str, str]]:
    return [{"Key": f"{prefix}{number}", "Value": ""} for number in range(count)]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (tags_of(51), "Member must have length less than or equal to 50"),
        (tags_of(30, "other"), "must have at most 50 tags, got 60"),
        (
            [{"Key": "aws:x", "Value": ""}],
            "must not start with aws:, which AWS reserves, got aws:x",
        ),
        ([*tags_of(1), *tags_of(1)], "Tag keys must be unique, got k0 more than once"),
        ([{"Key": "k" * 129, "Value": ""}], "Member must have length less than or equal to 128"),
        ([{"Key": "k", "Value": "v" * 257}], "Member must have length less than or equal to 256"),
        ([{"Key": "a,b", "Value": ""}], "Member must satisfy regular expression pattern"),
    ],
)
def test_tags_have_limits(local_aws: RunningLocalAws, tags: list[dict[str, str]], expected: str) -> None:
    arn = local_aws.sagemaker.create_processing_job(**local_aws.request("", Tags=tags_of(30)))["ProcessingJobArn"]
    code, message = refusal(local_aws.sagemaker.add_tags, ResourceArn=arn, Tags=tags)
    assert code == "ValidationException"
    assert expected in message
    assert len(local_aws.sagemaker.list_tags(ResourceArn=arn)["Tags"]) == 30


def test_only_sagemaker_resources_have_tags(local_aws: RunningLocalAws) -> None:
    code, message = refusal(local_aws.sagemaker.list_tags, ResourceArn="arn:aws:s3:::bucket")
    assert code == "ValidationException"
    assert "at 'resourceArn' failed to satisfy constraint" in message
    arn = "arn:aws:sagemaker:us-east-1:000000000000:processing-job/unknown"
    for call, more in (("list_tags", {}), ("delete_tags", {"TagKeys": ["k"]}), ("add_tags", {"Tags": []})):
        answer = refusal(getattr(local_aws.sagemaker, call), ResourceArn=arn, **more)
        assert answer == ("ValidationException", "Could not find requested job with name: unknown")


def test_lists_have_limits(local_aws: RunningLocalAws) -> None:
    for request, expected in (
        ({"MaxResults": 101}, "'maxResults' failed to satisfy constraint: Member must have value less than or equal"),
        ({"SortBy": "Age"}, "'sortBy' failed to satisfy constraint: Member must satisfy enum value set"),
        ({"StatusEquals": "Done"}, "'statusEquals' failed to satisfy constraint"),
        ({"CreationTimeAfter": datetime(1901, 1, 1, tzinfo=UTC)}, "CreationTimeAfter must be seconds since 1970"),
    ):
        code, message = refusal(local_aws.sagemaker.list_processing_jobs, **request)
        assert code == "ValidationException"
        assert expected in message


def test_a_pagination_token_is_valid_for_its_sort_order_only(local_aws: RunningLocalAws, listed: str) -> None:
    page = local_aws.sagemaker.list_processing_jobs(NameContains=listed, MaxResults=1)
    for token, order in ((page["NextToken"], "Name"), ("WzFd", "Name"), ("bnVsbA==", "Name"), ("*", "CreationTime")):
        answer = refusal(local_aws.sagemaker.list_processing_jobs, NextToken=token, SortBy=order)
        assert answer == ("ValidationException", "Invalid NextToken")


@pytest.fixture
def listed(local_aws: RunningLocalAws) -> str:
    """Create three jobs, of which the second fails, and return the common part of their names."""
    common = local_aws.name()
    for letter, script in (("b", ""), ("c", "import sys; sys.exit(1)"), ("a", "")):
        local_aws.wait(local_aws.create(local_aws.request(script, name=f"{common}-{letter}")))
        time.sleep(0.005)
    return common


def names(local_aws: RunningLocalAws, common: str, **request: Any) -> str:
    page = local_aws.sagemaker.list_processing_jobs(NameContains=common, **request)
    return "".join(job["ProcessingJobName"][-1] for job in page["ProcessingJobSummaries"])


def test_lists_are_filtered_and_sorted(local_aws: RunningLocalAws, listed: str) -> None:
    assert names(local_aws, listed) == "bca"
    assert names(local_aws, listed, SortOrder="Descending") == "acb"
    assert names(local_aws, listed, SortBy="Name") == "abc"
    assert names(local_aws, listed, SortBy="Name", SortOrder="Descending") == "cba"
    assert names(local_aws, listed, SortBy="Status") == "abc"
    assert names(local_aws, listed, StatusEquals="Failed") == "c"
    middle = local_aws.describe(f"{listed}-c")["CreationTime"]
    # botocore may truncate a time to whole seconds.
    assert names(local_aws, listed, CreationTimeAfter=middle) in ("ca", "bca")
    assert names(local_aws, listed, CreationTimeBefore=middle) in ("", "bc")
    later = datetime.now(tz=UTC) + timedelta(minutes=1)
    assert names(local_aws, listed, LastModifiedTimeAfter=later) == ""
    assert names(local_aws, listed, LastModifiedTimeBefore=later) == "bca"


def test_pages_hold_every_job_once(local_aws: RunningLocalAws, listed: str) -> None:
    orders: list[dict[str, Any]] = [{}, {"SortBy": "Name", "SortOrder": "Descending"}]
    for order in orders:
        pages = local_aws.sagemaker.get_paginator("list_processing_jobs").paginate(
            NameContains=listed, PaginationConfig={"PageSize": 1}, **order
        )
        found = [job["ProcessingJobName"][-1] for page in pages for job in page["ProcessingJobSummaries"]]
        assert "".join(found) == ("cba" if order else "bca")
    answer = refusal(local_aws.sagemaker.list_processing_jobs, NextToken="nonsense")
    assert answer == ("ValidationException", "Invalid NextToken")


def test_jobs_are_separated_by_region_and_account(local_aws: RunningLocalAws) -> None:
    name = local_aws.create(local_aws.request(""))
    local_aws.wait(name)
    for key, region in (("test", "eu-west-1"), ("111122223333", "us-east-1")):
        elsewhere = boto3.client(
            "sagemaker",
            region_name=region,
            endpoint_url=local_aws.aws.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key="test",  # noqa: S106
        )
        assert elsewhere.list_processing_jobs()["ProcessingJobSummaries"] == []
        assert refusal(elsewhere.describe_processing_job, ProcessingJobName=name)[0] == "ValidationException"
        elsewhere.close()


def test_the_refusal_of_a_rest_request_names_it(local_aws: RunningLocalAws) -> None:
    record = [{"FeatureName": "id", "ValueAsString": "1"}]
    with pytest.raises(ClientError, match="does not have the SageMaker operation PUT /FeatureGroup/people; it has "):
        local_aws.client("sagemaker-featurestore-runtime").put_record(FeatureGroupName="people", Record=record)
