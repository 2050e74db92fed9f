"""Warnings about pipelines that are valid and most likely not intended: each by its id, which acknowledges it."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk.assertions import Annotations, Match
from constructs import Construct

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    ProcessingInput,
    Processor,
    S3Trigger,
    SageMakerCreateProcessingJob,
    retry_on_capacity,
    uploaded_objects,
)
from tests.helpers.stacks import stack

IMAGE = "111122223333.dkr.ecr.us-west-2.amazonaws.com/count:1"
LIBRARY = "cdk-sagemaker-processing:"
SIBLINGS, BUCKET, UNUSED = "prefix-siblings", "bucket-without-prefix", "uploads-unused"


def warnings(scope: cdk.Stack) -> dict[str, str]:
    """Return the texts of the library's warnings by their ids, without the library's name."""
    found = Annotations.from_stack(scope).find_warning("*", Match.any_value())
    texts = [str(each.entry.data) for each in found if f"[ack: {LIBRARY}" in str(each.entry.data)]
    return {text.rpartition(LIBRARY)[2].rstrip("]"): text for text in texts}


def job(scope: Construct, name: str = "Count", **arguments: Any) -> SageMakerCreateProcessingJob:
    return SageMakerCreateProcessingJob(
        scope, name, **{"image_uri": IMAGE, "result_path": sfn.JsonPath.DISCARD, **arguments}
    )


def pipeline(scope: cdk.Stack, **arguments: Any) -> EventDrivenProcessing:
    steps = arguments.pop("steps", None) or [job(scope, inputs=[uploaded_objects()])]
    return EventDrivenProcessing(scope, "Pipeline", **{"steps": steps, "prefixes": ["in/"], **arguments})


@pytest.mark.parametrize(
    ("prefix", "warned"),
    [
        ("incoming", True),
        ("data/incoming", True),
        ("données", True),
        ("2026", True),
        ("a/day=2026-11-25", True),
        ("incoming/", False),
        ("incoming/part-", False),
        ("incoming/part_", False),
        ("day=", False),
        ("incoming/data.csv", False),
        ("v1.2", False),
        ("${Token[Prefix.1]}", False),
    ],
)
def test_a_prefix_that_looks_like_a_folder_without_its_slash(prefix: str, warned: bool) -> None:  # noqa: FBT001
    scope = stack()
    bucket, machine = s3.Bucket(scope, "Bucket"), sfn.StateMachine.from_state_machine_name(scope, "Machine", "m")
    prefixes = ["first/", prefix.replace("${Token[Prefix.1]}", cdk.CfnParameter(scope, "Prefix").value_as_string)]
    out = s3.Bucket(scope, "Out")
    S3Trigger(scope, "Trigger", bucket=bucket, state_machine=machine, manifest_bucket=out, prefixes=prefixes)
    found = warnings(scope)
    assert (SIBLINGS in found) == warned
    if warned:
        assert f"prefixes=[{prefix!r}] also matches" in found[SIBLINGS]
        assert f"{prefix}-old/a.csv" in found[SIBLINGS]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"prefixes": []}, "every object that anybody writes"),
        ({"prefixes": [], "min_size_in_bytes": 1}, "every object that anybody writes"),
        ({"prefixes": [], "suffixes": [".csv", ".gz"]}, "every object that ends in '.csv' or '.gz' that anybody"),
        ({"prefixes": ["in/"]}, None),
        ({"prefixes": [], "wildcards": ["in/*/a"]}, None),
    ],
)
@pytest.mark.parametrize("imported", [True, False])
def test_a_bucket_without_a_prefix(arguments: dict[str, Any], text: str | None, imported: bool) -> None:  # noqa: FBT001
    scope = stack()
    bucket = s3.Bucket.from_bucket_name(scope, "Theirs", "theirs") if imported else s3.Bucket(scope, "Theirs")
    pipeline(scope, input_bucket=bucket, **arguments)
    found = warnings(scope)
    assert (BUCKET in found) == (text is not None)
    assert text is None or found[BUCKET].startswith(text)


def test_the_pipelines_own_bucket_needs_no_prefix() -> None:
    scope = stack()
    pipeline(scope, prefixes=[])
    assert warnings(scope) == {}


def test_a_trigger_and_a_bucket_in_one_construct_need_no_prefix() -> None:
    scope = stack()
    mine = Construct(scope, "Mine")
    machine = sfn.StateMachine.from_state_machine_name(scope, "Machine", "m")
    out = s3.Bucket(scope, "Out")
    S3Trigger(mine, "Trigger", bucket=s3.Bucket(mine, "In"), state_machine=machine, manifest_bucket=out)
    assert warnings(scope) == {}
    S3Trigger(scope, "Trigger", bucket=s3.Bucket(scope, "In"), state_machine=machine, manifest_bucket=out)
    assert set(warnings(scope)) == {BUCKET}


PATH, NAME = sfn.JsonPath.string_at, sfn.JsonPath.execution_name
INPUT = ProcessingInput(source="s3://data/reference/", destination="/opt/ml/processing/input")


@pytest.mark.parametrize(
    "arguments",
    [
        {"arguments": [PATH("$.key")]},
        {"arguments": [f"s3://{PATH('$.bucket')}/{PATH('$.key')}"]},
        {"env": {"KEY": PATH("$$.Execution.Input.key")}},
        {"env": {"ALL": sfn.JsonPath.json_to_string(sfn.JsonPath.object_at("$"))}},
        {"arguments": sfn.JsonPath.list_at("$.key")},
        {"env": {"VARIABLE": PATH("$key")}},
        {"instance_count": sfn.JsonPath.number_at("$.sequencer")},
        {"overrides": {"Environment": {"KEY.$": "$.key"}}},
        {"inputs": [INPUT, uploaded_objects("/opt/ml/processing/more")]},
    ],
)
def test_a_step_takes_the_uploaded_objects(arguments: dict[str, Any]) -> None:
    scope = stack()
    pipeline(scope, steps=[job(scope, **arguments)])
    assert UNUSED not in warnings(scope)


@pytest.mark.parametrize(
    "text",
    [
        "{% $states.input.key %}",
        "s3://data/{% $states.input.bucket %}/",
        "{% $states.context.Execution.Input.key %}",
        "{% $string($key) %}",
        PATH("$.key"),
    ],
)
def test_a_jsonata_step_takes_the_uploaded_objects(text: str) -> None:
    scope = stack()
    step = SageMakerCreateProcessingJob.jsonata(
        scope, "Count", image_uri=IMAGE, arguments=[text], state_output="{% $states.input %}"
    )
    pipeline(scope, steps=[step])
    assert UNUSED not in warnings(scope)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"inputs": [INPUT]},
        {"arguments": ["--price", "$5"], "env": {"NAME": NAME}},
        {"env": {"NAME": f"{NAME}-{sfn.JsonPath.uuid()}", "TIME": PATH("$$.State.EnteredTime")}},
        {"overrides": {"Environment": {"KEY.$": "$$.Execution.Id", "OTHER": "$.key"}}},
    ],
)
def test_no_step_takes_the_uploaded_objects(arguments: dict[str, Any]) -> None:
    scope = stack()
    pipeline(scope, steps=[job(scope, **arguments), retry_on_capacity(job(scope, "Second"))])
    text = warnings(scope)[UNUSED]
    assert text.startswith("each upload starts the same job, because no step of 'Count', 'Second' takes the uploaded")


@pytest.mark.parametrize("text", ["{% $states.context.Execution.Name %}", "{% $uuid() %}", "{% $now () & 'x' %}", "$"])
def test_no_jsonata_step_takes_the_uploaded_objects(text: str) -> None:
    scope = stack()
    pipeline(scope, steps=[SageMakerCreateProcessingJob.jsonata(scope, "Count", image_uri=IMAGE, arguments=[text])])
    assert UNUSED in warnings(scope)


def test_the_second_step_may_take_them() -> None:
    scope = stack()
    processor = Processor(scope, "Processor", image_uri=IMAGE, instance_type="ml.m5.large")
    second = processor.run("Second", inputs=[uploaded_objects()])
    pipeline(scope, steps=[job(scope), second])
    assert UNUSED not in warnings(scope)


def test_each_warning_can_be_acknowledged() -> None:
    scope = stack()
    bucket = s3.Bucket(scope, "Theirs")
    made = EventDrivenProcessing(scope, "Pipeline", steps=[job(scope)], input_bucket=bucket, suffixes=["x"])
    EventDrivenProcessing(scope, "Other", steps=[job(scope, "Other job")], prefixes=["incoming"])
    assert set(warnings(scope)) == {SIBLINGS, BUCKET, UNUSED}
    for name in (BUCKET, UNUSED):
        cdk.Annotations.of(made).acknowledge_warning(f"{LIBRARY}{name}")
    assert set(warnings(scope)) == {SIBLINGS, UNUSED}
    for name in (SIBLINGS, UNUSED):
        cdk.Annotations.of(scope).acknowledge_warning(f"{LIBRARY}{name}", "intended")
    assert warnings(scope) == {}
