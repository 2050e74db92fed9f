"""``https://`` URLs as S3 URIs, in every style that AWS documents for S3."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cdk_sagemaker_processing import (
    ConflictingValuesError,
    EventDrivenProcessing,
    FrameworkProcessor,
    InvalidValueError,
    ProcessingInput,
    ProcessingOutput,
    Processor,
    PySparkProcessor,
    ScriptProcessor,
)
from cdk_sagemaker_processing.model.s3_uri import S3Uri, split_s3_uri
from smproc.local.server.execution.errors import JobClientError
from smproc.local.server.execution.s3_uri import S3Uri as LocalS3Uri
from tests.helpers.stacks import stack, statements

ENDPOINTS = [
    "s3.amazonaws.com",
    "s3.eu-west-1.amazonaws.com",
    "s3-eu-west-1.amazonaws.com",
    "s3.dualstack.eu-west-1.amazonaws.com",
    "s3-fips.us-east-1.amazonaws.com",
    "s3-fips.dualstack.us-gov-west-1.amazonaws.com",
    "s3.us-gov-west-1.amazonaws.com",
    "s3.cn-north-1.amazonaws.com.cn",
    "s3.dualstack.cn-northwest-1.amazonaws.com.cn",
    "s3-external-1.amazonaws.com",
]
URIS = [
    *(f"https://{endpoint}/{{bucket}}/{{key}}" for endpoint in ENDPOINTS),
    *(f"https://{{bucket}}.{endpoint}/{{key}}" for endpoint in ENDPOINTS),
]
OTHERS = ["https://example.com/bucket/key", "https://bucket/key", "https://s3.example.com/bucket/key", "https://"]
DIRECTORY = "/opt/ml/processing/x"
IMAGE = "111122223333.dkr.ecr.us-west-2.amazonaws.com/own:1"


@pytest.mark.parametrize("uri", URIS)
@pytest.mark.parametrize("bucket", ["bucket", "my.dotted.bucket", "${Token[TOKEN.1]}"])
@pytest.mark.parametrize("key", ["", "a/b.csv", "a//b%20c?d"])
def test_bucket_and_key_are_found_in_every_style(uri: str, bucket: str, key: str) -> None:
    text = uri.format(bucket=bucket, key=key)
    assert split_s3_uri(text) == (bucket, key)
    assert str(S3Uri.parse(text)) == str(LocalS3Uri.parse(text)) == f"s3://{bucket}/{key}"


@pytest.mark.parametrize("uri", OTHERS)
def test_another_host_is_refused(uri: str) -> None:
    with pytest.raises(InvalidValueError, match="source must be an S3 URI or a local path, got 'https"):
        ProcessingInput(source=uri, destination=DIRECTORY)
    with pytest.raises(InvalidValueError, match="destination must be an S3 URI, got 'https"):
        ProcessingOutput(source=DIRECTORY, destination=uri)
    with pytest.raises(JobClientError, match="it must begin with s3://"):
        LocalS3Uri.parse(uri)


@pytest.mark.parametrize("uri", URIS)
def test_a_job_is_granted_the_same_as_by_s3(uri: str) -> None:
    granted = []
    for source, destination in (
        ("s3://in/a/", "s3://out/b/"),
        (uri.format(bucket="in", key="a/"), uri.format(bucket="out", key="b/")),
    ):
        scope = stack()
        run = Processor(scope, "P", image_uri=IMAGE, instance_type="ml.m5.large").run(
            "Run",
            inputs=[ProcessingInput(source=source, destination=DIRECTORY)],
            outputs=[ProcessingOutput(source="/opt/ml/processing/out", destination=destination)],
        )
        assert run.request["ProcessingInputs"][0]["S3Input"]["S3Uri"] == source
        granted.append(statements(scope, "PRole"))
    assert granted[0] == granted[1]
    assert "s3:PutObject" in json.dumps(granted[0])


def test_code_and_sources_may_be_urls() -> None:
    scope = stack()
    script = "https://code.s3.us-west-2.amazonaws.com/a/x.py"
    run = ScriptProcessor(scope, "P", image_uri=IMAGE, command=["python3"], instance_type="ml.m5.large").run(
        "Run", code=script
    )
    assert run.request["AppSpecification"]["ContainerEntrypoint"] == ["python3", "/opt/ml/processing/input/code/x.py"]
    archive = "https://s3.amazonaws.com/code/a/sourcedir.tar.gz"
    framework = FrameworkProcessor(
        scope, "F", framework="sklearn", framework_version="1.2-1", instance_type="ml.m5.large"
    ).run("Run", code="x.py", source_dir=archive)
    assert framework.request["ProcessingInputs"][0]["S3Input"]["S3Uri"] == archive
    assert "s3:::code/a/sourcedir.tar.gz" in json.dumps(statements(scope, "FRole"))


@pytest.mark.parametrize(
    "uri", ["https://{bucket}.s3.amazonaws.com/in/x", "https://s3.us-west-2.amazonaws.com/{bucket}/in/"]
)
def test_a_loop_through_a_url_is_refused(uri: str) -> None:
    scope = stack()
    processor = Processor(scope, "P", image_uri=IMAGE, instance_type="ml.m5.large")
    destination = uri.format(bucket=processor.bucket.bucket_name)
    run = processor.run("Run", outputs=[ProcessingOutput(source=DIRECTORY, destination=destination)])
    with pytest.raises(ConflictingValuesError, match="must not start the pipeline again"):
        EventDrivenProcessing(scope, "Pipeline", steps=[run], input_bucket=processor.bucket, prefixes=["in/"])


@pytest.mark.parametrize("parameter", ["submit_py_files", "submit_jars", "submit_files"])
def test_what_spark_itself_reads_is_no_url(parameter: str) -> None:
    processor = PySparkProcessor(stack(), "P", framework_version="3.3", instance_type="ml.m5.xlarge", instance_count=1)
    options: dict[str, Any] = {parameter: ["https://code.s3.amazonaws.com/a/x.jar"]}
    with pytest.raises(InvalidValueError, match=r"must be a local path or in S3: .* write s3://bucket/key"):
        processor.run("Run", submit_app="s3://code/a.py", **options)


@pytest.mark.parametrize("uri", URIS)
def test_a_spark_application_and_its_event_logs_may_be_urls(uri: str) -> None:
    scope = stack()
    app, logs = uri.format(bucket="code", key="a/x.py"), uri.format(bucket="logs", key="spark/")
    run = PySparkProcessor(scope, "P", framework_version="3.3", instance_type="ml.m5.xlarge", instance_count=1).run(
        "Run", submit_app=app, spark_event_logs_s3_uri=logs
    )
    assert run.request["ProcessingInputs"][0]["S3Input"]["S3Uri"] == app
    assert run.request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] == logs
    granted = json.dumps(statements(scope, "PRole"))
    assert "s3:::code/a/x.py*" in granted
    assert "s3:::logs/spark/*" in granted
