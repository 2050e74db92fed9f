"""The paths in a state: those that Step Functions refuses are refused, in each place, and no others."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import Token
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import InvalidValueError, SageMakerCreateProcessingJob
from tests.helpers.stacks import REGION, stack, template

IMAGE = f"111122223333.dkr.ecr.{REGION}.amazonaws.com/image:1"
JSONATA = sfn.QueryLanguage.JSONATA
JSON_PATH = sfn.QueryLanguage.JSON_PATH
NOT_EVALUATED = "must be a JSONPath or a call of an intrinsic function, got "


def task_in(scope: Any, **options: Any) -> SageMakerCreateProcessingJob:  # noqa: ANN401 - any scope
    return SageMakerCreateProcessingJob(scope, "Run", image_uri=IMAGE, **options)


def synthesize(language: sfn.QueryLanguage | None = None, **options: Any) -> None:
    scope = stack()
    body = sfn.DefinitionBody.from_chainable(task_in(scope, **options))
    sfn.StateMachine(scope, "Machine", definition_body=body, query_language=language)
    template(scope)


@pytest.mark.parametrize("path", ["", "detail", "$.", "$.a[", "$.a b", "States.UUID()", "{% $states.input %}"])
@pytest.mark.parametrize("parameter", ["input_path", "output_path", "result_path"])
def test_what_is_no_path_is_refused(parameter: str, path: str) -> None:
    with pytest.raises(InvalidValueError, match=f"^{parameter} must be a JSONPath") as raised:
        task_in(stack(), **{parameter: path})
    assert raised.value.value == path


@pytest.mark.parametrize("path", ["$.a[*]", "$..a", "$.a[?(@.b == 1)]", "$.a[1:2]", "$$.Execution", "$variable.a"])
def test_a_result_goes_to_one_place_in_the_input(path: str) -> None:
    with pytest.raises(InvalidValueError, match=r"^result_path must be a JSONPath of one place in the state's input"):
        task_in(stack(), result_path=path)


@pytest.mark.parametrize("path", ["seconds", "$.a[*]", "States.MathAdd($.a, 1)"])
@pytest.mark.parametrize("parameter", ["task_timeout", "heartbeat_timeout"])
def test_a_timeout_is_at_a_path_of_one_value(parameter: str, path: str) -> None:
    with pytest.raises(InvalidValueError, match=f"^{parameter} must be at a JSONPath of one value, got "):
        task_in(stack(), **{parameter: sfn.Timeout.at(path)})


@pytest.mark.parametrize("value", ["Done", "States.Unknown()", "$.a b", "{% $states.input %}"])
def test_what_is_evaluated_is_a_path_or_an_intrinsic_function(value: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        task_in(stack(), result_selector={"job": [{"status.$": value}]})
    assert str(raised.value).startswith(f"result_selector['job'][0]['status.$'] {NOT_EVALUATED}{value!r}; ")
    with pytest.raises(InvalidValueError) as raised:
        task_in(stack(), assign={"status.$": value}, query_language=JSON_PATH)
    assert str(raised.value).startswith(f"assign['status.$'] {NOT_EVALUATED}{value!r}; ")


@pytest.mark.parametrize(
    "options",
    [
        {"assign": {"status.$": "Done"}},
        {"overrides": {"Environment": {"DAY.$": "day"}}},
        {"env": {"DAY": sfn.JsonPath.string_at("$.day[")}},
        {"env": {"DAY": f"on {sfn.JsonPath.string_at('$.day[')}"}},
        {"volume_size_in_gb": sfn.JsonPath.number_at("$.a b")},
    ],
)
def test_where_the_language_is_that_of_the_state_machine_the_synth_refuses_it(options: dict[str, Any]) -> None:
    with pytest.raises(RuntimeError, match=NOT_EVALUATED):
        synthesize(**options)


@pytest.mark.parametrize("value", [sfn.JsonPath.string_at("$.day"), [{"day": sfn.JsonPath.string_at("$.day")}]])
def test_a_jsonata_state_has_no_paths_in_its_fields(value: object) -> None:
    for options in ({"state_output": value}, {"assign": {"day": value}}):
        with pytest.raises(
            InvalidValueError, match=r"must not be a JSONPath in a JSONata state, got '\$\.day'; write it"
        ):
            task_in(stack(), query_language=JSONATA, **options)
    with pytest.raises(InvalidValueError, match=r"^assign\['day\.\$'\] must not be a JSONPath in a JSONata state"):
        task_in(stack(), query_language=JSONATA, assign={"day.$": "$.day"})
    with pytest.raises(RuntimeError, match=r"the name of a field in a JSONata state must not end in \.\$"):
        synthesize(JSONATA, overrides={"Environment": {"DAY.$": "$.day"}})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"env": {"DAY": "{% $substring( %}"}}, "a value of a JSONata state must be a JSONata expression"),
        ({"arguments": ["on {% $day + %}"]}, r"'\+'; or write literal_text"),
        ({"assign": {"days": ["{% $x y %}"]}}, r"^assign\['days'\]\[0\] must be .*missing before 'y' at character 7$"),
        (
            {"state_output": "{% 'a %}"},
            r"^state_output must be a JSONata expression, got .* \"'\" at character 4 is not",
        ),
        ({"task_timeout": sfn.Timeout.jsonata("{% $x) %}")}, r"^task_timeout must be .*'\)' at character 6 closes"),
    ],
)
def test_an_expression_that_is_certainly_not_jsonata_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        task_in(stack(), query_language=JSONATA, **options)


def test_an_expression_in_the_overrides_is_refused_by_the_synth() -> None:
    with pytest.raises(RuntimeError, match=r"'\[' at character 4 is not closed"):
        synthesize(JSONATA, overrides={"Environment": {"DAY": "{% [1 %}"}})


def test_an_expression_with_a_part_that_is_known_when_it_is_deployed_is_not_read() -> None:
    later = Token.as_string({"Ref": "Expression"})
    synthesize(JSONATA, env={"DAY": f"{{% $f({later} %}}"}, assign={"day": f"{{% {later} %}}"})


def test_paths_of_every_kind_are_accepted() -> None:
    synthesize(
        input_path="$.detail['a b'][0]",
        output_path="$$.Execution.Input",
        result_path="$.result[0]",
        result_selector={"a.$": "$.x[?(@.y > 1)]", "b.$": "States.Array($.x, $$.Execution.Name)", "c": "x", "d.$": 3},
        assign={"a.$": "$states_of.b", "b": {"c.$": "States.UUID()"}},
        task_timeout=sfn.Timeout.at("$$.Execution.Input.seconds"),
        heartbeat_timeout=sfn.Timeout.at("$seconds"),
        overrides={"Environment": {"DAY.$": "$.day"}},
        env={"ALL": sfn.JsonPath.string_at("$..name")},
    )
    synthesize(result_path=sfn.JsonPath.DISCARD, input_path=sfn.JsonPath.DISCARD, output_path=sfn.JsonPath.DISCARD)
    later = Token.as_string({"Ref": "AWS::StackName"})
    synthesize(input_path=f"$.{later}", result_path=f"$.{later}", result_selector={"a.$": f"$['{later}']"})
    synthesize(JSONATA, state_output={"day": "$.day"}, assign={"day": "{% $states.input.day %}"})
