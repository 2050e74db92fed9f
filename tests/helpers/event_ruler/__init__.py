"""AWS's own matching engine, event-ruler, where its classes are at hand, and wildcards to compare with it.

event-ruler is on Maven Central alone, so the tests do not install it. They run it where the variable
``EVENT_RULER_CLASSPATH`` names its jar and those that it needs; ``make event-ruler`` does that, and writes what it says
to ``tests/helpers/event_ruler/scores.json``, which the tests read otherwise.

See: https://github.com/aws/event-ruler
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VARIABLE = "EVENT_RULER_CLASSPATH"
_SOURCE = Path(__file__).with_name("Score.java")


@dataclass(frozen=True, slots=True)
class EventRuler:
    """The engine, started as a process for each call.

    Attributes:
        classpath: the jars of event-ruler and of what it needs, as ``java -cp`` takes them.
    """

    classpath: str

    @classmethod
    def at_hand(cls) -> EventRuler | None:
        """Return the engine if the environment names its classes."""
        classpath = os.environ.get(VARIABLE)
        return cls(classpath) if classpath else None

    def answers(self, questions: Sequence[tuple[dict[str, Any], Sequence[dict[str, Any]]]]) -> list[dict[str, Any]]:
        """Return for each event pattern with events ``{"score", "matches"}``, or ``{"error"}`` if it is invalid."""
        lines = "".join(json.dumps({"pattern": pattern, "events": [*events]}) + "\n" for pattern, events in questions)
        with tempfile.TemporaryDirectory() as classes:
            subprocess.run(["javac", "-cp", self.classpath, "-d", classes, str(_SOURCE)], check=True)
            command = ["java", "-cp", os.pathsep.join([classes, self.classpath]), "Score"]
            ran = subprocess.run(command, input=lines, capture_output=True, encoding="utf-8", check=True)
        return [json.loads(line) for line in ran.stdout.splitlines()]

    def scores(self, wildcards: Sequence[Sequence[str]]) -> list[int]:
        """Return the complexity of each set of wildcards in one field."""
        return [answer["score"] for answer in self.answers([(pattern_of(each), []) for each in wildcards])]


def pattern_of(wildcards: Sequence[str]) -> dict[str, Any]:
    """Return an event pattern with wildcards for an object's key."""
    return {"detail": {"object": {"key": [{"wildcard": wildcard} for wildcard in wildcards]}}}


def drawn_wildcards(seed: int, count: int) -> Iterator[list[str]]:
    """Yield sets of valid wildcards: short ones of few letters, which overlap most, and prefixes with suffixes."""
    draw = random.Random(seed)  # noqa: S311 - for test data
    prefixes = ["in/", "a", "aa", "data/raw/", "x/y/", "é/", "a\\*b/", *(f"tenants/{number}/" for number in range(40))]
    suffixes = [".csv", ".csv.gz", ".json", "aa", "a", "/_SUCCESS", ".parquet", "abab", "\\\\"]
    for number in range(count):
        if number % 2:
            some = draw.sample(prefixes, draw.randint(1, 6))
            wildcards = [
                f"{prefix}*{suffix}" for prefix in some for suffix in draw.sample(suffixes, draw.randint(1, 4))
            ]
        else:
            letters = draw.choice(["ab*", "ab*/.", 'a*"\\'])
            wildcards = [_text(draw, letters) for _ in range(draw.randint(1, 5))]
        yield list(dict.fromkeys(wildcards))


def _text(draw: random.Random, letters: str) -> str:
    parts: list[str] = []
    for _ in range(draw.randint(1, 12)):
        part = draw.choice(letters)
        if part == "\\":
            part = draw.choice(["\\\\", "\\*"])
        if part != "*" or parts[-1:] != ["*"]:
            parts.append(part)
    return "".join(parts)
