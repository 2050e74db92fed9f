"""Drawn patterns of objects, drawn keys, and what the documentation of `ObjectPattern` promises for them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from cdk_sagemaker_processing.trigger.object_pattern import ObjectPattern
from cdk_sagemaker_processing.trigger.pattern_complexity import parse_wildcard

_PREFIXES = ["in/", "in/a/", "in", "é/", "a*b/", "a\\", '"', "data/raw/2026/", *(f"tenants/{n}/" for n in range(25))]
_SUFFIXES = [".csv", ".csv.gz", ".gz", "a/", "/", "_SUCCESS", "aa", '"', "in/a/x.csv", "\\"]
_WILDCARDS = ["in/*/d-*.csv", r"a\*b*", "*.gz", "in/*", "in/a/x.csv", "*a*a*", "*", r"\\*", "tenants/*/*/x", "é*é"]


def drawn_patterns(seed: int, count: int) -> Iterator[ObjectPattern]:
    """Yield drawn patterns, as users may write them: many tenants, several suffixes, overlaps, repetitions."""
    draw = random.Random(seed)  # noqa: S311 - for test data
    for _ in range(count):
        yield ObjectPattern(
            prefixes=draw.choices(_PREFIXES, k=draw.choice([0, 1, 2, 30])),
            suffixes=draw.choices(_SUFFIXES, k=draw.choice([0, 1, 3])),
            wildcards=draw.choices(_WILDCARDS, k=draw.choice([0, 0, 1, 4])),
            min_size_in_bytes=draw.choice([None, 1]),
        )


def drawn_keys(draw: random.Random, pattern: ObjectPattern) -> list[str]:
    """Return keys that match some part of a pattern, or nearly."""
    starts, ends = [*pattern.prefixes, *_PREFIXES[:7], ""], [*pattern.suffixes, *_SUFFIXES[:4], ""]
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
    """Return whether a wildcard matches a whole key."""
    parts = [".*" if character is None else re.escape(character) for character in parse_wildcard(wildcard)]
    return re.fullmatch("".join(parts), key, re.DOTALL) is not None
