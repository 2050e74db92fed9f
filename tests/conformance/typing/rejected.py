"""Wrong uses of the public API, each of which mypy and pyright must report.

An ignore comment that suppresses nothing is an error for both checkers, so a line that they accept fails the test.
`test_typing.py` also checks this file without its comments, where exactly these lines must be reported.
"""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_stepfunctions as sfn

import cdk_sagemaker_processing
from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    GroupBy,
    ProcessingInput,
    ProcessingOutput,
    SageMakerCreateProcessingJob,
    SKLearnProcessor,
    retry_on_capacity,
)
from smproc.local import LocalAws


def wrong_keyword(stack: Stack, processor: SKLearnProcessor) -> None:
    SKLearnProcessor(stack, "SKLearn", framework_version="1.2-1", instances=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    ProcessingInput(from_="s3://bucket/raw/")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    SageMakerCreateProcessingJob.jsonata(stack, "Jsonata", image_uri="image", result_path="$.job")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    processor.run("Split", code="main.py", wait=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    GroupBy(folder=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def missing_argument(stack: Stack) -> None:
    SKLearnProcessor(stack, "SKLearn")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    EventDrivenProcessing(stack, "Pipeline")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def positional_argument(stack: Stack) -> None:
    SKLearnProcessor(stack, "SKLearn", "1.2-1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def wrong_type(stack: Stack, processor: SKLearnProcessor) -> None:
    SKLearnProcessor(stack, "SKLearn", framework_version=1.2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    SKLearnProcessor(stack, "SKLearn", framework_version="1.2-1", env={"LEVEL": 1})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
    ProcessingInput(source="s3://b/", destination="/opt/ml/processing/x", s3_input_mode="Fast")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    processor.run("Split", code="main.py", inputs=["s3://bucket/raw/"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    processor.run("Split", code="main.py", outputs=[ProcessingInput()])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    EventDrivenProcessing(stack, "Pipeline", steps=[processor])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    retry_on_capacity(sfn.Succeed(stack, "Done"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    LocalAws(runner="docker")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def unknown_name(pipeline: EventDrivenProcessing) -> None:
    from cdk_sagemaker_processing import NoSuchName  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]  # noqa: PLC0415, F401

    _ = pipeline.bucket  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    _ = cdk_sagemaker_processing.NoSuchProcessor  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def frozen(output: ProcessingOutput) -> None:
    output.source = "/opt/ml/processing/train"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
