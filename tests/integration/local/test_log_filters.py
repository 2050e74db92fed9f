"""FilterLogEvents: its streams, its pages, its patterns; the bounds of GetLogEvents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from smproc.local.server.log_patterns import InvalidFilterPatternError, compile_pattern

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws


class Group:
    """A log group of a test."""

    def __init__(self, local_aws: RunningLocalAws, **streams: list[tuple[int, str]]) -> None:
        self.logs, self.name = local_aws.logs, f"/test/{local_aws.name()}"
        self.logs.create_log_group(logGroupName=self.name)
        for stream, events in streams.items():
            self.logs.create_log_stream(logGroupName=self.name, logStreamName=stream)
            for start in range(0, len(events), 10_000):
                self.logs.put_log_events(
                    logGroupName=self.name,
                    logStreamName=stream,
                    logEvents=[{"timestamp": time, "message": text} for time, text in events[start : start + 10_000]],
                )

    def found(self, **options: object) -> list[str]:
        pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName=self.name, **options)  # type: ignore[arg-type] # any options
        return [event["message"] for page in pages for event in page["events"]]


def test_a_prefix_or_names_select_streams(local_aws: RunningLocalAws) -> None:
    group = Group(local_aws, a_1=[(1, "one"), (3, "three")], a_2=[(2, "two")], b=[(1, "other")])
    assert group.found(logStreamNamePrefix="a_") == ["one", "two", "three"]
    assert group.found(logStreamNames=["b", "a_2"]) == ["other", "two"]
    assert group.found(logStreamNamePrefix="none") == []
    assert group.found(logStreamNamePrefix="a_", startTime=2, endTime=3) == ["two", "three"]


def test_the_lines_of_one_job_are_found_by_its_name(local_aws: RunningLocalAws) -> None:
    first, second = (local_aws.run(f"print('{word}')")["ProcessingJobName"] for word in ("first", "second"))
    for job, line in ((first, "first"), (second, "second")):
        local_aws.wait_for_log(job, line)
        answer = local_aws.logs.filter_log_events(
            logGroupName="/aws/sagemaker/ProcessingJobs", logStreamNamePrefix=f"{job}/"
        )
        lines = [event["message"] for event in answer["events"]]
        assert line in lines
        assert {event["logStreamName"].partition("/")[0] for event in answer["events"]} == {job}


def test_pages_have_each_event_once_in_order(local_aws: RunningLocalAws) -> None:
    same_time = [(5, f"x{number}") for number in range(50)]
    group = Group(local_aws, a=same_time, b=[(5, "y"), (6, "z")], c=[(1, "first")])
    everything = group.found()
    assert everything[0] == "first"
    assert everything[-1] == "z"
    assert sorted(everything) == sorted([text for _, text in same_time] + ["y", "z", "first"])
    for size in (1, 7, 53):
        assert group.found(limit=size, PaginationConfig={"PageSize": size}) == everything
    assert group.found(filterPattern="?y ?z", PaginationConfig={"PageSize": 1}) == ["y", "z"]


def test_a_page_has_at_most_a_megabyte(local_aws: RunningLocalAws) -> None:
    group = Group(local_aws)
    group.logs.create_log_stream(logGroupName=group.name, logStreamName="a")
    for number in range(3):
        group.logs.put_log_events(
            logGroupName=group.name,
            logStreamName="a",
            logEvents=[{"timestamp": number, "message": f"{at}" + "x" * 200_000} for at in range(4)],
        )
    first = group.logs.filter_log_events(logGroupName=group.name)
    assert 1 <= len(first["events"]) < 12
    assert len(group.found()) == 12
    read: list[str] = []
    token: dict[str, str] = {}
    while True:
        answer = group.logs.get_log_events(logGroupName=group.name, logStreamName="a", startFromHead=True, **token)  # type: ignore[arg-type] # the token alone
        assert sum(len(event["message"]) for event in answer["events"]) <= 1024 * 1024
        if not answer["events"]:
            break
        read += [event["message"][:1] for event in answer["events"]]
        token = {"nextToken": answer["nextForwardToken"]}
    assert read == list("0123") * 3


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({"filterPattern": "{ $.a = "}, "InvalidParameterException", "Invalid filter pattern"),
        ({"filterPattern": '"open'}, "InvalidParameterException", "Invalid filter pattern"),
        ({"nextToken": "nonsense"}, "InvalidParameterException", "The specified nextToken is invalid."),
        ({"logStreamNames": ["gone"]}, "ResourceNotFoundException", "The specified log stream does not exist."),
        (
            {"logStreamNames": ["a"], "logStreamNamePrefix": "a"},
            "InvalidParameterException",
            "Only one of logStreamNames and logStreamNamePrefix may be specified",
        ),
    ],
)
def test_bad_requests_are_refused(
    local_aws: RunningLocalAws, options: dict[str, object], code: str, message: str
) -> None:
    group = Group(local_aws, a=[(1, "one")])
    with pytest.raises(ClientError) as caught:
        group.logs.filter_log_events(logGroupName=group.name, **options)  # type: ignore[arg-type] # invalid on purpose
    assert (caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]) == (code, message)


LINES = ["[ERROR 400] BAD REQUEST", "[ERROR 401] UNAUTHORIZED REQUEST", "[WARN 4] error", "[INFO] 200 ok"]


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("", [0, 1, 2, 3]),
        ("ERROR", [0, 1]),
        ("error", [2]),
        ("ERROR REQUEST", [0, 1]),
        ("?ERROR ?WARN", [0, 1, 2]),
        ('?"ERROR 400" ?"INFO"', [0, 3]),
        ("ERROR -401", [0]),
        ("-ERROR", [2, 3]),
        ('"BAD REQUEST"', [0]),
        ('-"BAD REQUEST"', [1, 2, 3]),
        ("?WARN ERROR", [0, 1]),
        ("%AUTHORIZED%", [1]),
        ("%^.ERROR 40[01]%", [0, 1]),
        (r'"no \"such\" text"', []),
    ],
)
def test_terms(pattern: str, matching: list[int]) -> None:
    matches = compile_pattern(pattern)
    assert [number for number, line in enumerate(LINES) if matches(line)] == matching


EVENT = {
    "level": "ERROR",
    "user": {"id": 1, "email": "John.Doe@example.com"},
    "users": [{"id": 2}, {"id": 3}],
    "ip": "123.123.1.7",
    "latency": 12.5,
    "text_number": "42",
    "flag": True,
    "nothing": None,
    "a.b": "dotted",
}


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ('{ $.level = "ERROR" }', True),
        ("{ $.level = ERROR }", True),
        ('{ $.level != "ERROR" }', False),
        ('{$.level="E*R"}', True),
        ("{ $.user.id = 1 }", True),
        ("{ $.users[1].id > 2 }", True),
        ("{ $.users[*].id = 2 }", True),
        ("{ $.users[7].id = 2 }", False),
        ("{ $.latency >= 12.5 && $.latency < 1e3 }", True),
        ("{ $.latency > 13 || $.flag IS TRUE }", True),
        ("{ $.flag IS FALSE }", False),
        ("{ $.nothing IS NULL }", True),
        ("{ $.missing IS NULL }", False),
        ("{ $.missing NOT EXISTS }", True),
        ("{ $.level NOT EXISTS }", False),
        ("{ ($.user.id = 1) && (($.users[0].id = 9) || ($.level = %^ERR%)) }", True),
        ('{ $.user.email = "John.Doe@example.com" }', True),
        ("{ $.ip = 123.123.* }", True),
        ("{ $.text_number = 42 }", True),
        ("{ $.['a.b'] = dotted }", True),
        ("{ $.missing != 1 }", False),
    ],
)
def test_json_patterns(pattern: str, matching: bool) -> None:
    matches = compile_pattern(pattern)
    assert matches(json.dumps(EVENT)) is matching
    assert not matches("not JSON")


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("[ip, user, time, request, status, size]", True),
        ("[ip, user]", False),
        ("[ip, ..., status = 4*, size]", True),
        ("[..., size > 1000]", True),
        ("[..., size > 5000]", False),
        ("[ip = %127\\.0\\.0\\.[1-9]%, ...]", True),
        ('[ip, user, time, request = "*html*", status = 404 || status = 410, size]', True),
        ('[ip, user != "frank", ...]', False),
    ],
)
def test_space_delimited_patterns(pattern: str, matching: bool) -> None:
    line = '127.0.0.1 frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
    assert compile_pattern(pattern)(line) is matching


@pytest.mark.parametrize("pattern", ["{", "{ $.a }", "{ $.a = 1 } x", "[a, ..., b, ...]", "[a", "%(%", "{ $.a > x }"])
def test_malformed_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(InvalidFilterPatternError):
        compile_pattern(pattern)


def test_filters_of_subscriptions_and_metrics_are_checked(local_aws: RunningLocalAws) -> None:
    group = Group(local_aws)
    with pytest.raises(ClientError, match="Invalid filter pattern"):
        group.logs.put_metric_filter(
            logGroupName=group.name,
            filterName="f",
            filterPattern="{ $.a = ",
            metricTransformations=[{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}],
        )
    with pytest.raises(ClientError, match="Invalid filter pattern"):
        group.logs.put_subscription_filter(
            logGroupName=group.name, filterName="f", filterPattern="[a", destinationArn="arn:aws:lambda:::function:x"
        )
