"""Calls of every public name with arguments that it does not take: each ends in an error of this library."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn

import cdk_sagemaker_processing as library
from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    InvalidCallError,
    InvalidProcessingJobError,
    Processor,
    SKLearnProcessor,
)
from tests.helpers.sdk_calls import write_files
from tests.helpers.stacks import stack

# Without a type, as type checkers refuse the calls of these tests too.
SKLEARN: Any = SKLearnProcessor
ANY_PROCESSOR: Any = Processor
S3_URI = "s3://bucket/x/"
INPUT_DIRECTORY = "/opt/ml/processing/x"
IMAGE: dict[str, Any] = {
    "image_uri": "111122223333.dkr.ecr.us-west-2.amazonaws.com/own:1",
    "instance_type": "ml.m5.large",
}
FRAMEWORK: dict[str, Any] = {"framework_version": "1.2-1", "instance_type": "ml.m5.large"}
RUN: dict[str, Any] = {"code": "preprocess.py"}
SPARK: dict[str, Any] = {"framework_version": "3.3", "instance_type": "ml.m5.large"}
QUERY: dict[str, Any] = {"database": "d", "query_string": "SELECT 1", "output_s3_uri": S3_URI}


def athena() -> Any:  # noqa: ANN401 - a valid argument
    return library.AthenaDatasetDefinition(catalog="c", output_format="PARQUET", **QUERY)


def task(scope: cdk.Stack) -> Any:  # noqa: ANN401
    return library.SageMakerCreateProcessingJob(scope, "Task", **IMAGE)


def machine(scope: cdk.Stack) -> sfn.StateMachine:
    return sfn.StateMachine(
        scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(sfn.Pass(scope, "Pass"))
    )


# The valid arguments of each public class or function; those of a construct come after its scope and id.
VALID: dict[str, Callable[[cdk.Stack], dict[str, Any]]] = {
    "AthenaDatasetDefinition": lambda _: {"catalog": "c", "output_format": "PARQUET", **QUERY},
    "DatasetDefinition": lambda _: {"local_path": INPUT_DIRECTORY, "athena_dataset_definition": athena()},
    "EventDrivenProcessing": lambda scope: {"steps": [task(scope)]},
    "ExperimentConfig": lambda _: {},
    "FeatureStoreOutput": lambda _: {"feature_group_name": "g"},
    "FrameworkProcessor": lambda _: {"framework": "sklearn", **FRAMEWORK},
    "GroupBy": lambda _: {"folders": 1},
    "HuggingFaceProcessor": lambda _: {
        "transformers_version": "4.28.1",
        "pytorch_version": "2.0.0",
        "py_version": "py310",
        "instance_type": "ml.g5.xlarge",
    },
    "InstancePreference": lambda _: {"instance_type": "ml.m5.large"},
    "MXNetProcessor": lambda _: {"framework_version": "1.9", "py_version": "py38", "instance_type": "ml.m5.large"},
    "NetworkConfig": lambda _: {},
    "PipelineMonitoring": lambda scope: {
        "trigger": library.S3Trigger(
            scope,
            "MonitoredTrigger",
            bucket=s3.Bucket(scope, "Monitored"),
            state_machine=machine(scope),
            manifest_bucket=s3.Bucket(scope, "MonitoredManifests"),
        )
    },
    "ProcessingBucket": lambda _: {},
    "ProcessingInput": lambda _: {"source": S3_URI, "destination": INPUT_DIRECTORY},
    "ProcessingOutput": lambda _: {"source": INPUT_DIRECTORY},
    "ProcessingWorkflow": lambda scope: {"steps": [task(scope)]},
    "ProcessingRepository": lambda _: {},
    "ProcessingRole": lambda _: {},
    "ProcessingS3Input": lambda _: {"s3_uri": S3_URI, "local_path": INPUT_DIRECTORY},
    "ProcessingS3Output": lambda _: {"local_path": INPUT_DIRECTORY},
    "ProcessingSchedule": lambda scope: {
        "state_machine": machine(scope),
        "schedule": scheduler.ScheduleExpression.cron(hour="2"),
    },
    "ProcessingVpcEndpoints": lambda scope: {"vpc": ec2.Vpc(scope, "Vpc")},
    "Processor": lambda _: dict(IMAGE),
    "PySparkProcessor": lambda _: dict(SPARK),
    "PropertyFile": lambda _: {"name": "evaluation", "output_name": "metrics", "path": "evaluation.json"},
    "PyTorchProcessor": lambda _: {"framework_version": "2.3", "py_version": "py311", "instance_type": "ml.m5.large"},
    "RedshiftDatasetDefinition": lambda _: {
        "cluster_id": "c",
        "db_user": "u",
        "cluster_role_arn": "arn:aws:iam::111122223333:role/r",
        "output_format": "CSV",
        **QUERY,
    },
    "S3Input": lambda _: {"s3_uri": S3_URI, "local_path": INPUT_DIRECTORY},
    "S3Trigger": lambda scope: {
        "bucket": s3.Bucket(scope, "In"),
        "state_machine": machine(scope),
        "manifest_bucket": s3.Bucket(scope, "Manifests"),
    },
    "SKLearnProcessor": lambda _: dict(FRAMEWORK),
    "Safeguards": lambda _: {},
    "SageMakerCreateProcessingJob": lambda _: dict(IMAGE),
    "ScriptProcessor": lambda _: {"command": ["python3"], **IMAGE},
    "SparkJarProcessor": lambda _: dict(SPARK),
    "TensorFlowProcessor": lambda _: {
        "framework_version": "2.16",
        "py_version": "py310",
        "instance_type": "ml.m5.large",
    },
    "WorkflowStep": lambda scope: {"run": task(scope)},
    "XGBoostProcessor": lambda _: {"framework_version": "1.7-1", "instance_type": "ml.m5.large"},
    "retry_on_capacity": lambda scope: {"task": task(scope)},
    "unique_job_name": lambda _: {"base": "nightly"},
    "literal_text": lambda _: {"text": "{% raw %}"},
    "uploaded_objects": lambda _: {},
}
RUNS: dict[str, dict[str, Any]] = {
    "Processor": {},
    "ScriptProcessor": RUN,
    "SKLearnProcessor": RUN,
    "FrameworkProcessor": RUN,
    "PySparkProcessor": {"submit_app": "helper.py"},
    "SparkJarProcessor": {"submit_app": "s3://bucket/a.jar", "submit_class": "C"},
}
# Not created by users, or not at all; and the errors.
WITHOUT_ARGUMENTS = {
    *("CapacityRetry", "StepCondition", "StepOutputs", "StepValue"),
    *(name for name in library.__all__ if name.endswith("Error")),
}


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)


def initializer(name: str) -> Any:  # noqa: ANN401
    """Return the function with the signature of a call; that of a construct's class is jsii's."""
    found = getattr(library, name)
    return getattr(found, "__init__") if isinstance(found, type) else found  # noqa: B009


def is_construct(name: str) -> bool:
    return "construct_id" in inspect.signature(initializer(name)).parameters


def create(name: str, scope: cdk.Stack, arguments: dict[str, Any]) -> Any:  # noqa: ANN401
    place = (scope, "Id") if is_construct(name) else ()
    return getattr(library, name)(*place, **arguments)


def run_of(name: str, scope: cdk.Stack, arguments: dict[str, Any]) -> Any:  # noqa: ANN401
    return create(name, scope, VALID[name](scope)).run("Run", **(RUNS[name] | arguments))


WRONG_KINDS: list[Callable[[cdk.Stack], Any]] = [
    *(lambda _, value=value: value for value in (5, True, "text", ["text"], {"a": "b"}, print)),
    lambda _: object(),
    lambda scope: sns.Topic(scope, "WrongTopic"),
    lambda _: cdk.Duration.minutes(1),
]


def parameters(function: Any, *, with_options: bool = True) -> list[str]:  # noqa: ANN401
    """Return the named parameters of a function, and those that it takes as options."""
    signature = inspect.signature(function)
    own = [
        name
        for name, parameter in signature.parameters.items()
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        and name not in ("self", "scope", "construct_id", "run_id")
    ]
    takes_options = with_options and any(
        parameter.kind is parameter.VAR_KEYWORD for parameter in signature.parameters.values()
    )
    options = library.tasks.StateOptions.__annotations__ if takes_options else {}
    return [*own, *options]


def test_every_public_name_is_called() -> None:
    assert set(VALID) | WITHOUT_ARGUMENTS == set(library.__all__)


@pytest.mark.parametrize("name", VALID)
def test_the_valid_arguments_are_accepted(name: str) -> None:
    scope = stack()
    create(name, scope, VALID[name](scope))


# Each constructor once: some processors share one. The runs share their options, which one of them tries.
CONSTRUCTORS = {initializer(name): name for name in VALID}
CALLS = [
    *((name, "", parameter) for call, name in CONSTRUCTORS.items() for parameter in parameters(call)),
    *(
        (name, ".run", parameter)
        for name in RUNS
        for parameter in parameters(getattr(library, name).run, with_options=name == "Processor")
    ),
]


@pytest.mark.parametrize(("name", "method", "parameter"), CALLS, ids=["".join(call) for call in CALLS])
def test_a_wrong_kind_ends_in_an_error_that_names_the_parameter(name: str, method: str, parameter: str) -> None:
    refused = []
    for kind in WRONG_KINDS:
        scope = stack()
        wrong = kind(scope)
        try:
            if method:
                run_of(name, scope, {parameter: wrong})
            else:
                create(name, scope, VALID[name](scope) | {parameter: wrong})
        except InvalidProcessingJobError as error:
            refused.append((wrong, str(error)))
    # A value of the right kind may break another rule, whose message names another parameter.
    unnamed = [
        (wrong, message)
        for wrong, message in refused
        if parameter not in message and not isinstance(wrong, str | int | list | dict)
    ]
    assert unnamed == []
    if parameter != "state_output":  # any JSON
        assert [wrong for wrong, _ in refused if type(wrong) is object] != []


@pytest.mark.parametrize("name", VALID)
def test_an_unknown_argument_is_refused_with_advice(name: str) -> None:
    scope = stack()
    valid = VALID[name](scope)
    with pytest.raises(InvalidCallError, match=r"got an unexpected keyword argument 'sagemaker_session'; leave it out"):
        create(name, scope, valid | {"sagemaker_session": None})
    with pytest.raises(TypeError, match=r"got an unexpected keyword argument 'xyz'; it takes "):
        create(name, scope, valid | {"xyz": None})


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("argument", ["wait", "logs", "git_config"])
def test_an_argument_for_notebooks_is_refused_with_advice(name: str, argument: str) -> None:
    with pytest.raises(InvalidCallError, match=rf"{name}.run\(\) got an unexpected keyword argument '{argument}'; \w+"):
        run_of(name, stack(), {argument: True})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda scope: SKLEARN(scope, "P", "1.2-1", "role", **FRAMEWORK),
            (
                "SKLearnProcessor() takes scope and construct_id by position and every other argument by its name, got "
                "4 arguments by position; write for example framework_version='1.2-1'"
            ),
        ),
        (
            lambda _: SKLEARN(**FRAMEWORK),
            "SKLearnProcessor() requires scope, construct_id; the parent construct and an id come first",
        ),
        (
            lambda scope: SKLEARN(scope, "P", instance_type="ml.m5.large"),
            "SKLearnProcessor() requires framework_version; pass it by its name",
        ),
        (
            lambda _: SKLEARN("stack", "P", **FRAMEWORK),
            "scope must be a Construct, got 'stack'; pass the stack, or another construct, first",
        ),
        (
            lambda scope: SKLEARN(scope, "P", **FRAMEWORK).run(code="preprocess.py"),
            "SKLearnProcessor.run() requires run_id; an id for the state comes first",
        ),
        (
            lambda scope: SKLEARN(scope, "P", **FRAMEWORK).run("preprocess.py"),
            "SKLearnProcessor.run() requires code; pass it by its name",
        ),
        (
            lambda scope: SKLEARN(scope, "P", **FRAMEWORK).run("R", run_id="R", **RUN),
            "SKLearnProcessor.run() got run_id twice, by position and by name; pass it once",
        ),
        (
            lambda scope: SKLEARN(scope, "P", **FRAMEWORK).run("R", source_dir="src", **RUN),
            "SKLearnProcessor.run() got an unexpected keyword argument 'source_dir'; use FrameworkProcessor",
        ),
        (
            lambda scope: ANY_PROCESSOR(scope, "P", instance_typ="ml.m5.large", **IMAGE),
            "Processor() got an unexpected keyword argument 'instance_typ'; did you mean instance_type?",
        ),
        (
            lambda scope: [SKLEARN(scope, "P", **FRAMEWORK) for _ in range(2)],
            "construct_id must be unique in 'Stack', which has a construct of this name, got 'P'; choose another id",
        ),
        (
            lambda scope: EventDrivenProcessing(scope, "", steps=[task(scope)]),
            "aws-cdk refuses the arguments of EventDrivenProcessing(): Only root constructs may have an empty ID",
        ),
    ],
)
def test_the_message_says_what_to_do(call: Callable[[cdk.Stack], Any], message: str) -> None:
    with pytest.raises(InvalidProcessingJobError) as caught:
        call(stack())
    assert str(caught.value).startswith(message)


def test_an_error_of_a_defect_is_not_hidden() -> None:
    def defect(*_: object, **__: object) -> None:
        raise KeyError("x")

    scope = stack()
    processor = Processor(scope, "P", **IMAGE)
    processor._run = defect  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyError):
        processor.run("Run")
