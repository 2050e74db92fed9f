"""The events that match a trigger's pattern, by EventBridge's TestEventPattern on the local AWS."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

import boto3
import pytest

from cdk_sagemaker_processing.trigger.object_pattern import KeyMatcher, ObjectPattern
from cdk_sagemaker_processing.trigger.upload_rules import distribute_keys
from tests.helpers.hostile_names import NAMES
from tests.helpers.object_patterns import drawn_keys, drawn_patterns, is_promised

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient

    from tests.helpers.local_aws import RunningLocalAws


@pytest.fixture(scope="module")
def events(local_aws: RunningLocalAws) -> EventBridgeClient:
    return boto3.client(
        "events",
        region_name="us-east-1",
        endpoint_url=local_aws.aws.endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the local AWS's own
    )


def matches(
    events: EventBridgeClient,
    pattern: ObjectPattern,
    key: str,
    size: int = 10,
    keys: Sequence[KeyMatcher] | None = None,
) -> bool:
    event = {
        "id": "1",
        "account": "000000000000",
        "time": "2026-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "in"}, "object": {"key": key, "size": size}},
    }
    rule = {"source": ["aws.s3"], "detail": {"object": pattern.to_event_pattern(keys)}}
    answer = events.test_event_pattern(EventPattern=json.dumps(rule), Event=json.dumps(event))
    return bool(answer["Result"])


CASES: list[tuple[ObjectPattern, list[str], list[str]]] = [
    (ObjectPattern(prefixes=["in/"]), ["in/a", "in/"], ["in", "IN/a", "x/in/a"]),
    (ObjectPattern(suffixes=[".csv"]), [".csv", "a/b.csv"], ["a.csv.bak", "a.CSV"]),
    (ObjectPattern(prefixes=["in/"], suffixes=[".csv"]), ["in/.csv", "in/x/y.csv"], ["in/a.txt", "a.csv", "in/"]),
    (ObjectPattern(prefixes=["a*b/"], suffixes=["c"]), ["a*b/c"], ["axb/c", "a*b/"]),
    (ObjectPattern(wildcards=["in/*/d-*.csv"]), ["in/x/d-1.csv", "in/x/y/d-.csv"], ["in/d-1.csv", "in/x/d-1.csv.gz"]),
    (ObjectPattern(wildcards=[r"a\*b"]), ["a*b"], ["axb", "a*bc"]),
    (ObjectPattern(prefixes=["p/"], wildcards=["w*"]), ["p/x", "w", "wx"], ["xw", "p"]),
    (ObjectPattern(prefixes=["in/"]), [f"in/{name}" for name in NAMES], [*NAMES]),
    (ObjectPattern(prefixes=["in/"], suffixes=[".csv"]), [f"in/{name}.csv" for name in NAMES], ["in/-rf.csv\nx"]),
    (ObjectPattern(prefixes=["[a]?{b}(c)$^+|\\"], suffixes=["*\n"]), ["[a]?{b}(c)$^+|\\x*\n"], ["a", "abc\n", "[a]?"]),
]


@pytest.mark.parametrize(("pattern", "matching", "others"), CASES, ids=[str(number) for number in range(len(CASES))])
def test_keys_match(
    events: EventBridgeClient,
    pattern: ObjectPattern,
    matching: list[str],
    others: list[str],
) -> None:
    assert [key for key in (*matching, *others) if matches(events, pattern, key)] == matching
    # The prefixes that the pattern reports for all matching keys are correct.
    assert all(any(key.startswith(prefix) for prefix in pattern.key_prefixes()) for key in matching)


def test_sizes_match(events: EventBridgeClient) -> None:
    sizes = [0, 1, 2, 99, 100]
    some = ObjectPattern(prefixes=["in/"], min_size_in_bytes=1, max_size_in_bytes=99)
    assert [size for size in sizes if matches(events, some, "in/a", size)] == [1, 2, 99]
    assert [size for size in sizes if matches(events, ObjectPattern(min_size_in_bytes=1), "a", size)] == [1, 2, 99, 100]
    assert [size for size in sizes if matches(events, ObjectPattern(max_size_in_bytes=1), "a", size)] == [0, 1]
    assert not matches(events, some, "out/a", 5)


def test_the_rules_of_a_pattern_together_match_what_it_promises(events: EventBridgeClient) -> None:
    draw, several = random.Random(7), 0  # noqa: S311 - for test data
    patterns = [each for each in drawn_patterns(seed=6, count=120) if 0 < len(each.key_matchers()) < 40]
    for pattern in patterns:
        rules = distribute_keys("in", pattern)
        several += len(rules) > 1
        for key in draw.sample(sorted(drawn_keys(draw, pattern)), 4):
            delivered = sum(matches(events, pattern, key, keys=keys) for keys in rules)
            assert (delivered > 0) == is_promised(pattern, key), (pattern, key)
            assert delivered <= 1 or pattern.wildcards  # else the object would be delivered twice
    assert several > 5
