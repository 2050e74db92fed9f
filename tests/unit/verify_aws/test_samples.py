"""Sample events of event patterns, against EventBridge's rules as the local AWS and event-ruler have them."""

from __future__ import annotations

from typing import Any

import pytest

from tools.verify_aws.without_deploying.samples import NoSampleError, matching, others

PATTERN: dict[str, Any] = {
    "source": ["aws.s3"],
    "detail-type": ["Object Created"],
    "detail": {
        "bucket": {"name": ["data"]},
        "object": {"key": [{"wildcard": r"in/*\*.csv"}, {"prefix": "b/"}], "size": [{"numeric": [">=", 5, "<", 9]}]},
    },
}


def test_the_sample_has_a_value_for_each_condition() -> None:
    event = matching(PATTERN, account="111122223333", region="eu-west-1")
    assert (event["account"], event["region"], event["source"]) == ("111122223333", "eu-west-1", "aws.s3")
    assert event["detail"] == {"bucket": {"name": "data"}, "object": {"key": "in/x*.csv", "size": 5}}


def test_the_others_differ_in_one_value_each() -> None:
    event = matching(PATTERN, account="111122223333", region="eu-west-1")
    different = dict(others(PATTERN, event))
    assert list(different) == ["source", "detail-type", "detail.bucket.name", "detail.object.key", "detail.object.size"]
    assert different["detail.object.size"]["detail"]["object"] == {"key": "in/x*.csv", "size": -1}
    assert different["source"] == {**event, "source": "something-else"}


@pytest.mark.parametrize(
    ("matcher", "value"),
    [
        ("text", "text"),
        (7, 7),
        ({"prefix": "a/"}, "a/x"),
        ({"suffix": ".csv"}, "x.csv"),
        ({"numeric": [">", 5]}, 6),
        ({"numeric": ["<", 5]}, 4),
        ({"numeric": ["<=", 5]}, 5),
    ],
)
def test_values(matcher: object, value: object) -> None:
    assert matching({"detail": {"a": [matcher]}}, account="1", region="r")["detail"] == {"a": value}


def test_alternatives_and_resources() -> None:
    pattern = {"resources": ["arn"], "$or": [{"source": ["a"]}, {"source": ["b"]}]}
    event = matching(pattern, account="1", region="r")
    assert (event["resources"], event["source"]) == (["arn"], "a")
    assert list(others(pattern, event)) == []


def test_an_operator_that_is_not_known_is_refused() -> None:
    with pytest.raises(NoSampleError, match=r"matcher must be text, .* got \{'cidr': '10.0.0.0/8'\}; add it here"):
        matching({"detail": {"a": [{"cidr": "10.0.0.0/8"}]}}, account="1", region="r")
