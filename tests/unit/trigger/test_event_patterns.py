"""The event patterns of the trigger's rules: what they match, and EventBridge's limits of length and complexity.

The complexity is compared with event-ruler's, AWS's own engine: for 606 drawn sets of wildcards as recorded from it in
tests/golden/event_ruler.json (`make event-ruler`), and in the tests of drawn patterns by the engine itself where
EVENT_RULER_CLASSPATH names its classes. With version 2.0.1 it agreed on 17,000 further sets.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from cdk_sagemaker_processing import InvalidProcessingJobError
from cdk_sagemaker_processing.model.service_limits import maximum
from cdk_sagemaker_processing.trigger.object_pattern import KeyMatcher, ObjectPattern
from cdk_sagemaker_processing.trigger.pattern_complexity import complexity, parse_wildcard
from cdk_sagemaker_processing.trigger.upload_rules import RULES_MAX, distribute_keys
from tests.helpers.event_ruler import EventRuler
from tests.helpers.stacks import ROOT

BUCKET = "b" * 63
MAX_CHARACTERS, MAX_COMPLEXITY = 2048, 10
RECORDED: list[tuple[list[str], int]] = json.loads((ROOT / "tests" / "golden" / "event_ruler.json").read_text())[
    "scores"
]
PREFIXES = ["in/", "in/a/", "in", "é/", "a*b/", "a\\", '"', "data/raw/2026/", *(f"tenants/{n}/" for n in range(25))]
SUFFIXES = [".csv", ".csv.gz", ".gz", "a/", "/", "_SUCCESS", "aa", '"', "in/a/x.csv", "\\"]
WILDCARDS = ["in/*/d-*.csv", r"a\*b*", "*.gz", "in/*", "in/a/x.csv", "*a*a*", "*", r"\\*", "tenants/*/*/x", "é*é"]


def drawn(seed: int, count: int) -> Iterator[ObjectPattern]:
    """Yield drawn patterns, as users may write them: many tenants, several suffixes, overlaps, repetitions."""
    draw = random.Random(seed)  # noqa: S311 - for test data
    for _ in range(count):
        yield ObjectPattern(
            prefixes=draw.choices(PREFIXES, k=draw.choice([0, 1, 2, 30])),
            suffixes=draw.choices(SUFFIXES, k=draw.choice([0, 1, 3])),
            wildcards=draw.choices(WILDCARDS, k=draw.choice([0, 0, 1, 4])),
            min_size_in_bytes=draw.choice([None, 1]),
        )


def drawn_keys(draw: random.Random, pattern: ObjectPattern) -> list[str]:
    """Return keys that match some part of a pattern, or nearly."""
    starts, ends = [*pattern.prefixes, *PREFIXES[:7], ""], [*pattern.suffixes, *SUFFIXES[:4], ""]
    keys = [draw.choice(starts) + draw.choice(["", "x", "b/d-1", "a"]) + draw.choice(ends) for _ in range(12)]
    keys += [draw.choice([*pattern.prefixes, *pattern.suffixes, "in/a/x.csv"])]
    keys += [re.sub(r"\\(.)", r"\1", wildcard.replace("*", "aa")) for wildcard in pattern.wildcards]
    return [key for key in dict.fromkeys(keys) if key]


def is_promised(pattern: ObjectPattern, key: str) -> bool:
    """Return whether the documentation of `ObjectPattern` promises that a key matches."""
    affixes = bool(pattern.prefixes or pattern.suffixes) or not pattern.wildcards
    return (
        affixes
        and (not pattern.prefixes or key.startswith(tuple(pattern.prefixes)))
        and (not pattern.suffixes or key.endswith(tuple(pattern.suffixes)))
    ) or any(matches_wildcard(wildcard, key) for wildcard in pattern.wildcards)


def matches_wildcard(wildcard: str, key: str) -> bool:
    parts = [".*" if character is None else re.escape(character) for character in parse_wildcard(wildcard)]
    return re.fullmatch("".join(parts), key, re.DOTALL) is not None


def matches(matcher: KeyMatcher, key: str) -> bool:
    match matcher:
        case {"prefix": prefix}:
            return key.startswith(prefix)
        case {"suffix": suffix}:
            return key.endswith(suffix)
        case {"wildcard": wildcard}:
            return matches_wildcard(wildcard, key)
    return matcher == key


def event_pattern(pattern: ObjectPattern, keys: Sequence[KeyMatcher]) -> dict[str, Any]:
    objects = pattern.to_event_pattern(keys)
    return {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [BUCKET]}, **({"object": objects} if objects else {})},
    }


def event(key: str) -> dict[str, Any]:
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": BUCKET}, "object": {"key": key, "size": 5}},
    }


def test_the_complexity_is_event_rulers() -> None:
    assert [(wildcards, complexity(wildcards, limit=10**6)) for wildcards, _ in RECORDED] == [
        (wildcards, score) for wildcards, score in RECORDED
    ]
    assert len(RECORDED) > 600


@pytest.mark.parametrize("limit", [1, 5, 10])
def test_the_count_stops_above_the_limit(limit: int) -> None:
    for wildcards, score in RECORDED:
        counted = complexity(wildcards, limit=limit)
        assert counted == score if score <= limit else counted > limit


def test_every_rule_is_within_the_limits_of_eventbridge() -> None:
    assert (maximum("EventPatternCharacters"), maximum("EventPatternComplexity")) == (MAX_CHARACTERS, MAX_COMPLEXITY)
    several, emitted, scores = 0, [], []
    for pattern in drawn(seed=1, count=150):
        try:
            rules = distribute_keys(BUCKET, pattern)
        except InvalidProcessingJobError:
            assert len(pattern.key_matchers()) > 50  # refused only where there are many
            continue
        several += len(rules) > 1
        assert len(rules) <= RULES_MAX
        assert [matcher for keys in rules for matcher in keys] == pattern.key_matchers()
        patterns = [event_pattern(pattern, keys) for keys in rules]
        assert max(len(json.dumps(each)) for each in patterns) <= MAX_CHARACTERS
        wildcards = [[key["wildcard"] for key in keys if "wildcard" in key and isinstance(key, dict)] for keys in rules]
        emitted += patterns
        scores += [complexity(each, limit=100) for each in wildcards]
    assert max(scores) <= MAX_COMPLEXITY
    assert several > 20
    if event_ruler := EventRuler.at_hand():
        assert [answer["score"] for answer in event_ruler.answers([(each, []) for each in emitted])] == scores


def test_the_rules_match_what_the_pattern_promises() -> None:
    draw = random.Random(2)  # noqa: S311 - for test data
    promised, questions = [], []
    for pattern in drawn(seed=3, count=150):
        keys = drawn_keys(draw, pattern)
        expected = [is_promised(pattern, key) for key in keys]
        matchers = pattern.key_matchers()
        assert [not matchers or any(matches(each, key) for each in matchers) for key in keys] == expected
        promised.append(expected)
        questions.append((event_pattern(pattern, matchers), [event(key) for key in keys]))
    assert sum(map(sum, promised)) > 500
    if event_ruler := EventRuler.at_hand():
        assert [answer["matches"] for answer in event_ruler.answers(questions)] == promised


def test_no_two_alternatives_of_prefixes_and_suffixes_match_one_key() -> None:
    draw = random.Random(4)  # noqa: S311 - for test data
    for pattern in drawn(seed=5, count=150):
        affixes = ObjectPattern(prefixes=pattern.prefixes, suffixes=pattern.suffixes)
        for key in drawn_keys(draw, pattern):
            assert sum(matches(matcher, key) for matcher in affixes.key_matchers()) <= 1


@pytest.mark.parametrize(
    ("arguments", "matchers"),
    [
        ({"prefixes": ["in/", "in/a/", "in/"]}, [{"prefix": "in/"}]),
        ({"suffixes": [".csv.gz", ".gz"]}, [{"suffix": ".gz"}]),
        ({"wildcards": ["a*", "*a", "a", r"a\*\\", "a*b"]}, None),
        ({"prefixes": ["in/x.csv"], "suffixes": [".csv"]}, [{"wildcard": "in/x.csv*.csv"}, "in/x.csv"]),
        ({"prefixes": ["a"], "suffixes": ["ab"]}, [{"wildcard": "a*ab"}, "ab"]),
        ({"prefixes": ["a/"], "wildcards": ["a/*"]}, [{"prefix": "a/"}]),
    ],
)
def test_the_alternatives_need_few_wildcards(arguments: dict[str, Any], matchers: list[KeyMatcher] | None) -> None:
    simplest: list[KeyMatcher] = [{"prefix": "a"}, {"suffix": "a"}, "a", "a*\\", {"wildcard": "a*b"}]
    assert ObjectPattern(**arguments).key_matchers() == (simplest if matchers is None else matchers)


@pytest.mark.parametrize("wildcard", ["a\\b", "a\\", "*\\x", "\\"])
def test_an_escape_that_eventbridge_refuses_is_refused(wildcard: str) -> None:
    with pytest.raises(InvalidProcessingJobError) as caught:
        ObjectPattern(wildcards=[wildcard])
    assert str(caught.value).startswith(r"wildcards must contain a backslash only as '\*' or '\\', got ")


@pytest.mark.parametrize("wildcard", ["a**", r"a\***", r"\\**"])
def test_two_asterisks_in_a_row_are_refused(wildcard: str) -> None:
    with pytest.raises(InvalidProcessingJobError, match="wildcards must not have two consecutive asterisks"):
        ObjectPattern(wildcards=[wildcard])


@pytest.mark.parametrize(
    ("wildcard", "prefix"), [("a*", "a"), (r"a\*b*c", "a*b"), (r"a\\*b", "a\\"), (r"a\\\*b", "a\\*b"), ("*", "")]
)
def test_the_prefix_of_a_wildcard_is_that_of_the_keys_it_matches(wildcard: str, prefix: str) -> None:
    assert ObjectPattern(wildcards=[wildcard]).key_prefixes() == [prefix]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"prefixes": ["x" * 2000]},
            "prefixes must fit into an event pattern of at most 2048 characters, got 'xxx",
        ),
        (
            {"prefixes": ["x" * 900], "suffixes": ["y" * 1100]},
            "prefixes and suffixes must fit into an event pattern of at most 2048 characters",
        ),
        (
            {"wildcards": ["*/*/*/*/*/*/x"]},
            "wildcards must have a complexity of at most 10 by EventBridge's count, got '*/*/*/*/*/*/x'; pass one with",
        ),
        (
            {"prefixes": ["in/"], "suffixes": ["a" * 12]},
            "prefixes and suffixes must have a complexity of at most 10",
        ),
        (
            {"prefixes": [f"t/{n}/" for n in range(60)], "suffixes": [".csv", ".txt", ".tsv", ".gz"]},
            "prefixes, suffixes and wildcards must fit into 20 EventBridge rules",
        ),
    ],
)
def test_what_eventbridge_would_refuse_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidProcessingJobError) as caught:
        distribute_keys(BUCKET, ObjectPattern(**arguments))
    assert message in str(caught.value)
    assert ";" in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ({}, 1),
        ({"prefixes": ["in/"], "suffixes": [".csv"]}, 1),
        ({"prefixes": ["in/"], "suffixes": [".csv", ".json", ".parquet", ".txt", ".gz", ".xml"]}, 2),
        ({"prefixes": [f"tenants/{number}/" for number in range(30)], "suffixes": [".csv"]}, 3),
        ({"prefixes": [f"tenants/{number:04}/incoming/" for number in range(100)]}, 3),
        ({"prefixes": ["x" * 1000, "y" * 1000]}, 2),
        ({"prefixes": ["${Token[P.1]}", "${Token[P.2]}" * 40], "suffixes": [".csv"]}, 2),
    ],
)
def test_the_number_of_rules(arguments: dict[str, Any], count: int) -> None:
    assert len(distribute_keys(BUCKET, ObjectPattern(**arguments))) == count
