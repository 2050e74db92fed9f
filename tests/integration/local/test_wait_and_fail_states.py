"""The values that Wait and Fail states take from their input."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

QUERY = "QueryEvaluationError"
INPUT = {"text": "ä", "number": 2, "list": [1]}


def failure(local_aws: RunningLocalAws, states: dict[str, Any], **more: Any) -> tuple[str, str]:
    execution = local_aws.wait_for_execution(local_aws.execute(states, INPUT, **more))
    return execution["error"], execution["cause"]


@pytest.mark.parametrize(
    ("state", "language", "error", "cause"),
    [
        (
            {"ErrorPath": "$.number"},
            "JSONPath",
            "States.Runtime",
            "The value referenced by ErrorPath must be a string, but the value was: 2",
        ),
        (
            {"Error": "e", "CausePath": "$.list"},
            "JSONPath",
            "States.Runtime",
            "The value referenced by CausePath must be a string, but the value was: [1]",
        ),
        (
            {"Error": "{% $states.input.number %}"},
            "JSONata",
            "States.QueryEvaluationError",
            "Expected 'string', but was 'number' for value: 2",
        ),
        ({"Error": "{% $states.input.text %}", "Cause": "c"}, "JSONata", "ä", "c"),
        ({"ErrorPath": "$.text", "CausePath": "States.Format('{}', $.number)"}, "JSONPath", "ä", "2"),
    ],
    ids=["error-path", "cause-path", "jsonata", "texts of jsonata", "texts"],
)
def test_the_error_of_a_fail_state_is_a_string(
    local_aws: RunningLocalAws, state: dict[str, str], language: str, error: str, cause: str
) -> None:
    found = failure(local_aws, {"Stop": {"Type": "Fail", **state}}, QueryLanguage=language)
    assert found[0] == error
    assert cause in found[1]


PAST = [
    "2016-03-14T01:59:00Z",
    "2016-03-14T01:59:00.123456789Z",
    "2016-03-14T01:59:00+14:00",
    "{% $fromMillis(0) %}",
]


@pytest.mark.parametrize("timestamp", PAST)
def test_a_wait_for_a_time_that_is_past_ends_at_once(local_aws: RunningLocalAws, timestamp: str) -> None:
    states = {"Wait": {"Type": "Wait", "Timestamp": timestamp, "End": True}}
    arn = local_aws.execute(states, QueryLanguage="JSONata" if "%" in timestamp else "JSONPath")
    assert local_aws.wait_for_execution(arn)["status"] == "SUCCEEDED"


def test_a_wait_for_a_time_with_an_offset_ends_then(local_aws: RunningLocalAws) -> None:
    due = datetime.now(UTC) + timedelta(seconds=1)
    text = (due + timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M:%S.%f+05:00")
    arn = local_aws.execute({"Wait": {"Type": "Wait", "TimestampPath": "$.due", "End": True}}, {"due": text})
    execution = local_aws.wait_for_execution(arn)
    assert execution["status"] == "SUCCEEDED"
    assert execution["stopDate"] >= due - timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("fields", "language", "error", "cause"),
    [
        ({"Seconds": "{% 1.5 %}"}, "JSONata", QUERY, "The Seconds field cannot be parsed as an integer: 1.5"),
        ({"Seconds": "{% -1 %}"}, "JSONata", QUERY, "Seconds cannot be negative but was: -1"),
        ({"Seconds": "{% '1' %}"}, "JSONata", QUERY, "Expected 'number', but was 'string' for value: \"1\""),
        ({"Seconds": "{% true %}"}, "JSONata", QUERY, "Expected 'number', but was 'boolean' for value: true"),
        ({"Timestamp": "{% 'soon' %}"}, "JSONata", QUERY, "offset date-time format string: soon"),
        ({"Timestamp": "{% 5 %}"}, "JSONata", QUERY, "Expected 'string', but was 'number' for value: 5"),
        ({"TimestampPath": "$.text"}, "JSONPath", "Runtime", "date-time format string: $.text == ä"),
        ({"TimestampPath": "$.number"}, "JSONPath", "Runtime", "date-time format string: $.number == 2"),
        ({"SecondsPath": "$.text"}, "JSONPath", "Runtime", "$.text == ä"),
    ],
)  # fmt: skip
def test_a_wait_takes_only_a_time(
    local_aws: RunningLocalAws, fields: dict[str, str], language: str, error: str, cause: str
) -> None:
    states = {"Wait": {"Type": "Wait", "End": True, **fields}}
    found = failure(local_aws, states, QueryLanguage=language)
    assert found[0] == f"States.{error}"
    assert cause in found[1]
