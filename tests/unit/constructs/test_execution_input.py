"""A task behind a trigger takes only what the trigger sends; anything else is refused, or warned of where it may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk.assertions import Annotations, Match, Template

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    ProcessingInput,
    S3Trigger,
    SageMakerCreateProcessingJob,
    retry_on_capacity,
    uploaded_objects,
)
from tests.helpers.stacks import stack

IMAGE = "111122223333.dkr.ecr.us-west-2.amazonaws.com/count:1"
PATH, DISCARD = sfn.JsonPath.string_at, sfn.JsonPath.DISCARD
JSONATA = sfn.QueryLanguage.JSONATA
BATCHES = {"batch_size": 10}
LIMIT = {"max_concurrent_jobs": 2}


def job(scope: Any, name: str = "Count", **options: Any) -> SageMakerCreateProcessingJob:  # noqa: ANN401
    return SageMakerCreateProcessingJob(scope, name, **{"image_uri": IMAGE, "result_path": DISCARD, **options})


def reading(uri: str) -> dict[str, Any]:
    return {"inputs": [ProcessingInput(source=uri, destination="/opt/ml/processing/input")]}


def outcome(scope: cdk.Stack) -> tuple[str, list[str]]:
    """Return the error of the synthesis and the warnings about the execution's input."""
    try:
        Template.from_stack(scope)
    except Exception as error:  # noqa: BLE001 - jsii's own error
        return str(error), []
    found = Annotations.from_stack(scope).find_warning("*", Match.any_value())
    return "", [str(each.entry.data) for each in found if "trigger-input" in str(each.entry.data)]


def behind_trigger(
    build: Callable[[cdk.Stack], sfn.IChainable], language: sfn.QueryLanguage | None = None, **options: Any
) -> tuple[str, list[str]]:
    scope = stack()
    machine = sfn.StateMachine(
        scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(build(scope)), query_language=language
    )
    bucket, out = s3.Bucket(scope, "Bucket"), s3.Bucket(scope, "Out")
    S3Trigger(scope, "Trigger", bucket=bucket, state_machine=machine, manifest_bucket=out, prefixes=["in/"], **options)
    return outcome(scope)


@pytest.mark.parametrize(
    ("request_of_job", "text"),
    [
        (reading(PATH("$.manifest_uri")), "$.manifest_uri"),
        (reading(f"s3://{PATH('$.detail.bucket.name')}/x/"), "$.detail"),
        ({"arguments": ["--day", PATH("$.day")]}, "$.day"),
        ({"arguments": sfn.JsonPath.list_at("$.arguments")}, "$.arguments"),
        ({"arguments": [sfn.JsonPath.format("it's '{}'", PATH("$.foo"))]}, "$.foo"),
        ({"env": {"A": PATH("$['my-field']")}}, "$['my-field']"),
        ({"env": {"A": PATH("$$.Execution.Input.foo")}}, "$$.Execution.Input.foo"),
        ({"env": {"A": PATH("$.bucket.name")}}, "$.bucket, which is a single value"),
        ({"tags": {"A": PATH("$.owner")}}, "$.owner"),
        ({"instance_count": sfn.JsonPath.number_at("$.instances")}, "$.instances"),
        ({"overrides": {"Environment": {"KEY.$": "$.other"}}}, "$.other"),
        (reading(PATH("$.objects")), "$.objects"),
    ],
)
def test_a_field_that_the_trigger_does_not_send_is_refused(request_of_job: dict[str, Any], text: str) -> None:
    error, _ = behind_trigger(lambda scope: job(scope, **request_of_job))
    assert "Stack/Count: the request must take from the execution's input what the trigger Stack/Trigger sends" in error
    assert f"got {text}" in error
    assert "the input has bucket, key, run, s3_data_type, s3_uri, sequencer, trigger. Take one of these" in error


@pytest.mark.parametrize(
    "text",
    [
        "{% $states.input.day %}",
        "s3://data/{% $states.input.day %}/",
        "{% $states.context.Execution.Input.day %}",
        "{% $states.input.`day` %}",
        "{% $string($states.input.day) %}",
        PATH("$.day"),
    ],
)
def test_a_jsonata_value_that_the_trigger_does_not_send_is_refused(text: str) -> None:
    error, _ = behind_trigger(lambda scope: job(scope, arguments=[text], result_path=None), JSONATA)
    assert "day, which the trigger does not send" in error.replace("`", "")


@pytest.mark.parametrize(
    "text",
    [
        "{% $exists($states.input.day) ? $states.input.day : 'none' %}",
        "{% 'day=' & $states.input.day %}",
        "{% $states.input.day = '1' %}",
    ],
)
def test_a_jsonata_expression_that_may_do_without_a_field_is_warned_of(text: str) -> None:
    error, warnings = behind_trigger(lambda scope: job(scope, arguments=[text], result_path=None), JSONATA)
    assert not error
    assert all("day, which the trigger does not send" in each for each in warnings)
    assert warnings


@pytest.mark.parametrize(
    ("request_of_job", "options"),
    [
        ({"inputs": [uploaded_objects()]}, {}),
        ({"inputs": [uploaded_objects()], "arguments": [PATH("$.batch"), PATH("$.group")]}, BATCHES),
        ({"arguments": [PATH("$.bucket"), PATH("$.key"), PATH("$.sequencer"), PATH("$.s3_uri")]}, {}),
        ({"arguments": [PATH("$.run"), PATH("$.key")]}, LIMIT),
        ({"env": {"ALL": sfn.JsonPath.json_to_string(sfn.JsonPath.object_at("$"))}}, {}),
        ({"env": {"A": PATH("$$.Execution.Id"), "B": PATH("$$.Execution.Input.key"), "C": PATH("$variable")}}, {}),
        ({"arguments": [sfn.JsonPath.format("$.foo is '$.bar' {}", PATH("$.key"))]}, {}),
        ({"arguments": ["$.foo"]}, {}),
        ({"input_path": "$.anything", "arguments": [PATH("$.foo")]}, {}),
    ],
)
def test_the_fields_of_the_trigger_are_accepted(request_of_job: dict[str, Any], options: dict[str, Any]) -> None:
    assert behind_trigger(lambda scope: job(scope, **request_of_job), **options) == ("", [])


@pytest.mark.parametrize(
    ("field", "options"), [("key", BATCHES), ("sequencer", BATCHES), ("batch", {}), ("group", LIMIT)]
)
def test_the_fields_depend_on_the_trigger(field: str, options: dict[str, Any]) -> None:
    error, _ = behind_trigger(lambda scope: job(scope, arguments=[PATH(f"$.{field}")]), **options)
    assert f"got $.{field}, which the trigger does not send" in error


def _after(*states: Callable[[cdk.Stack], Any], **options: Any) -> Callable[[cdk.Stack], sfn.IChainable]:
    def build(scope: cdk.Stack) -> sfn.IChainable:
        chain: Any = states[0](scope)
        for state in states[1:]:
            chain = chain.next(state(scope))
        following: sfn.IChainable = chain.next(job(scope, **{"arguments": [PATH("$.foo")], **options}))
        return following

    return build


def _wait(scope: cdk.Stack) -> sfn.Wait:
    return sfn.Wait(scope, "Wait", time=sfn.WaitTime.duration(cdk.Duration.seconds(1)))


def _routed(scope: cdk.Stack) -> sfn.IChainable:
    choice = sfn.Choice(scope, "Choice")
    return choice.when(sfn.Condition.is_present("$.foo"), job(scope, arguments=[PATH("$.foo")])).otherwise(
        sfn.Succeed(scope, "Done")
    )


def _parallel(scope: cdk.Stack, **options: Any) -> sfn.Parallel:
    return sfn.Parallel(scope, "Parallel", **options).branch(job(scope, arguments=[PATH("$.foo")]))


# Where the input is still that of the execution, where an earlier state may have set the field, and where a Choice may
# keep the trigger's executions away.
REFUSED: dict[str, Callable[[cdk.Stack], sfn.IChainable]] = {
    "after a step that keeps the input": _after(lambda scope: job(scope, "First")),
    "after a wait": _after(_wait),
    "after a state that adds another field": _after(lambda scope: sfn.Pass(scope, "Pass", result_path="$.bar")),
    "after an empty pass": _after(lambda scope: sfn.Pass(scope, "Pass")),
    "in a branch": _parallel,
    "in a retry": lambda scope: retry_on_capacity(job(scope, arguments=[PATH("$.foo")])),
    "after a catch that keeps the input": lambda scope: job(scope, "First").add_catch(
        job(scope, arguments=[PATH("$.foo")]), result_path=DISCARD
    ),
    "of the context object": _after(
        lambda scope: sfn.Pass(scope, "Pass", result=sfn.Result.from_object({"foo": 1})),
        arguments=[PATH("$$.Execution.Input.foo")],
    ),
}
ACCEPTED: dict[str, Callable[[cdk.Stack], sfn.IChainable]] = {
    "the result of a state": _after(lambda scope: sfn.Pass(scope, "Pass", result=sfn.Result.from_object({"foo": 1}))),
    "parameters of a pass": _after(lambda scope: sfn.Pass(scope, "Pass", parameters={"foo.$": "$.key"})),
    "a field that a state adds": _after(
        lambda scope: sfn.Pass(scope, "Pass", result=sfn.Result.from_object({"a": 1}), result_path="$.foo"), _wait
    ),
    "a job's description": _after(lambda scope: job(scope, "First", result_path="$.foo.bar")),
    "a branch with parameters": lambda scope: _parallel(scope, parameters={"foo.$": "$.key"}),
    "an error": lambda scope: job(scope, "First").add_catch(job(scope, arguments=[PATH("$.Error")])),
    "an item": lambda scope: sfn.Map(scope, "Map", items_path="$.s3_uri").item_processor(
        job(scope, arguments=[PATH("$.foo")])
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_input_that_earlier_states_keep_is_the_executions(case: str) -> None:
    assert "foo, which the trigger does not send" in behind_trigger(REFUSED[case])[0]


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_field_that_an_earlier_state_may_set_is_accepted(case: str) -> None:
    assert behind_trigger(ACCEPTED[case]) == ("", [])


def test_a_field_behind_a_choice_is_warned_of() -> None:
    error, (warning,) = behind_trigger(_routed)
    assert not error
    assert "got $.foo, which the trigger does not send" in warning


def test_a_state_machine_that_no_trigger_starts_takes_any_field() -> None:
    scope = stack()
    task = job(scope, arguments=[PATH("$.foo")])
    sfn.StateMachine(scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(task))
    assert outcome(scope) == ("", [])


def test_each_step_of_a_pipeline_is_checked() -> None:
    scope = stack()
    second = job(scope, "Second", env={"URI": PATH("$.manifest_uri")})
    EventDrivenProcessing(scope, "Pipeline", steps=[job(scope), second], prefixes=["in/"])
    assert "Stack/Second: the request must take from the execution's input" in outcome(scope)[0]
