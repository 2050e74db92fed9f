"""The input of the uploaded objects, whose location and type are known only at run time, in both query languages."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import InvalidValueError, ProcessingInput, Processor, S3Input, uploaded_objects
from tests.helpers.stacks import definition, stack

IMAGE = "444455556666.dkr.ecr.us-west-2.amazonaws.com/team/count:1"
DIRECTORY = "/opt/ml/processing/input"
URI, DATA_TYPE = sfn.JsonPath.string_at("$.uri"), sfn.JsonPath.string_at("$.type")


def s3_input(processing_input: ProcessingInput, language: sfn.QueryLanguage) -> dict[str, Any]:
    """Return the rendered input of a job in a state machine with a query language."""
    scope = stack()
    processor = Processor(scope, "Processor", image_uri=IMAGE, instance_type="ml.m5.large")
    run = processor.run("Run", inputs=[processing_input])
    sfn.StateMachine(scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(run), query_language=language)
    state = definition(scope)["States"]["Run"]
    (rendered,) = state["Arguments" if language == sfn.QueryLanguage.JSONATA else "Parameters"]["ProcessingInputs"]
    found: dict[str, Any] = rendered["S3Input"]
    return {name: value for name, value in found.items() if name.startswith(("S3Uri", "S3DataType"))}


def test_uploaded_objects_take_location_and_type_from_the_input_of_the_execution() -> None:
    assert s3_input(uploaded_objects(), sfn.QueryLanguage.JSON_PATH) == {
        "S3Uri.$": "$.s3_uri",
        "S3DataType.$": "$.s3_data_type",
    }
    assert s3_input(uploaded_objects(), sfn.QueryLanguage.JSONATA) == {
        "S3Uri": "{% $states.input.s3_uri %}",
        "S3DataType": "{% $states.input.s3_data_type %}",
    }


@pytest.mark.parametrize(
    "made",
    [
        ProcessingInput(source=URI, s3_data_type=DATA_TYPE, destination=DIRECTORY),
        ProcessingInput(s3_input=S3Input(s3_uri=URI, s3_data_type=DATA_TYPE, local_path=DIRECTORY)),
    ],
    ids=["arguments", "s3_input"],
)
def test_a_type_that_is_a_path_is_rendered_in_both_languages(made: ProcessingInput) -> None:
    assert s3_input(made, sfn.QueryLanguage.JSON_PATH) == {"S3Uri.$": "$.uri", "S3DataType.$": "$.type"}
    assert s3_input(made, sfn.QueryLanguage.JSONATA) == {
        "S3Uri": "{% $states.input.uri %}",
        "S3DataType": "{% $states.input.type %}",
    }


def test_a_type_in_jsonata_is_kept() -> None:
    made = ProcessingInput(source="{% $uri %}", destination=DIRECTORY, s3_data_type="{% $type %}")
    assert s3_input(made, sfn.QueryLanguage.JSONATA) == {"S3Uri": "{% $uri %}", "S3DataType": "{% $type %}"}


@pytest.mark.parametrize("wrong", ["Prefix", "s3prefix", ""])
def test_a_type_that_the_api_refuses_is_refused_when_it_is_known(wrong: str) -> None:
    with pytest.raises(InvalidValueError, match="s3_data_type must be one of ManifestFile, S3Prefix, got "):
        ProcessingInput(source="s3://bucket/a.csv", destination=DIRECTORY, s3_data_type=wrong)
