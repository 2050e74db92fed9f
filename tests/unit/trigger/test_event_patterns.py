"""The event patterns of the trigger's rules: what they match, and EventBridge's limits of length and complexity.

The complexity is compared with event-ruler's, AWS's own engine: for 606 drawn sets of wildcards as recorded from it in
tests/helpers/event_ruler/scores.json (`make event-ruler`), and with the engine itself where there is a JDK, which also
says what matches. With version 2.0.1 it agreed on 17,000 further sets.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cdk_sagemaker_processing import InvalidProcessingJobError
from cdk_sagemaker_processing.model.service_limits import maximum
from cdk_sagemaker_processing.trigger.object_pattern import KeyMatcher, ObjectPattern
from cdk_sagemaker_processing.trigger.pattern_complexity import complexity
from cdk_sagemaker_processing.trigger.upload_rules import RULES_MAX, distribute_keys
from tests.helpers.event_ruler import EventRuler, drawn_wildcards
from tests.helpers.object_patterns import drawn_keys, drawn_patterns, is_promised, matches_wildcard
from tests.helpers.stacks import ROOT, SNAPSHOTS

BUCKET = "b" * 63
MAX_CHARACTERS, MAX_COMPLEXITY = 2048, 10
RECORDED: list[tuple[list[str], int]] = json.loads(
    (ROOT / "tests" / "helpers" / "event_ruler" / "scores.json").read_text()
)["scores"]


def matches(matcher: KeyMatcher, key: str) -> bool:
    match matcher:
        case {"prefix": prefix}:
            return key.startswith(prefix)
        case {"suffix": suffix}:
            return key.endswith(suffix)
        case {"wildcard": wildcard}:
            return matches_wildcard(wildcard, key)
    return matcher == key


def wildcards_of(keys: Sequence[KeyMatcher]) -> list[str]:
    return [key["wildcard"] for key in keys if isinstance(key, dict) and "wildcard" in key]


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


def test_the_recorded_scores_are_those_of_the_engine() -> None:
    further = list(drawn_wildcards(seed=2, count=200))
    scores = EventRuler.required().scores([*(wildcards for wildcards, _ in RECORDED), *further])
    assert scores[: len(RECORDED)] == [score for _, score in RECORDED]
    assert scores[len(RECORDED) :] == [complexity(wildcards, limit=10**6) for wildcards in further]


@pytest.mark.parametrize("limit", [1, 5, 10])
def test_the_count_stops_above_the_limit(limit: int) -> None:
    for wildcards, score in RECORDED:
        counted = complexity(wildcards, limit=limit)
        assert counted == score if score <= limit else counted > limit


def test_every_rule_is_within_the_limits_of_eventbridge() -> None:
    assert (maximum("EventPatternCharacters"), maximum("EventPatternComplexity")) == (MAX_CHARACTERS, MAX_COMPLEXITY)
    several, emitted, scores = 0, [], []
    for pattern in drawn_patterns(seed=1, count=150):
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
        emitted += patterns
        scores += [complexity(wildcards_of(keys), limit=100) for keys in rules]
    assert max(scores) <= MAX_COMPLEXITY
    assert several > 20
    if event_ruler := EventRuler.at_hand():
        assert [answer["score"] for answer in event_ruler.answers([(each, []) for each in emitted])] == scores


def test_the_rules_match_what_the_pattern_promises() -> None:
    draw = random.Random(2)  # noqa: S311 - for test data
    promised, questions = [], []
    for pattern in drawn_patterns(seed=3, count=150):
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
    for pattern in drawn_patterns(seed=5, count=150):
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


@pytest.mark.parametrize("wildcard", ["a\\b", "a\\", "*\\x", "\\", "${Token[W.1]}\\x"])
def test_an_escape_that_eventbridge_refuses_is_refused(wildcard: str) -> None:
    with pytest.raises(InvalidProcessingJobError) as caught:
        ObjectPattern(wildcards=[wildcard])
    assert str(caught.value).startswith(r"wildcards must contain a backslash only as '\*' or '\\', got ")


@pytest.mark.parametrize("wildcard", ["a**", r"a\***", r"\\**"])
def test_two_asterisks_in_a_row_are_refused(wildcard: str) -> None:
    with pytest.raises(InvalidProcessingJobError, match="wildcards must not have two consecutive asterisks"):
        ObjectPattern(wildcards=[wildcard])


@pytest.mark.parametrize(
    ("wildcard", "prefix"),
    [
        ("a*", "a"),
        (r"a\*b*c", "a*b"),
        (r"a\\*b", "a\\"),
        (r"a\\\*b", "a\\*b"),
        ("*", ""),
        ("a${Token[W.1]}*", "a${Token[W.1]}"),
    ],
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


@pytest.mark.parametrize("snapshot", sorted(SNAPSHOTS.rglob("*.json")), ids=lambda path: path.stem)
def test_every_rule_of_every_template_is_within_the_limits(snapshot: Path) -> None:
    template = json.loads(snapshot.read_text())
    rules = [each["Properties"] for each in template["Resources"].values() if each["Type"] == "AWS::Events::Rule"]
    for rule in rules:
        if "EventPattern" in rule:
            pattern = with_long_references(rule["EventPattern"])
            assert len(json.dumps(pattern)) <= MAX_CHARACTERS
            keys = pattern.get("detail", {}).get("object", {}).get("key", [])
            assert json.dumps(pattern).count('"wildcard"') == len(wildcards_of(keys))
            assert complexity(wildcards_of(keys), limit=100) <= MAX_COMPLEXITY


def with_long_references(value: Any) -> Any:  # noqa: ANN401 - any value of a template
    """Return a value of a template with long texts for what is known only later."""
    match value:
        case dict() if len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::")):
            return "x" * 200
        case dict():
            return {name: with_long_references(member) for name, member in value.items()}
        case list():
            return [with_long_references(member) for member in value]
    return value
