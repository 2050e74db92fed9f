"""The calls from Python to aws-cdk: each is a message to another process and back, so they determine the synth time."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk.region_info import RegionInfo
from jsii._kernel.providers import process

from cdk_sagemaker_processing import ProcessingInput, ProcessingOutput, SKLearnProcessor
from cdk_sagemaker_processing.processors.image_uri import _STANDARD_REGION

# Measured: 139. A processor with the same role, statements and task takes 40 with aws-cdk-lib only.
MAXIMUM_PER_PROCESSOR = 145


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list that grows by each message to aws-cdk."""
    messages: list[object] = []
    send = process._NodeProcess.send

    def record(process_: process._NodeProcess, request: Any, response_type: Any) -> object:  # noqa: ANN401 - jsii's
        messages.append(request)
        return send(process_, request, response_type)

    monkeypatch.setattr(process._NodeProcess, "send", record)
    return messages


def test_the_calls_for_a_processor_are_few_and_do_not_grow_with_the_app(sent: list[object]) -> None:
    few, more, many = (_calls_of(processors, sent) for processors in (2, 6, 10))
    assert (more - few) / 4 <= MAXIMUM_PER_PROCESSOR
    assert (many - more) / 4 <= (more - few) / 4 + 5


def _calls_of(processors: int, sent: list[object]) -> int:
    """Return the number of calls to synthesize a stack with a number of processors, each with a job."""
    sent.clear()
    app = cdk.App()
    stack = cdk.Stack(app, "Stack", env=cdk.Environment(account="111122223333", region="eu-west-1"))
    bucket = cdk.aws_s3.Bucket(stack, "Bucket")
    chain = sfn.Chain.start(sfn.Pass(stack, "Start"))
    for number in range(processors):
        processor = SKLearnProcessor(
            stack, f"P{number}", framework_version="1.2-1", instance_type="ml.m5.xlarge", bucket=bucket
        )
        chain = chain.next(
            processor.run(
                f"Run{number}",
                code=f"s3://code-bucket/{number}.py",
                inputs=[ProcessingInput(source="s3://data-bucket/raw/", destination="/opt/ml/processing/data")],
                outputs=[ProcessingOutput(output_name="out", source="/opt/ml/processing/out")],
                result_path=sfn.JsonPath.DISCARD,
            )
        )
    sfn.StateMachine(stack, "Machine", definition_body=sfn.DefinitionBody.from_chainable(chain))
    app.synth()
    return len(sent)


def test_regions_whose_domain_is_known_without_aws_cdk_have_the_domain_that_aws_cdk_has() -> None:
    regions = RegionInfo.get("eu-west-1").regions
    known = [region.name for region in regions if _STANDARD_REGION.fullmatch(region.name)]
    assert {"us-east-1", "us-gov-west-1", "ap-southeast-3", "il-central-1", "mx-central-1"} <= {*known}
    assert {RegionInfo.get(name).domain_suffix for name in known} == {"amazonaws.com"}
    assert {region.name for region in regions if region.domain_suffix == "amazonaws.com"} == {*known}
