"""Templates of a minimal and a maximal use: a logical id that changes is a breaking change, for the changelog.

tests/conformance/template/test_examples.py covers each processor, and `EventDrivenProcessing` is in
test_event_driven.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms

from cdk_sagemaker_processing import (
    FrameworkProcessor,
    NetworkConfig,
    ProcessingInput,
    ProcessingOutput,
    PySparkProcessor,
    SageMakerCreateProcessingJob,
    retry_on_capacity,
)
from tests.helpers.sdk_calls import write_files
from tests.helpers.stacks import assert_snapshot, in_machine, stack, template

IMAGE = "444455556666.dkr.ecr.us-west-2.amazonaws.com/team/count:1"


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)


def test_minimal_task() -> None:
    scope = stack(bound=False)
    in_machine(scope, SageMakerCreateProcessingJob(scope, "Count", image_uri=IMAGE))
    assert_snapshot("task_minimal", template(scope))


def test_maximal_task() -> None:
    scope = stack(bound=False)
    key = kms.Key(scope, "Key")
    task = SageMakerCreateProcessingJob(
        scope,
        "Count",
        image_uri=IMAGE,
        volume_kms_key=key,
        output_kms_key=key,
        inputs=[ProcessingInput(source="s3://in-bucket/raw/", destination="/opt/ml/processing/input")],
        outputs=[ProcessingOutput(source="/opt/ml/processing/out", destination="s3://out-bucket/out/")],
        network_config=NetworkConfig(subnets=["subnet-0123456789abcdef0"], security_group_ids=["sg-0123456789abcdef0"]),
    )
    task.connections.allow_internally(ec2.Port.all_tcp())
    in_machine(scope, retry_on_capacity(task))
    assert_snapshot("task_maximal", template(scope))


def test_processors_with_all_the_resources_that_they_create() -> None:
    scope = stack(bound=False)
    key = kms.Key(scope, "Key")
    framework = FrameworkProcessor(
        scope,
        "Framework",
        framework="sklearn",
        framework_version="1.2-1",
        instance_type="ml.m5.xlarge",
        code_location="s3://code-bucket/pre",
    )
    spark = PySparkProcessor(scope, "Spark", framework_version="3.3", instance_type="ml.m5.xlarge")
    first = framework.run(
        "First",
        code="train.py",
        source_dir="src",
        inputs=[ProcessingInput(source="data", destination="/opt/ml/processing/data")],
        outputs=[ProcessingOutput(source="/opt/ml/processing/out")],
        kms_key=key,
        result_path="$.first",
    )
    second = spark.run(
        "Second",
        submit_app="hello_py_spark_app.py",
        submit_py_files=["helper.py"],
        submit_jars=["lib1.jar"],
        submit_files=["table.csv"],
        configuration={"Classification": "core-site", "Properties": {}},
    )
    in_machine(scope, first.next(second))
    assert_snapshot("processors_maximal", template(scope))
