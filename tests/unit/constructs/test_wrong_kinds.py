"""Arguments of the wrong type: the message names the parameter, not a Python attribute."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import (
    FrameworkProcessor,
    HuggingFaceProcessor,
    InvalidProcessingJobError,
    ProcessingInput,
    Processor,
    PySparkProcessor,
    S3Trigger,
    SageMakerCreateProcessingJob,
    SKLearnProcessor,
    retry_on_capacity,
)
from tests.helpers.sdk_calls import write_files
from tests.helpers.stacks import in_machine, stack

ONE = ProcessingInput(source="s3://b/x/", destination="/opt/ml/processing/in")
SKLEARN: dict[str, Any] = {"framework_version": "1.2-1", "instance_type": "ml.m5.large"}


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)


def sklearn(run: dict[str, Any] | None = None, **init: Any) -> Any:  # noqa: ANN401
    return SKLearnProcessor(stack(), "P", **(SKLEARN | init)).run("Run", **({"code": "preprocess.py"} | (run or {})))


def framework(run: dict[str, Any], **init: Any) -> Any:  # noqa: ANN401
    return FrameworkProcessor(stack(), "P", **({"framework": "sklearn"} | SKLEARN | init)).run("Run", **run)


def spark(**run: Any) -> Any:  # noqa: ANN401
    processor = PySparkProcessor(stack(), "P", framework_version="3.3", instance_type="ml.m5.large")
    return processor.run("Run", **({"submit_app": "helper.py"} | run))


def trigger(**options: Any) -> S3Trigger:
    scope = stack()
    body = sfn.DefinitionBody.from_chainable(sfn.Pass(scope, "Pass"))
    machine, bucket = sfn.StateMachine(scope, "Machine", definition_body=body), s3.Bucket(scope, "Bucket")
    of_trigger = {"bucket": bucket, "manifest_bucket": s3.Bucket(scope, "Out"), "state_machine": machine}
    return S3Trigger(scope, "Trigger", **{"prefixes": ["in/"], **of_trigger, **options})


CASES: list[tuple[Callable[[], Any], str]] = [
    (lambda: sklearn({"code": None}), "code must be a path or a URI, got None"),
    (lambda: sklearn({"code": ""}), "code must be a path or a URI, got ''"),
    (lambda: sklearn({"inputs": ONE}), "inputs must be a list of ProcessingInput, got ProcessingInput("),
    (lambda: sklearn({"inputs": [{"source": "s3://b"}]}), "inputs[0] must be a ProcessingInput, got {"),
    (lambda: sklearn({"outputs": ["/opt/ml/processing/x"]}), "outputs[0] must be a ProcessingOutput, got '/opt"),
    (lambda: sklearn({"arguments": "--n 3"}), "arguments must be a list of strings, got '--n 3'"),
    (lambda: sklearn({"arguments": ["--n", 3]}), "arguments[1] must be a string, got 3"),
    (lambda: sklearn({"experiment_config": "e"}), "experiment_config must be an ExperimentConfig or a Mapping, got"),
    (lambda: sklearn({"overrides": "x"}), "overrides must be a Mapping, got 'x'"),
    (lambda: sklearn(env={"A": 1}), "env['A'] must be a string, got 1"),
    (lambda: sklearn(env={"A": "\udc00"}), "env['A'] must be valid Unicode, got '\\udc00'; character 1 is half of a"),
    (lambda: sklearn(env={"\udc00": "A"}), "a name of env must be valid Unicode"),
    (
        lambda: sklearn({"arguments": ["é", "a\ud800"]}),
        "arguments[1] must be valid Unicode, got 'a\\ud800'; character 2",
    ),
    (lambda: sklearn({"arguments": ["a", b"b"]}), "arguments[1] must be a string, got b'b'"),
    *(
        (
            lambda option=option, part=part: sklearn({option: {"A": {"B": [part]}}}),
            f"{option}['A']['B'][0] must be text, a",
        )
        for option in ("overrides", "assign", "result_selector")
        for part in (b"x", {1}, object(), len, Decimal(1), datetime(2026, 1, 1, tzinfo=UTC), Path("x"), UUID(int=1))
    ),
    (
        lambda: spark(configuration={"Classification": "x", "Properties": {"a": b"b"}}),
        "configuration['Properties']['a'] must be text, a number",
    ),
    (
        lambda: spark(configuration={"Classification": "x", "Properties": {"a": float("nan")}}),
        "configuration['Properties']['a'] must be a finite number",
    ),
    (
        lambda: sklearn({"integration_pattern": "{% $x %}"}),
        "integration_pattern must be an IntegrationPattern, got '{%",
    ),
    (lambda: trigger(min_size_in_bytes="{% $x %}"), "min_size_in_bytes must be a number of bytes from 0 to"),
    (lambda: trigger(failure_topic="{% $x %}"), "failure_topic must be an ITopic, got '{% $x %}'"),
    (lambda: trigger(pipeline_name=" \t"), "pipeline_name must have a character that is no white space"),
    (lambda: sklearn(tags=["a"]), "tags[0] must be a mapping, got 'a'"),
    (lambda: sklearn(role=5), "role must be a role, its ARN or its name, got 5"),
    (lambda: sklearn(role="arn:aws:iam::1:user/x"), "role must match arn:aws"),
    (lambda: sklearn(bucket="my-bucket"), "bucket must be an IBucket, got 'my-bucket'; for example s3.Bucket.from_"),
    (lambda: sklearn(network_config={"Subnets": []}), "network_config must be a NetworkConfig, got {"),
    (lambda: sklearn(instance_count="2"), "instance_count must be an integer, got '2'"),
    (
        lambda: framework({"code": "train.py", "source_dir": "helper.py"}),
        "source_dir must be a directory, got 'helper.py'",
    ),
    (lambda: framework({"code": "train.py", "source_dir": "empty"}), "code must name a file in source_dir, which is "),
    (
        lambda: framework({"code": "../helper.py", "source_dir": "src"}),
        "code must name a file in source_dir, which is ",
    ),
    (
        lambda: framework({"code": "helper.py", "dependencies": "deps"}),
        "dependencies must be a list of paths or URIs, got 'deps'; put a single one into a list, too",
    ),
    (
        lambda: framework({"code": "helper.py"}, framework="jax"),
        "framework must be one of sklearn, pytorch, tensorflow, mxnet, xgboost, got 'jax'; pass the image_uri",
    ),
    (
        lambda: framework({"code": "helper.py"}, framework="huggingface"),
        "framework must be one of sklearn, pytorch, tensorflow, mxnet, xgboost, got 'huggingface'; use Hugging",
    ),
    (lambda: framework({"code": "helper.py"}, code_location="b/x"), "a location for uploads must be an S3 URI, got"),
    (lambda: spark(submit_app=""), "submit_app must be a path or a URI, got ''"),
    (lambda: spark(submit_py_files="helper.py"), "submit_py_files must be a list of paths or URIs, got 'helper.py'"),
    (lambda: spark(spark_event_logs_s3_uri="/x"), "spark_event_logs_s3_uri must be an S3 URI, got '/x'"),
    (lambda: Processor(stack(), "P", image_uri="", instance_type="ml.m5.large").run("R"), "image_uri must be the URI"),
    (
        lambda: SageMakerCreateProcessingJob(stack(), "T", image_uri=None),  # type: ignore[arg-type]
        "image_uri must be the URI of an image, or a DockerImage, got None",
    ),
    (
        lambda: retry_on_capacity(sfn.Pass(stack(), "X")),  # type: ignore[arg-type]
        "task must be a SageMakerCreateProcessingJob, got <aws_cdk.aws_stepfunctions.Pass object",
    ),
    (
        lambda: HuggingFaceProcessor(stack(), "P", instance_type="ml.g5.xlarge", transformers_version="4.28.1"),
        "one of tensorflow_version and pytorch_version must be given, got",
    ),
]


@pytest.mark.parametrize(("create", "message"), CASES, ids=[message[:40] for _, message in CASES])
def test_the_message_names_the_parameter(create: Callable[[], Any], message: str) -> None:
    with pytest.raises(InvalidProcessingJobError) as caught:
        create()
    assert str(caught.value).startswith(message)


def test_paths_of_pathlib_are_accepted() -> None:
    scope = stack()
    processor = FrameworkProcessor(scope, "P", framework="sklearn", **SKLEARN)
    run = processor.run(
        "Run",
        code=Path("train.py"),
        source_dir=Path("src"),
        dependencies=[Path("deps")],
        inputs=[ProcessingInput(source=Path("data"), destination="/opt/ml/processing/data")],
    )
    names = [entry["InputName"] for entry in in_machine(scope, run)["States"]["Run"]["Parameters"]["ProcessingInputs"]]
    assert names == ["input-1", "code", "entrypoint"]
