from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing.model import is_unresolved


@pytest.mark.parametrize(
    "value",
    [
        cdk.Aws.REGION,
        f"s3://{cdk.Aws.ACCOUNT_ID}-bucket/x",
        cdk.Token.as_number({"Ref": "Count"}),
        cdk.Token.as_list({"Ref": "Subnets"}),
        sfn.JsonPath.string_at("$.x"),
        sfn.JsonPath.number_at("$.n"),
        sfn.JsonPath.list_at("$.l"),
        sfn.JsonPath.format("{}", sfn.JsonPath.uuid()),
        "plain",
        "${Token}",
        "a ${Token[ that never ends",
        "",
        0,
        -1,
        10**9,
        1.5,
        [],
        ["a", "b"],
    ],
)
def test_tokens_are_recognized_as_by_aws_cdk(value: object) -> None:
    assert is_unresolved(value) == cdk.Token.is_unresolved(value)


def test_a_list_with_one_token_is_recognized() -> None:
    assert is_unresolved(["a", cdk.Aws.REGION])
