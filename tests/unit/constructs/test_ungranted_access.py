"""Warnings about what a job needs and nothing grants, because it is known only at run time or is in a text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Annotations as Acknowledge
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk.assertions import Annotations, Match

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    ProcessingInput,
    ProcessingOutput,
    SageMakerCreateProcessingJob,
    SKLearnProcessor,
    uploaded_objects,
)
from tests.helpers.stacks import stack

IMAGE = "444455556666.dkr.ecr.us-west-2.amazonaws.com/team/count:1"
IDS = ("run-time-access", "uri-without-access")
Grant = Callable[[s3.IBucket, SageMakerCreateProcessingJob], Any]


def at(name: str) -> str:
    return sfn.JsonPath.string_at(f"$.{name}")


def warnings(scope: Any) -> list[str]:  # noqa: ANN401
    found = Annotations.from_stack(scope).find_warning("*", Match.any_value())
    return [str(each.entry.data) for each in found if any(name in str(each.entry.data) for name in IDS)]


def warned(options: Callable[[s3.IBucket], dict[str, Any]], grant: Grant | None = None) -> list[str]:
    scope = stack()
    bucket = s3.Bucket(scope, "Bucket")
    arguments: dict[str, Any] = {"image_uri": IMAGE, "bucket": bucket, **options(bucket)}
    task = SageMakerCreateProcessingJob(scope, "Count", **arguments)
    if grant:
        grant(bucket, task)
    sfn.StateMachine(scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(task))
    return warnings(scope)


def reading(uri: str) -> dict[str, Any]:
    inputs = [("s3://known/x.csv", "/opt/ml/processing/a"), (uri, "/opt/ml/processing/b")]
    return {"inputs": [ProcessingInput(source=source, destination=path) for source, path in inputs]}


def writing(uri: str) -> dict[str, Any]:
    return {"outputs": [ProcessingOutput(source="/opt/ml/processing/out", destination=uri)]}


# What is known only at run time, the parameter that the warning names, and the grant that it advises.
CASES: dict[str, tuple[Callable[[s3.IBucket], dict[str, Any]], str, Grant]] = {
    "input": (lambda _: reading(at("uri")), "inputs[1]", lambda bucket, task: bucket.grant_read(task)),
    "input, granted by URI": (
        lambda _: reading(at("uri")),
        "inputs[1]",
        lambda _, task: task.grant_read_uri("s3://data/raw/"),
    ),
    "the bucket of an input": (
        lambda _: reading(f"s3://{at('bucket')}/raw/"),
        "inputs[1]",
        lambda bucket, task: bucket.grant_read(task),
    ),
    "output": (lambda _: writing(at("uri")), "outputs[0]", lambda bucket, task: bucket.grant_put(task)),
    "image": (
        lambda _: {"image_uri": at("image")},
        "image_uri",
        lambda bucket, task: ecr.Repository(bucket.stack, "Repository").grant_pull(task),
    ),
    "volume key": (
        lambda _: {"volume_kms_key": at("key")},
        "volume_kms_key",
        lambda bucket, task: kms.Key(bucket.stack, "Key").grant(task, "kms:CreateGrant", "kms:DescribeKey"),
    ),
    "output key": (
        lambda _: writing("s3://known/out/") | {"output_kms_key": at("key")},
        "output_kms_key",
        lambda bucket, task: kms.Key(bucket.stack, "Key").grant_encrypt_decrypt(task),
    ),
    "argument": (
        lambda bucket: {"arguments": ["--data", f"--data=s3://{bucket.bucket_name}/a,x"]},
        "arguments[1]",
        lambda bucket, task: bucket.grant_read(task),
    ),
    "environment": (
        lambda _: {"env": {"DATA": "s3://reference/tables"}},
        "env['DATA']",
        lambda _, task: task.grant_read_uri("s3://reference/tables"),
    ),
    "environment, granted as an input": (
        lambda _: {"env": {"DATA": "s3://reference/tables"}},
        "env['DATA']",
        lambda bucket, task: s3.Bucket.from_bucket_name(bucket.stack, "Other", "reference").grant_read(task),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_warning_ends_when_its_advice_is_followed(case: str) -> None:
    options, parameter, grant = CASES[case]
    (warning,) = warned(options)
    assert parameter in warning
    assert "nothing grants the job's role access" in warning
    assert warned(options, grant) == []


@pytest.mark.parametrize(
    "options",
    [
        reading("s3://known/y/"),
        reading(f"s3://known/{sfn.JsonPath.string_at('$.day')}/"),
        {"image_uri": f"444455556666.dkr.ecr.us-west-2.amazonaws.com/team/count:{sfn.JsonPath.string_at('$.tag')}"},
        {"arguments": ["--to", "s3://known/x"], **writing("s3://known/out/")},
        {"role": "arn:aws:iam::111122223333:role/Mine", **reading(sfn.JsonPath.string_at("$.uri"))},
        {"arguments": ["https://example.com/s3"]},
    ],
    ids=["static", "known bucket", "known repository", "granted as an output", "imported role", "no URI of S3"],
)
def test_no_warning_where_the_request_says_enough(options: dict[str, Any]) -> None:
    assert warned(lambda _: options) == []


def test_no_warning_about_the_objects_of_a_trigger() -> None:
    scope = stack()
    processor = SKLearnProcessor(scope, "P", framework_version="1.2-1", instance_type="ml.m5.large")
    step = processor.run("Run", code="s3://bucket/run.py", inputs=[uploaded_objects()])
    EventDrivenProcessing(scope, "Pipeline", steps=[step])
    assert warnings(scope) == []


def test_a_warning_can_be_acknowledged() -> None:
    def acknowledge(_: s3.IBucket, task: SageMakerCreateProcessingJob) -> None:
        Acknowledge.of(task).acknowledge_warning("cdk-sagemaker-processing:run-time-access")

    assert warned(lambda _: reading(at("uri")), acknowledge) == []
