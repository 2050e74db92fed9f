"""Warnings about what a job needs and nothing grants, because it is known only at run time or is in a text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import Annotations as Acknowledge
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk.assertions import Annotations, Match

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    FeatureStoreOutput,
    InvalidProcessingJobError,
    NetworkConfig,
    ProcessingInput,
    ProcessingOutput,
    Processor,
    SageMakerCreateProcessingJob,
    SKLearnProcessor,
    uploaded_objects,
)
from tests.helpers.stacks import resources, stack, statements

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


HTTPS_FORMS: dict[str, Callable[[s3.IBucket], str]] = {
    "path style": lambda bucket: bucket.url_for_object("a,x"),
    "virtual-hosted style": lambda bucket: bucket.virtual_hosted_url_for_object("a/b"),
    "without a region": lambda bucket: f"https://{bucket.bucket_name}.s3.amazonaws.com",
    "without a region, path style": lambda bucket: f"https://s3.amazonaws.com/{bucket.bucket_name}",
    "dual-stack": lambda bucket: f"https://{bucket.bucket_name}.s3.dualstack.us-west-2.amazonaws.com/a",
    "s3a": lambda bucket: f"s3a://{bucket.bucket_name}/a",
}

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
    **{
        f"argument, {form}": (
            lambda bucket, form=form: {"arguments": [f"--data={HTTPS_FORMS[form](bucket)} more"]},  # type: ignore[misc]
            "arguments[0]",
            lambda bucket, task: bucket.grant_read(task),
        )
        for form in HTTPS_FORMS
    },
    "environment, https": (
        lambda _: {"env": {"DATA": "https://reference.s3.eu-west-1.amazonaws.com/tables"}},
        "env['DATA']",
        lambda _, task: task.grant_read_uri("s3://reference/tables"),
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
        {"arguments": ["https://example.com/a", "https://s3.amazonaws.com", "https://s3-website.example.com/a/b"]},
        {"arguments": ["https://111122223333.dkr.ecr.us-west-2.amazonaws.com/x"], "env": {"A": "xs3://no"}},
        reading(f"s3://known/{sfn.JsonPath.string_at('$.day')}/"),
        {"image_uri": f"444455556666.dkr.ecr.us-west-2.amazonaws.com/team/count:{sfn.JsonPath.string_at('$.tag')}"},
        {"arguments": ["--to", "s3://known/x"], **writing("s3://known/out/")},
        {"role": "arn:aws:iam::111122223333:role/Mine", **reading(sfn.JsonPath.string_at("$.uri"))},
        {"arguments": ["https://example.com/s3"]},
    ],
    ids=[
        "static",
        "addresses of others",
        "other schemes",
        "known bucket",
        "known repository",
        "granted as an output",
        "imported role",
        "no URI of S3",
    ],
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


ROLES: dict[str, Callable[[cdk.Stack], iam.IRole | str]] = {
    "without policy updates": lambda scope: iam.Role(
        scope, "Mine", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com")
    ).without_policy_updates(),
    "immutable": lambda scope: iam.Role.from_role_arn(
        scope, "Mine", cdk.CfnParameter(scope, "Arn").value_as_string, mutable=False
    ),
    "path": lambda _: at("role"),
    "part of an ARN": lambda _: f"arn:aws:iam::111122223333:role/{at('role')}",
    "JSONata": lambda _: "{% $states.input.role %}",
}


@pytest.mark.parametrize("of_processor", [True, False])
@pytest.mark.parametrize("case", ROLES)
def test_what_a_role_needs_that_takes_no_statements_is_listed(case: str, of_processor: bool) -> None:  # noqa: FBT001
    scope = stack()
    role, bucket = ROLES[case](scope), s3.Bucket(scope, "Bucket", encryption_key=kms.Key(scope, "Key"))
    language = sfn.QueryLanguage.JSONATA if case == "JSONata" else None
    options: dict[str, Any] = reading(at("uri")) | writing(f"s3://{bucket.bucket_name}/out/")
    if of_processor:
        processor = Processor(scope, "Processor", image_uri=IMAGE, role=role, instance_type="ml.m5.large")
        task = processor.run("Count", query_language=language, **options)
    else:
        task = SageMakerCreateProcessingJob(
            scope, "Count", image_uri=IMAGE, role=role, query_language=language, **options
        )
    sfn.StateMachine(scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(task))
    every = [str(each.entry.data) for each in Annotations.from_stack(scope).find_warning("*", Match.any_value())]
    (listed,) = [each for each in every if "this app cannot change the policies of the role" in each]
    assert all(action in listed for action in ("s3:PutObject", "ecr:BatchGetImage", "kms:GenerateDataKey"))
    (run_time,) = [each for each in every if "run-time-access" in each]
    assert "inputs[1] is known only at run time" in run_time
    only_at_run_time = case in ("path", "part of an ARN", "JSONata")
    assert [("iam:PassRole" in each) for each in every if "run-time-role" in each] == [True] * only_at_run_time
    passed = [each for each in statements(scope, "") if each["Action"] == "iam:PassRole"]
    assert len(passed) == (0 if only_at_run_time else 1)


def test_a_grant_to_a_role_that_takes_no_statements_is_listed_and_ends_the_warning() -> None:
    scope = stack()
    bucket = s3.Bucket(scope, "Bucket")
    task = SageMakerCreateProcessingJob(scope, "Count", image_uri=IMAGE, role=at("role"), **reading(at("uri")))
    bucket.grant_read(task)
    sfn.StateMachine(scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(task))
    assert warnings(scope) == []


# Each parameter that may be known only at run time.
RUN_TIME: dict[str, dict[str, Any]] = {
    "base_job_name": {"base_job_name": at("name")},
    "job_name": {"job_name": at("name")},
    "image": {"image_uri": at("image")},
    "account of the image": {"image_uri": f"{at('account')}.dkr.ecr.us-west-2.amazonaws.com/team/count:1"},
    "repository of the image": {"image_uri": f"444455556666.dkr.ecr.us-west-2.amazonaws.com/{at('team')}:1"},
    "input": reading(at("uri")),
    "bucket of an input": reading(f"s3://{at('bucket')}/x"),
    "key of an input": reading(f"s3://known/{at('day')}/x"),
    "https input": reading(f"https://{at('bucket')}.s3.amazonaws.com/x"),
    "output": writing(at("uri")),
    "role": {"role": at("role")},
    "volume key": {"volume_kms_key": at("key")},
    "output key": {"output_kms_key": at("key")},
    "subnets": {"network_config": NetworkConfig(subnets=[at("subnet")], security_group_ids=[at("group")])},
    "tags": {"tags": {"a": at("tag")}},
    "instance type": {"instance_type": at("type")},
    "feature group": {
        "outputs": [
            ProcessingOutput(
                output_name="features",
                app_managed=True,
                feature_store_output=FeatureStoreOutput(feature_group_name=at("group")),
            )
        ]
    },
}


@pytest.mark.parametrize("case", RUN_TIME)
def test_no_policy_contains_a_value_of_the_execution(case: str) -> None:
    scope = stack()
    try:
        task = SageMakerCreateProcessingJob(scope, "Count", **({"image_uri": IMAGE} | RUN_TIME[case]))
    except InvalidProcessingJobError:
        return
    sfn.StateMachine(scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(task))
    policies = resources(scope, "AWS::IAM::Policy")
    assert policies
    assert "$." not in json.dumps(policies)
