"""Requests that no client would send: the service answers each of them, and nothing is left behind."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import botocore.loaders
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smproc.local.probes import children

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

SHAPES = botocore.loaders.Loader().load_service_model("sagemaker", "service-2")["shapes"]
OPERATIONS = [
    "AddTags",
    "CreateProcessingJob",
    "DeleteProcessingJob",
    "DeleteTags",
    "DescribeProcessingJob",
    "ListProcessingJobs",
    "ListTags",
    "StopProcessingJob",
    "CreateTrainingJob",
    "DeleteTrainingJob",
    "DescribeTrainingJob",
    "ListTrainingJobs",
    "StopTrainingJob",
]
CREATIONS = ["CreateProcessingJob", "CreateTrainingJob"]
TRIES = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
# Strings of requests that pass the limits: existing locations, and text that a layer may misinterpret.
STRINGS = st.sampled_from(
    [
        "s3://data/fuzz/a",
        "s3://data/fuzz/",
        "s3://data/none",
        "s3:///",
        "https://data.s3.amazonaws.com/fuzz/a",
        "/opt/ml/processing/x",
        "/opt/ml/processing",
        "/opt/ml/processing/../..",
        "/opt/ml/processing/\0",
        "/opt/ml/processing/" + "x" * 230,
        "/opt/ml/processing/\ud800",
        "arn:aws:iam::000000000000:role/processing",
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
        "true",
        "nul\0",
        "\ud800",
        "",
        "a",
    ]
) | st.text(max_size=300)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=20,
)


def of_shape(name: str) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one per type
    """Return a strategy for values that botocore's model allows, and for some that it nearly allows."""
    shape = SHAPES[name]
    match shape["type"]:
        case "structure":
            members = {member: of_shape(ref["shape"]) for member, ref in shape["members"].items()}
            required = {member: members.pop(member) for member in shape.get("required", ())}
            return st.fixed_dictionaries(required, optional=members)
        case "list":
            return st.lists(of_shape(shape["member"]["shape"]), min_size=shape.get("min", 0), max_size=3)
        case "map":
            return st.dictionaries(of_shape(shape["key"]["shape"]), of_shape(shape["value"]["shape"]), max_size=3)
        case "integer" | "long":
            low = shape.get("min", 0)
            return st.integers(low, low + 2) | st.integers()
        case "boolean":
            return st.booleans()
        case "timestamp":
            return st.floats() | st.integers()
        case _ if "enum" in shape:
            return st.sampled_from(shape["enum"])
        case _ if name in ("ProcessingJobName", "TrainingJobName"):
            return st.from_regex(r"\Afuzz-[a-z0-9]{1,20}\Z")
        case _:
            return STRINGS


def ask(local_aws: RunningLocalAws, operation: str, body: bytes) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(  # noqa: S310 - loopback
        local_aws.aws.endpoint,
        data=body,
        headers={
            "X-Amz-Target": f"SageMaker.{operation}",
            "Content-Type": "application/x-amz-json-1.1",
            "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sagemaker/aws4_request",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def answered(local_aws: RunningLocalAws, operation: str, body: bytes) -> dict[str, Any]:
    status, answer = ask(local_aws, operation, body)
    assert status in (200, 400), answer
    if status == 400:
        assert answer["__type"] in ("ValidationException", "SerializationException", "ResourceInUse")
        assert answer["message"]
    return answer


@pytest.fixture
def nothing_left(local_aws: RunningLocalAws) -> Iterator[None]:
    """Check that a test leaves neither a process nor a directory behind, and causes no internal error."""
    status = local_aws.aws.status()
    assert status.pid
    local_aws.put("fuzz/a", "x")
    before = set(children(status.pid))
    log = status.log.stat().st_size
    yield
    local_aws.until(lambda: local_aws.aws.status().jobs_in_progress, lambda count: count == 0)
    local_aws.until(lambda: list((status.folder / "jobs").iterdir()), lambda directories: not directories)
    assert set(children(status.pid)) <= before
    logged = status.log.read_bytes()[log:].decode(errors="replace")
    assert "with an internal error" not in logged
    assert local_aws.aws.status().pid == status.pid


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("operation", CREATIONS)
def test_requests_of_the_models_shape_end_as_jobs_or_as_refusals(local_aws: RunningLocalAws, operation: str) -> None:
    created = 0

    @TRIES
    @given(of_shape(f"{operation}Request"))
    def check(request: dict[str, Any]) -> None:
        nonlocal created
        answer = answered(local_aws, operation, json.dumps(request).encode())
        created += bool(answer.keys() & {"ProcessingJobArn", "TrainingJobArn"})

    check()
    assert created < 150


def valid(local_aws: RunningLocalAws, operation: str) -> dict[str, Any]:
    stop = {"MaxRuntimeInSeconds": 5}
    if operation == "CreateProcessingJob":
        return {**local_aws.request("", "fuzz-base"), "StoppingCondition": stop}
    return {
        "RoleArn": local_aws.role,
        "AlgorithmSpecification": {
            "TrainingImage": local_aws.image,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["true"],
        },
        "OutputDataConfig": {"S3OutputPath": "s3://data/fuzz-trained"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 1},
        "StoppingCondition": stop,
    }


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("operation", CREATIONS)
def test_a_good_request_with_one_odd_part_ends_as_a_job_or_as_a_refusal(
    local_aws: RunningLocalAws, operation: str
) -> None:
    base, name = valid(local_aws, operation), f"{operation.removeprefix('Create')}Name"
    members = SHAPES[f"{operation}Request"]["members"]
    odd = st.one_of(
        [
            st.tuples(st.just(member), of_shape(ref["shape"]))
            for member, ref in members.items()
            if member not in (name, "StoppingCondition")
        ]
    )
    created = 0

    @TRIES
    @given(odd, st.uuids())
    def check(change: tuple[str, Any], unique: object) -> None:
        nonlocal created
        request = {**base, change[0]: change[1], name: f"fuzz-{unique}"}
        answer = answered(local_aws, operation, json.dumps(request).encode())
        created += bool(answer.keys() & {"ProcessingJobArn", "TrainingJobArn"})

    check()
    # If all were refused, the test would say nothing about jobs.
    assert created > 10


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("operation", OPERATIONS)
def test_any_json_is_answered(local_aws: RunningLocalAws, operation: str) -> None:
    shape = {"AddTags": "AddTagsInput", "DeleteTags": "DeleteTagsInput", "ListTags": "ListTagsInput"}

    @settings(TRIES, max_examples=60)
    @given(JSON | of_shape(shape.get(operation, f"{operation}Request")))
    def check(body: object) -> None:
        if operation in CREATIONS and isinstance(body, dict):
            body.pop("RoleArn", None)
        answered(local_aws, operation, json.dumps(body).encode())

    check()


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("body", [b"", b"\xff", b"{", b"[" * 100_000, b'{"a":' * 100_000, b"1" * 10_000, b"NaN"])
def test_any_bytes_are_answered(local_aws: RunningLocalAws, body: bytes) -> None:
    for operation in OPERATIONS:
        if operation != "ListProcessingJobs" or body:
            answered(local_aws, operation, body)


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    "change",
    [
        {"AppSpecification": {"ContainerEntrypoint": ["nul\0"]}},
        {"AppSpecification": {"ContainerEntrypoint": ["\ud800"]}},
        {"AppSpecification": {"ContainerEntrypoint": [""]}},
        {"AppSpecification": {"ContainerArguments": ["nul\0", "\ud800"]}},
        {"AppSpecification": {"ImageUri": "nul\0"}},
        {"AppSpecification": {"ImageUri": ""}},
        {"Environment": {"A": "nul\0"}},
        {"Environment": {"A": "\ud800"}},
        {"Environment": {"PATH": ""}},
        {"LocalPath": "/opt/ml/processing/\ud800"},
        {"LocalPath": "/opt/ml/processing/" + "\u00fc" * 200},
        {"LocalPath": "/opt/ml/processing/output/x"},
        {"LocalPath": "/opt/ml/processing/input/code/main.py/x"},
        {"S3Uri": "s3://data/\ud800"},
        {"S3Uri": "s3://data/nul\0"},
        {"S3Uri": "s3://\u00fc b/x"},
    ],
    ids=repr,
)
def test_a_job_with_odd_strings_is_refused_or_ends_without_an_internal_error(
    local_aws: RunningLocalAws, change: dict[str, Any]
) -> None:
    name = local_aws.name()
    request = local_aws.request("", name)
    if "AppSpecification" in change:
        request["AppSpecification"] |= change["AppSpecification"]
    elif "Environment" in change:
        request |= change
    else:
        local_aws.put("fuzz/b", "x")
        data = local_aws.input("data", "s3://data/fuzz/b")
        data["S3Input"] |= change
        request["ProcessingInputs"].append(data)
    if "ProcessingJobArn" not in answered(local_aws, "CreateProcessingJob", json.dumps(request).encode()):
        return

    def describe() -> dict[str, Any]:
        return answered(local_aws, "DescribeProcessingJob", json.dumps({"ProcessingJobName": name}).encode())

    job = local_aws.until(describe, lambda found: found["ProcessingJobStatus"] != "InProgress")
    assert job["ProcessingJobStatus"] == "Completed" or "InternalServerError" not in job["FailureReason"]
