"""Ids that the user chooses and that this library uses too: both constructs exist, under different ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import (
    ConflictingValuesError,
    FrameworkProcessor,
    InvalidValueError,
    ProcessingBucket,
    ProcessingInput,
    ProcessingOutput,
    ProcessingWorkflow,
    Processor,
    PySparkProcessor,
    SKLearnProcessor,
    retry_on_capacity,
)
from cdk_sagemaker_processing._internal.construct_tree import path_of
from tests.helpers.sdk_calls import write_files
from tests.helpers.stacks import ACCOUNT, REGION, definition, in_machine, stack

FRAMEWORK: dict[str, Any] = {"framework_version": "1.2-1", "instance_type": "ml.m5.large"}


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)


def local(name: str) -> ProcessingInput:
    return ProcessingInput(source="data", destination=f"/opt/ml/processing/{name}", input_name=name)


def sklearn(scope: cdk.Stack) -> SKLearnProcessor:
    return SKLearnProcessor(scope, "P", **FRAMEWORK)


@pytest.mark.parametrize("run_id", ["Role", "Bucket", "First-code", "First-data", "First-UploadKey"])
def test_a_run_may_be_named_like_a_part_of_the_processor(run_id: str) -> None:
    scope = stack()
    processor = sklearn(scope)
    key = "arn:aws:kms:us-west-2:111122223333:key/k"
    first = processor.run("First", code="preprocess.py", inputs=[local("data")], kms_key=key, result_path="$.x")
    second = processor.run(run_id, code="preprocess.py", inputs=[local("data")])
    assert list(in_machine(scope, first.next(second))["States"]) == ["First", run_id]


@pytest.mark.parametrize("run_id", ["Bucket", "Role"])
def test_a_part_may_be_created_after_a_run_of_its_name(run_id: str) -> None:
    scope = stack()
    processor = sklearn(scope)
    first = processor.run(run_id, code="s3://code/x.py", result_path="$.x")
    second = processor.run("Other", code="s3://code/x.py", outputs=[ProcessingOutput(source="/opt/ml/processing/o")])
    assert list(in_machine(scope, first.next(second))["States"]) == [run_id, "Other"]


@pytest.mark.parametrize("name", ["source", "code", "entrypoint", "Asset"])
def test_an_input_may_be_named_like_the_sources_of_a_framework(name: str) -> None:
    scope = stack()
    processor = FrameworkProcessor(scope, "P", framework="sklearn", **FRAMEWORK)
    if name in ("code", "entrypoint"):
        with pytest.raises(ConflictingValuesError, match="each of inputs must have its own name"):
            processor.run("Run", code="preprocess.py", inputs=[local(name)])
    else:
        task = processor.run("Run", code="preprocess.py", inputs=[local(name)])
        names = [entry["InputName"] for entry in task.request["ProcessingInputs"]]
        assert names == [name, "code", "entrypoint"]


def test_an_input_may_be_named_like_the_dependencies_of_spark() -> None:
    scope = stack()
    processor = PySparkProcessor(scope, "P", framework_version="3.3", instance_type="ml.m5.large")
    for number, name in enumerate(["source", "UploadKey", "Bucket"]):
        processor.run(f"Run{number}", submit_app="helper.py", submit_files=["table.csv"], inputs=[local(name)])


def test_the_ids_of_a_run_and_of_its_input_may_join_to_those_of_another_run() -> None:
    scope = stack()
    processor = sklearn(scope)
    first = processor.run("A", code="preprocess.py", inputs=[local("b-c")], result_path="$.x")
    second = processor.run("A-b", code="preprocess.py", inputs=[local("c")])
    assert len(in_machine(scope, first.next(second))["States"]) == 2


@pytest.mark.parametrize("construct_id", ["ProcessingCodeUnpacker", "ProcessingAccessLogs"])
def test_a_stack_may_have_a_construct_named_like_one_that_pipelines_share(construct_id: str) -> None:
    scope = stack(bound=False)
    cdk.CfnOutput(scope, construct_id, value="x")
    cdk.CfnOutput(scope, "SageMakerImages-sagemaker-scikit-learn", value="x")
    ProcessingBucket(scope, "One")
    ProcessingBucket(scope, "Two")
    processor = sklearn(scope)
    first = processor.run("A", code="preprocess.py", result_path="$.x")
    sfn.StateMachine(
        scope, "M", definition_body=sfn.DefinitionBody.from_chainable(first.next(processor.run("B", code="helper.py")))
    )
    assert len(definition(scope)["States"]) == 2


def test_two_runs_of_one_id_are_refused() -> None:
    processor = sklearn(stack())
    processor.run("Run", code="preprocess.py")
    with pytest.raises(InvalidValueError, match="run_id must be unique in the processor 'Stack/P', got 'Run'; choose"):
        processor.run("Run", code="helper.py")


def test_two_retries_of_one_task_are_refused() -> None:
    task = sklearn(stack()).run("Run", code="preprocess.py")
    retry_on_capacity(task)
    with pytest.raises(ConflictingValuesError, match="retry_on_capacity takes a task once, got 'Run' again; use the"):
        retry_on_capacity(task)


def test_states_whose_names_differ_at_their_ends_alone_are_retried_in_one_state_machine() -> None:
    scope = stack()
    processor = sklearn(scope)
    chain = sfn.Chain.start(sfn.Pass(scope, "Start"))
    for end in "ab":
        run = processor.run(end, code="preprocess.py", state_name=f"{'long' * 19}---{end}")
        chain = chain.next(retry_on_capacity(run))
    states = in_machine(scope, chain)["States"]
    names = [name for state in states.values() for branch in state.get("Branches", ()) for name in branch["States"]]
    assert len(names) == len(set(names)) == 8
    assert all(len(name) <= 80 for name in names)


def test_a_location_in_s3_is_imported_once_for_each_run() -> None:
    scope = stack()
    processor = FrameworkProcessor(scope, "P", framework="sklearn", code_location="s3://code/x", **FRAMEWORK)
    processor.run("Run", code="preprocess.py")
    s3.Bucket(processor, "Other-source-Bucket")
    processor.run("Other", code="preprocess.py")


@pytest.mark.parametrize("name", ["plain", "a/b", "a--b", "/", " ä "])
def test_the_path_that_follows_from_the_ids_is_that_of_aws_cdk(name: str) -> None:
    scope = stack()
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/count:1"
    processor = Processor(scope, name, image_uri=image, instance_type="ml.m5.large")
    task = processor.run(f"{name}1")
    workflow = ProcessingWorkflow(processor, f"{name}2", steps=[task])
    for construct in (processor, processor.role, task, workflow):
        assert path_of(construct) == construct.node.path
