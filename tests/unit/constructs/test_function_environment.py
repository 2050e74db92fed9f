"""The environment of a function: Lambda measures its bytes as JSON, when the names of resources are known."""

from __future__ import annotations

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from cdk_sagemaker_processing import EventDrivenProcessing, InvalidValueError, Processor
from cdk_sagemaker_processing._internal.function_environment import check_environment
from cdk_sagemaker_processing.model.service_limits import maximum
from tests.helpers.stacks import stack

LIMIT = maximum("FunctionEnvironmentBytes")
OVERHEAD = len('{"A":""}')


@pytest.mark.parametrize("character", ["x", "é", "日", "😀", '"', "\\"])
def test_the_bytes_count_as_lambda_measures_them(character: str) -> None:
    room = (LIMIT - OVERHEAD) // (
        len(json.dumps({"A": character}, ensure_ascii=False, separators=(",", ":")).encode()) - 8
    )
    check_environment(stack(), {"A": character * room})
    with pytest.raises(InvalidValueError, match="at most 4096 bytes in all"):
        check_environment(stack(), {"A": character * (room + 1)})


def test_a_value_known_only_at_deployment_counts_with_its_greatest_length() -> None:
    scope = stack()
    bucket = s3.Bucket(scope, "Bucket")
    check_environment(scope, {"A": f"{bucket.bucket_name}{'x' * (LIMIT - OVERHEAD - 200)}"})
    with pytest.raises(InvalidValueError):
        check_environment(scope, {"A": f"{bucket.bucket_name}{'x' * (LIMIT - OVERHEAD - 199)}"})
    check_environment(scope, {"A": f"{cdk.Aws.REGION}{'x' * (LIMIT - OVERHEAD - 25)}"})


def test_the_message_names_what_is_long() -> None:
    scope = stack()
    settings = json.dumps({"bucket": "b", "prefixes": [f"{number}/{'ä' * 190}/" for number in range(11)]})
    with pytest.raises(InvalidValueError, match=r"got .\d{4} bytes of prefixes, .*use several triggers"):
        check_environment(scope, {"SETTINGS": settings})


def test_many_prefixes_reach_the_functions_as_the_folder_that_they_share() -> None:
    scope = stack()
    image = "111122223333.dkr.ecr.us-west-2.amazonaws.com/a:1"
    step = Processor(scope, "P", image_uri=image, instance_type="ml.m5.large").run("Run")
    prefixes = [f"in/{number}{'ä' * 190}/" for number in range(9)]
    EventDrivenProcessing(scope, "Pipeline", steps=[step], prefixes=prefixes)
    functions = Template.from_stack(scope).find_resources("AWS::Lambda::Function").values()
    environments = [json.dumps(each["Properties"].get("Environment", {}), ensure_ascii=False) for each in functions]
    settings = [each for each in environments if "prefixes" in each]
    assert len(settings) == 2
    assert not [each for each in settings if "ä" in each or "in/" not in each]
