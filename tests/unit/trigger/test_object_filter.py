"""The filter of listings: the same objects as the rules', whose event patterns it reads."""

from __future__ import annotations

import itertools
import json
import random
import re
from typing import Any

import pytest

from cdk_sagemaker_processing.trigger.object_pattern import ObjectPattern
from cdk_sagemaker_processing.trigger.upload_rules import distribute_keys
from s3_trigger.object_filter import ObjectFilter
from tests.helpers.event_ruler import EventRuler
from tests.helpers.object_patterns import drawn_keys, drawn_patterns, is_promised

BUCKET = "bucket"


def rules_of(pattern: ObjectPattern) -> list[str]:
    """Return the event patterns of a pattern's rules, as EventBridge describes them."""
    found = []
    for keys in distribute_keys(BUCKET, pattern):
        objects = pattern.to_event_pattern(keys)
        detail = {"bucket": {"name": [BUCKET]}, **({"object": objects} if objects else {})}
        found.append(json.dumps({"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}))
    return found


def filter_of(pattern: ObjectPattern) -> ObjectFilter:
    return ObjectFilter.of_rules(rules_of(pattern), BUCKET)


def objects(*keys: object, **more: object) -> str:
    return json.dumps({"detail": {"bucket": {"name": [BUCKET]}, "object": {"key": list(keys), **more}}})


@pytest.mark.parametrize("seed", range(6))
def test_a_listing_is_filtered_as_events_are(seed: int) -> None:
    """As the pattern promises, and as AWS's engine matches, where there is a JDK for it."""
    questions: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    expected = []
    draw = random.Random(seed)  # noqa: S311 - for test data
    compared = 0
    for pattern in drawn_patterns(seed, 60):
        found, keys = filter_of(pattern), drawn_keys(draw, pattern)
        prefixes = found.prefixes()
        promised = [is_promised(pattern, key) for key in keys]
        assert [found.matches(key, 5) for key in keys] == promised, pattern
        for key in itertools.compress(keys, promised):
            assert sum(key.startswith(prefix) for prefix in prefixes) == 1, (prefixes, key)
        compared += len(keys)
        details = [{"bucket": {"name": BUCKET}, "object": {"key": key, "size": 5}} for key in keys]
        events = [{"source": "aws.s3", "detail-type": "Object Created", "detail": detail} for detail in details]
        rules = [json.loads(rule) for rule in rules_of(pattern)]
        questions += [(rule, events) for rule in rules]
        expected.append((len(rules), promised))
    assert compared > 500
    if ruler := EventRuler.at_hand():
        answers = iter(ruler.answers(questions))
        for count, promised in expected:
            matched = [next(answers)["matches"] for _ in range(count)]
            assert [any(of_rules) for of_rules in zip(*matched, strict=True)] == promised


@pytest.mark.parametrize(
    ("low", "high", "matching"),
    [
        (None, None, {0, 1, 5, 10**12}),
        (1, None, {1, 5}),
        (None, 1, {0, 1}),
        (1, 1, {1}),
        (0, 5_000_000_000, {0, 1, 5}),
    ],
)
def test_sizes(low: int | None, high: int | None, matching: set[int]) -> None:
    found = filter_of(ObjectPattern(min_size_in_bytes=low, max_size_in_bytes=high))
    assert {size for size in (0, 1, 5, 10**12) if found.matches("a", size)} == matching


def test_a_hostile_wildcard_is_compared_in_linear_time() -> None:
    found = ObjectFilter.of_rules([objects({"wildcard": "*a" * 30 + "*b"})], BUCKET)
    assert not found.matches("a" * 1024, 1)
    assert found.matches("a" * 1023 + "b", 1)


def test_prefixes_do_not_overlap_and_are_in_the_order_of_their_bytes() -> None:
    rules = [
        objects({"prefix": "é/"}, {"prefix": "in/"}),
        objects({"wildcard": "in/a/*.csv"}, r"z", {"wildcard": r"a\*b*"}),
    ]
    found = ObjectFilter.of_rules(rules, BUCKET)
    assert found.prefixes() == ["a*b", "in/", "z", "é/"]
    assert found.prefixes("in/b/") == ["in/b/"]
    assert found.prefixes("i") == ["in/"]
    assert found.prefixes("no/") == []
    assert ObjectFilter.of_rules([objects({"suffix": ".csv"})], BUCKET).prefixes("x") == ["x"]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (objects({"anything-but": "a"}), "prefixes, suffixes, wildcards and keys alone, got {'anything-but': 'a'}"),
        (objects("a", etag=["b"]), "about the key and the size of objects alone"),
        (json.dumps({"detail": {"bucket": {"name": ["other"]}}}), "about the objects of the bucket 'bucket' alone"),
        (
            json.dumps({"detail": {"bucket": {"name": [BUCKET]}, "reason": ["PutObject"]}}),
            "about the objects of the bucket 'bucket' alone",
        ),
    ],
)
def test_a_rule_that_somebody_has_changed_is_refused(rule: str, text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        ObjectFilter.of_rules([rule], BUCKET)
