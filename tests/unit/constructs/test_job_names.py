"""Names of jobs: the helper that is right everywhere, and the refusal of names that cannot be right."""

from __future__ import annotations

import re
from typing import Any

import pytest
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from jsonata import Jsonata
from ministack.services import stepfunctions

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    InvalidProcessingJobError,
    InvalidValueError,
    S3Trigger,
    SageMakerCreateProcessingJob,
    literal_text,
    retry_on_capacity,
    unique_job_name,
)
from tests.helpers.stacks import in_machine, stack, template

IMAGE = "444455556666.dkr.ecr.us-west-2.amazonaws.com/team/count:1"
PATH = sfn.JsonPath
EXECUTION, DAY, UUID = PATH.execution_name, PATH.string_at("$.day"), PATH.uuid()
JSONATA_EXECUTION, JSONATA_DAY = "{% $states.context.Execution.Name %}", "{% $states.input.day %}"
SEQUENCER, JSONATA_SEQUENCER = PATH.string_at("$.sequencer"), "{% $states.input.sequencer %}"
RETRIES = f"{EXECUTION}-{PATH.state_retry_count}"
PLACES = ("plain", "map", "loop", "capacity", "retried", "own retry", "pipeline", "trigger")


def synthesized(place: str, job_name: str) -> None:
    """Synthesize a task with a name in a place."""
    scope = stack()
    language = sfn.QueryLanguage.JSONATA if "{%" in job_name else None
    task = SageMakerCreateProcessingJob(
        scope,
        "Count",
        image_uri=IMAGE,
        job_name=job_name,
        query_language=language,
        bucket=s3.Bucket(scope, "Bucket"),
    )
    if place == "pipeline":
        EventDrivenProcessing(scope, "Pipeline", steps=[task])
        template(scope)
        return
    chain: Any = task
    match place:
        case "map":
            chain = sfn.Map(scope, "Map").item_processor(task)
        case "loop":
            again = sfn.Choice.jsonata(scope, "Again")
            again.when(sfn.Condition.jsonata("{% $states.input.more %}"), task).otherwise(sfn.Succeed(scope, "Done"))
            task.next(again)
        case "capacity":
            chain = retry_on_capacity(task)
        case "retried":
            chain = sfn.Parallel(scope, "Outer").branch(task).add_retry(errors=["States.ALL"])
        case "own retry":
            task.add_retry(errors=["States.TaskFailed"])
    machine = sfn.StateMachine(scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(chain))
    if place == "trigger":
        S3Trigger(
            scope,
            "Trigger",
            bucket=s3.Bucket(scope, "In"),
            state_machine=machine,
            manifest_bucket=s3.Bucket(scope, "Manifests"),
        )
    template(scope)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "job_name",
    [
        unique_job_name("nightly"),
        unique_job_name("nightly", SEQUENCER),
        unique_job_name("nightly", JSONATA_SEQUENCER, JSONATA_EXECUTION),
        f"n-{SEQUENCER}-{UUID}",
    ],
    ids=["base", "path", "JSONata", "own UUID"],
)
def test_a_unique_name_is_accepted_everywhere(place: str, job_name: str) -> None:
    synthesized(place, job_name)


@pytest.mark.parametrize(
    ("place", "job_name", "reason"),
    [
        ("map", f"n-{EXECUTION}", "every item of the Map"),
        ("map", f"n-{JSONATA_EXECUTION}", "every item of the Map"),
        ("map", f"n-{RETRIES}", "every item of the Map"),
        ("loop", f"n-{EXECUTION}", "a loop enters the state again"),
        ("capacity", f"n-{EXECUTION}", "the Retry of a state around it"),
        ("capacity", f"n-{DAY}", "the Retry of a state around it"),
        ("capacity", f"n-{RETRIES}", "the Retry of a state around it"),
        ("retried", f"n-{JSONATA_DAY}", "the Retry of a state around it"),
        ("own retry", f"n-{DAY}", "its Retry would create a job with the same name"),
        ("pipeline", EXECUTION, "executions have names of 64"),
        ("pipeline", f"n-{JSONATA_EXECUTION}", "executions have names of 64"),
        ("trigger", f"n-{EXECUTION}", "executions have names of 64"),
        ("pipeline", PATH.string_at("$.key"), "which contains others in the trigger's executions"),
        ("trigger", "{% $states.input.manifest_uri %}", "which contains others in the trigger's executions"),
    ],
)
def test_a_name_that_cannot_be_right_in_its_place_is_refused(place: str, job_name: str, reason: str) -> None:
    with pytest.raises(RuntimeError, match=rf"Count: job_name must .*{reason}.*pass unique_job_name\(\.\.\.\)"):
        synthesized(place, job_name)


@pytest.mark.parametrize(
    ("place", "job_name"),
    [
        ("plain", f"n-{EXECUTION}"),
        ("map", f"n-{DAY}"),
        ("loop", f"n-{DAY}"),
        ("own retry", f"n-{RETRIES}"),
        ("pipeline", f"n-{PATH.string_at('$.sequencer')}"),
        ("pipeline", "n-{% $substring($states.context.Execution.Name, 0, 20) %}"),
    ],
)
def test_a_name_that_may_be_right_is_accepted(place: str, job_name: str) -> None:
    synthesized(place, job_name)


@pytest.mark.parametrize(
    "job_name",
    [
        "nightly",
        PATH.execution_id,
        f"n-{PATH.execution_start_time}",
        "{% $states.context.State.EnteredTime %}",
        f"{'n' * 27}-{UUID}",
        f"under_score-{UUID}",
    ],
    ids=["static", "ARN", "time", "JSONata time", "too long", "underscore"],
)
def test_a_name_that_is_never_right_is_refused_immediately(job_name: str) -> None:
    with pytest.raises(InvalidValueError, match="job_name must"):
        SageMakerCreateProcessingJob(stack(), "Count", image_uri=IMAGE, job_name=job_name)


@pytest.mark.parametrize("base", ["n", "nightly", "n" * 20])
@pytest.mark.parametrize("count", [1, 2])
def test_a_jsonata_name_fits_whatever_the_values(base: str, count: int) -> None:

    name = unique_job_name(base, *[JSONATA_DAY] * count)
    expressions = re.findall(r"\{% (.*?) %\}", name)
    for day in ("2026-11-23", "x", "incoming/a file.csv", "ä" * 80, "a" * 64):
        values = [Jsonata(each.replace("$states.input.day", "day")).evaluate({"day": day}) for each in expressions]
        found = "-".join([base, *values, "0" * 36])
        assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", found), found


@pytest.mark.parametrize(
    "arguments",
    [("n" * 27,), ("a_b",), ("n" * 25, DAY), ("n", EXECUTION), ("n", PATH.execution_id), ("n", "a_b")],
)
def test_a_name_that_the_helper_cannot_build_is_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(InvalidProcessingJobError, match="must"):
        unique_job_name(*arguments)


TEXTS = ["{% raw %}", "{%- if x == 'a' -%}", "{% raw %}{{ it's }}{% endraw %}", '{% $x "%} {%', "100 %} {% for"]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("language", [sfn.QueryLanguage.JSON_PATH, sfn.QueryLanguage.JSONATA])
@pytest.mark.parametrize("around", ["", DAY], ids=["alone", "with a run-time value"])
def test_literal_text_arrives_as_it_is(text: str, language: sfn.QueryLanguage, around: str) -> None:

    scope = stack()
    task = SageMakerCreateProcessingJob(
        scope,
        "Count",
        image_uri=IMAGE,
        query_language=language,
        arguments=["--x", f"{around}{literal_text(text)}"],
        env={"X": literal_text(text)},
    )
    state = in_machine(scope, task)["States"]["Count"]
    if language == sfn.QueryLanguage.JSON_PATH:
        sent = {name: state["Parameters"][name] for name in ("AppSpecification", "Environment")}
        program = stepfunctions._resolve_params_obj(sent, {"day": "D"}, {})
        values = [program["AppSpecification"]["ContainerArguments"][1], program["Environment"]["X"]]
    else:
        written = [
            state["Arguments"]["AppSpecification"]["ContainerArguments"][1],
            state["Arguments"]["Environment"]["X"],
        ]
        values = [
            Jsonata(each[2:-2].replace("$states.input.", "")).evaluate({"day": "D"})
            if each.startswith("{%") and each.endswith("%}")
            else each
            for each in written
        ]
    assert values == [f"{'D' if around else ''}{text}", text]


@pytest.mark.parametrize(
    "text", ["{% raw %}", "a {% endfor %}", "{%- if x == 'a' -%}", "{% day %}", "{% 'a' %}{% set y %}"]
)
def test_a_template_tag_in_a_jsonata_state_is_refused_with_the_way_out(text: str) -> None:
    with pytest.raises(InvalidValueError, match=r"be a JSONata expression, got .*literal_text\(\.\.\.\) around it"):
        SageMakerCreateProcessingJob.jsonata(stack(), "Count", image_uri=IMAGE, arguments=[text])
    SageMakerCreateProcessingJob.jsonata(stack(), "Count", image_uri=IMAGE, arguments=[literal_text(text)])


@pytest.mark.parametrize("text", ["{% raw %}", "a {% endfor %}", "{% raw %}{{ x }}{% endraw %}"])
def test_a_template_tag_in_a_json_path_state_is_text(text: str) -> None:

    scope = stack()
    task = SageMakerCreateProcessingJob(scope, "Count", image_uri=IMAGE, arguments=[text])
    sent = in_machine(scope, task)["States"]["Count"]["Parameters"]["AppSpecification"]["ContainerArguments"]
    assert sent == [text]


@pytest.mark.parametrize("expression", ["{% '{% raw %}' %}", "{% 5 %}", "{% true %}", '{% "a" & $x %}', "{% [1, 2] %}"])
def test_a_jsonata_expression_may_contain_the_delimiters_in_its_strings(expression: str) -> None:

    scope = stack()
    task = SageMakerCreateProcessingJob.jsonata(scope, "Count", image_uri=IMAGE, env={"X": expression})
    assert in_machine(scope, task)["States"]["Count"]["Arguments"]["Environment"]["X"] == expression
