"""Tasks inside other states: their query language, their outputs, and what asl-validator says to the definitions."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_sagemaker_processing import (
    CapacityRetry,
    ProcessingInput,
    ProcessingOutput,
    SageMakerCreateProcessingJob,
    retry_on_capacity,
)
from tests.helpers.stacks import ROOT, flat, in_machine, resources, stack

IMAGE = "444455556666.dkr.ecr.us-west-2.amazonaws.com/team/count:1"
JSONATA, JSON_PATH = sfn.QueryLanguage.JSONATA, sfn.QueryLanguage.JSON_PATH
OUTPUT = ProcessingOutput(source="/opt/ml/processing/out", output_name="out")
# What encloses a task; the first two and the last are written in one language or the other.
WRAPPERS = ("parallel", "map", "distributed", "fragment", "capacity", "retried", "chain")


class Fragment(sfn.StateMachineFragment):
    """A fragment around one state, as people write them for reuse."""

    def __init__(self, scope: Construct, construct_id: str, inner: sfn.IChainable) -> None:
        super().__init__(scope, construct_id)
        self._inner = inner

    @property
    def start_state(self) -> sfn.State:
        state: sfn.State = self._inner.start_state
        return state

    @property
    def end_states(self) -> list[sfn.INextable]:
        ends: list[sfn.INextable] = self._inner.end_states
        return ends


def wrapped(  # noqa: PLR0911 - one for each wrapper
    scope: Construct, name: str, inner: sfn.IChainable, wrapper: str, language: sfn.QueryLanguage | None
) -> sfn.IChainable:
    """Return a state around another one."""
    options: dict[str, Any] = {"query_language": language}
    state: Any
    match wrapper:
        case "parallel":
            return sfn.Parallel(scope, name, **options).branch(inner)
        case "retried":
            return sfn.Parallel(scope, name, **options).branch(inner).add_retry(errors=["States.ALL"])
        case "map":
            state = sfn.Map(scope, name, **options)
            return state.item_processor(inner)  # type: ignore[no-any-return]
        case "distributed":
            state = sfn.DistributedMap(scope, name, **options)
            return state.item_processor(inner)  # type: ignore[no-any-return]
        case "fragment":
            return Fragment(scope, name, inner).to_single_state(prefix_states=f"{name}-")
        case "chain":
            return sfn.Chain.start(inner)
        case _:
            return retry_on_capacity(inner) if isinstance(inner, SageMakerCreateProcessingJob) else inner


def task_of(
    scope: Construct,
    bucket: s3.IBucket,
    name: str,
    effective: sfn.QueryLanguage,
    own: sfn.QueryLanguage | None,
    kind: int,
) -> SageMakerCreateProcessingJob:
    """Return a task with run-time values, written so that its language can express them."""
    day = "{% $states.input.day %}" if effective == JSONATA and kind % 2 else sfn.JsonPath.string_at("$.day")
    return SageMakerCreateProcessingJob(
        scope,
        name,
        image_uri=IMAGE,
        bucket=bucket,
        query_language=own,
        inputs=[ProcessingInput(source=f"s3://{bucket.bucket_name}/{day}/", destination="/opt/ml/processing/in")],
        outputs=[OUTPUT],
        arguments=["--day", day, f"it's {day}"],
    )


def states_of(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the states of a definition, also those inside others."""
    for name, state in definition["States"].items():
        yield name, state
        for graph in [*state.get("Branches", ()), state.get("ItemProcessor"), state.get("Iterator")]:
            if graph:
                yield from states_of(graph)


def asl_validator(definitions: list[Path]) -> subprocess.CompletedProcess[str]:
    paths = [argument for path in definitions for argument in ("--json-path", str(path))]
    command = ROOT / "node_modules" / ".bin" / "asl-validator"
    return subprocess.run([command, *paths], check=False, capture_output=True, text=True)


def in_each_language(scope: cdk.Stack, state: sfn.IChainable, language: sfn.QueryLanguage | None) -> None:
    sfn.StateMachine(
        scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(state), query_language=language
    )


def definitions_of(scope: cdk.Stack) -> list[dict[str, Any]]:
    return [
        json.loads(flat(entry["Properties"]["DefinitionString"]).replace("<AWS::Partition>", "aws"))
        for entry in resources(scope, "AWS::StepFunctions::StateMachine").values()
    ]


@pytest.mark.parametrize("machines", [20, pytest.param(60, marks=pytest.mark.exhaustive)])
def test_a_task_in_any_nesting_has_the_language_that_aws_gives_it(machines: int, tmp_path: Path) -> None:
    drawn = random.Random(13)  # noqa: S311 - the same draws each time
    scope = stack()
    bucket = s3.Bucket(scope, "Bucket")
    expected: dict[str, str] = {}
    for index in range(machines):
        machine = drawn.choice([None, JSON_PATH, JSONATA])
        own = drawn.choice([None, JSONATA] if machine == JSONATA else [None, JSON_PATH, JSONATA])
        effective = own or machine or JSON_PATH
        name = f"Task{index}"
        chain: sfn.IChainable = task_of(scope, bucket, name, effective, own, index)
        for depth in range(drawn.randrange(4)):
            chosen = drawn.choice(WRAPPERS)
            languages = [None, JSONATA] if machine == JSONATA or drawn.random() < 0.3 else [None]
            # A Distributed Map may be in an inline Map, but aws-cdk derives its permissions from a top-level one alone.
            chain = wrapped(scope, f"Outer{index}-{depth}", chain, chosen, drawn.choice(languages))
        sfn.StateMachine(
            scope, f"Machine{index}", definition_body=sfn.DefinitionBody.from_chainable(chain), query_language=machine
        )
        expected[name] = "Arguments" if effective == JSONATA else "Parameters"

    files, found, nested = [], {}, 0
    for index, definition in enumerate(definitions_of(scope)):
        files.append(tmp_path / f"{index}.json")
        files[-1].write_text(json.dumps(definition))
        for name, state in states_of(definition):
            if state["Type"] == "Task":
                (field,) = {"Arguments", "Parameters"} & state.keys()
                found[name.rpartition("-")[2]] = field
                text = json.dumps(state[field])
                assert ("{% " in text, '.$": ' in text) == ((True, False) if field == "Arguments" else (False, True))
                nested += name not in definition["States"]
    assert found == expected
    assert nested > machines / 3
    process = asl_validator(files)
    assert process.returncode == 0, process.stdout + process.stderr


def test_asl_validator_refuses_parameters_in_a_jsonata_machine(tmp_path: Path) -> None:
    path = tmp_path / "definition.json"
    states = {"A": {"Type": "Task", "Resource": "arn:aws:states:::x", "Parameters": {}, "End": True}}
    path.write_text(json.dumps({"QueryLanguage": "JSONata", "StartAt": "A", "States": states}))
    assert asl_validator([path]).returncode != 0


@pytest.mark.parametrize("wrapper", ["parallel", "map", "distributed", "fragment"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"query_language": JSON_PATH}, "'Count' is JSONPath, and its state machine JSONata"),
        ({"result_path": "$.x"}, "result_path is JSONPath's, and the state 'Count' is JSONata"),
        ({"env": {"A": sfn.JsonPath.string_at("$..deep")}}, "must be JSONata, or a path of names and indexes"),
    ],
    ids=["own language", "result_path", "untranslatable path"],
)
def test_a_nested_task_that_is_wrong_in_a_jsonata_machine_is_refused(
    wrapper: str, options: dict[str, Any], message: str
) -> None:
    scope = stack()
    task = SageMakerCreateProcessingJob(scope, "Count", image_uri=IMAGE, **options)
    in_each_language(scope, wrapped(scope, "Outer", task, wrapper, None), JSONATA)
    with pytest.raises(RuntimeError, match=rf"Stack/Count: .*{message}"):
        definitions_of(scope)


@pytest.mark.parametrize("wrapper", [None, "parallel", "map"])
def test_jsonata_in_a_nested_json_path_task_is_refused(wrapper: str | None) -> None:
    scope = stack()
    task = SageMakerCreateProcessingJob(scope, "Count", image_uri=IMAGE, env={"A": "{% $states.input.a %}"})
    in_each_language(scope, wrapped(scope, "Outer", task, wrapper, None) if wrapper else task, None)
    with pytest.raises(RuntimeError, match="a value of a JSONPath state must not be a JSONata expression"):
        definitions_of(scope)


@pytest.mark.parametrize("machine", [JSON_PATH, JSONATA])
def test_catches_and_variables_of_a_nested_task(machine: sfn.QueryLanguage) -> None:
    scope = stack()
    jsonata = machine == JSONATA
    value = "{% $states.result.ProcessingJobName %}" if jsonata else sfn.JsonPath.string_at("$.ProcessingJobName")
    task = SageMakerCreateProcessingJob(scope, "Count", image_uri=IMAGE, assign={"name": value})
    error = "{% $states.errorOutput.Error %}" if jsonata else sfn.JsonPath.string_at("$.Error")
    task.add_catch(sfn.Succeed(scope, "Done"), assign={"error": error})
    in_each_language(scope, sfn.Parallel(scope, "Outer").branch(task), machine)
    (definition,) = definitions_of(scope)
    state = dict(states_of(definition))["Count"]
    suffix = "" if jsonata else ".$"
    assert state["Assign"] == {f"name{suffix}": value if jsonata else "$.ProcessingJobName"}
    assert state["Catch"][0]["Assign"] == {f"error{suffix}": error if jsonata else "$.Error"}


def destination(state: dict[str, Any]) -> str:
    request = state.get("Parameters") or state["Arguments"]
    output = request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]
    found: str = output.get("S3Uri.$") or output["S3Uri"]
    return found


def loop(scope: Construct, inner: sfn.IChainable) -> sfn.IChainable:
    again = sfn.Choice.jsonata(scope, "Again")
    again.when(sfn.Condition.jsonata("{% $states.input.more %}"), inner).otherwise(sfn.Succeed(scope, "Done"))
    sfn.Chain.start(inner).next(again)
    return inner


@pytest.mark.parametrize("machine", [JSON_PATH, JSONATA])
@pytest.mark.parametrize(
    ("wrappers", "separate"),
    [
        ([], False),
        (["parallel"], False),
        (["fragment"], False),
        (["map"], True),
        (["distributed"], True),
        (["retried"], True),
        (["parallel", "map"], True),
        (["map", "parallel", "map"], True),
        (["capacity", "map"], True),
        (["loop"], True),
        (["parallel", "loop"], True),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else str(value),
)
def test_default_outputs_of_a_state_that_is_entered_more_than_once(
    machine: sfn.QueryLanguage, wrappers: list[str], *, separate: bool
) -> None:
    scope = stack()
    bucket = s3.Bucket.from_bucket_name(scope, "Bucket", "mine")
    chain: sfn.IChainable = SageMakerCreateProcessingJob(
        scope,
        "Count",
        image_uri=IMAGE,
        bucket=bucket,
        outputs=[OUTPUT, ProcessingOutput(source="/opt/ml/processing/own", destination="s3://own/place/")],
    )
    for index, wrapper in enumerate(wrappers):
        chain = loop(scope, chain) if wrapper == "loop" else wrapped(scope, f"Outer{index}", chain, wrapper, None)
    in_each_language(scope, chain, machine)
    (definition,) = definitions_of(scope)
    state = dict(states_of(definition))["Count"]
    uuid = "$uuid()" if machine == JSONATA else "States.UUID()"
    assert (uuid in destination(state)) == separate
    request = state.get("Parameters") or state["Arguments"]
    assert request["ProcessingOutputConfig"]["Outputs"][1]["S3Output"]["S3Uri"] == "s3://own/place/"


def test_the_outputs_of_a_simple_task_stay_where_they_are_and_those_of_the_capacity_retry_are_separate() -> None:
    scope = stack()
    bucket = s3.Bucket.from_bucket_name(scope, "Bucket", "mine")
    tasks = [
        SageMakerCreateProcessingJob(scope, name, image_uri=IMAGE, bucket=bucket, outputs=[OUTPUT])
        for name in ("Simple", "Capacity")
    ]
    retried = retry_on_capacity(tasks[1])
    assert isinstance(retried, CapacityRetry)
    states = dict(states_of(in_machine(scope, tasks[0].next(retried))))
    start = "States.Format('s3://mine/outputs/{}/{}/"
    assert destination(states["Simple"]) == (
        start + "try-{}/out', $$.Execution.Name, $$.State.Name, $$.State.RetryCount)"
    )
    assert destination(states["Capacity"]) == (
        start + "try-{}/out/{}', $$.Execution.Name, $$.State.Name, $$.State.RetryCount, States.UUID())"
    )
