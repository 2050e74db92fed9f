"""AWS's own matching engine, event-ruler, its recorded answers, and wildcards to compare with it.

event-ruler is on Maven Central and GitHub alone, which the set-up does not need otherwise, and is not part of this
repository. So the tests know it by its answers: `answers.json` has them for every event pattern of a template, and
`scores.json` for drawn wildcards. A pattern without an answer fails its test; ``make event-ruler SOURCES=...`` asks the
engine, compiled from a checkout of https://github.com/aws/event-ruler against the libraries that Spark brings (Jackson,
annotations). One class of a fourth library, which parses numbers, is in ``shims`` with the same results. See
docs/adr/0048-event-ruler-is-known-by-its-answers.md.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from cdk_sagemaker_processing.model.service_limits import maximum
from tests.helpers.resolved_templates import ResolvedTemplate

VERSION = "2.0.1"
ANSWERS = Path(__file__).with_name("answers.json")
# A checkout of event-ruler; with the second variable, answers that are missing are recorded.
SOURCES, RECORD = "EVENT_RULER_SOURCES", "EVENT_RULER_RECORD"
_SHIMS = Path(__file__).parent / "shims"
_JARS = ("jackson-annotations-2*.jar", "jackson-core-2*.jar", "jackson-databind-2*.jar", "jsr305-*.jar")


@dataclass(frozen=True, slots=True)
class EventRuler:
    """The engine, started as a process for each call.

    Attributes:
        classpath: its classes and the jars that it needs, as ``java -cp`` takes them.
    """

    classpath: str

    @classmethod
    @functools.cache
    def at_hand(cls) -> Self | None:
        """Return the engine; None unless the environment names its sources."""
        if not (sources := os.environ.get(SOURCES)):
            return None
        jars = _jars()
        assert jars, "event-ruler needs the libraries of Spark: make .venv/.spark"
        assert shutil.which("javac"), "event-ruler needs a JDK: apt install default-jdk-headless"
        return cls(os.pathsep.join([str(_compiled(Path(sources), jars)), *map(str, jars)]))

    @classmethod
    def required(cls) -> Self:
        """Return the engine; skip the test without it."""
        return cls.at_hand() or pytest.skip("event-ruler itself is compared by make event-ruler SOURCES=...")

    def answers(self, questions: Sequence[tuple[dict[str, Any], Sequence[dict[str, Any]]]]) -> list[dict[str, Any]]:
        """Return for each event pattern with events ``{"score", "matches"}``, or ``{"error"}`` if it is invalid."""
        lines = "".join(json.dumps({"pattern": pattern, "events": [*events]}) + "\n" for pattern, events in questions)
        command = ["java", "-cp", self.classpath, "Score"]
        ran = subprocess.run(command, input=lines, capture_output=True, encoding="utf-8", check=True)
        return [json.loads(line) for line in ran.stdout.splitlines()]

    def scores(self, wildcards: Sequence[Sequence[str]]) -> list[int]:
        """Return the complexity of each set of wildcards in one field."""
        return [answer["score"] for answer in self.answers([(pattern_of(each), []) for each in wildcards])]


def _jars() -> list[Path]:
    spark = importlib.util.find_spec("pyspark")
    if spark is None or spark.origin is None:
        return []
    return [jar for name in _JARS for jar in sorted((Path(spark.origin).parent / "jars").glob(name))]


def _compiled(sources: Path, jars: Sequence[Path]) -> Path:
    """Return a directory with the classes."""
    files = [*(sources / "src" / "main").rglob("*.java"), *_SHIMS.rglob("*.java")]
    target = Path(tempfile.mkdtemp(prefix="event-ruler-"))
    options = ["-nowarn", "-d", str(target), "-cp", os.pathsep.join(map(str, jars))]
    ran = subprocess.run(["javac", *options, *map(str, files)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return target


def pattern_of(wildcards: Sequence[str]) -> dict[str, Any]:
    """Return an event pattern with wildcards for an object's key."""
    return {"detail": {"object": {"key": [{"wildcard": wildcard} for wildcard in wildcards]}}}


def patterns_in(templates: Iterable[ResolvedTemplate]) -> dict[str, dict[str, Any]]:
    """Return the event patterns of the rules of templates, by where each is."""
    rules = [rule for template in templates for rule in template.of_type("AWS::Events::Rule")]
    return {where: properties["EventPattern"] for where, properties in rules if "EventPattern" in properties}


def pattern_problems(templates: Iterable[ResolvedTemplate]) -> list[str]:
    """Return what EventBridge would refuse in the event patterns of templates, and patterns without an answer."""
    found = []
    patterns = patterns_in(templates)
    answers = _answers(shape_of(pattern) for pattern in patterns.values())
    for where, pattern in patterns.items():
        answer = answers.get(shape_of(pattern))
        length = len(json.dumps(pattern))
        if answer is None:
            found.append(
                f"{where}: no answer of event-ruler is recorded for {shape_of(pattern)}; check out "
                f"https://github.com/aws/event-ruler at v{VERSION}, and run make event-ruler SOURCES=its-directory"
            )
        elif isinstance(answer, str):
            found.append(f"{where}: {answer}")
        elif answer > maximum("EventPatternComplexity"):
            found.append(f"{where}: a complexity of {answer}")
        if length > maximum("EventPatternCharacters"):
            found.append(f"{where}: {length} characters")
    return found


def shape_of(pattern: object) -> str:
    """Return the JSON of an event pattern without the values that it compares as a whole, which add no complexity."""
    return json.dumps(_shape(pattern), sort_keys=True, ensure_ascii=False)


def _shape(value: object) -> object:
    match value:
        case dict():
            return {name: _shape(member) for name, member in value.items()}
        case list():
            matchers = [member for member in value if not isinstance(member, str)]
            return [*matchers, *(["..."] if len(matchers) < len(value) else [])]
    return value


def _answers(shapes: Iterable[str]) -> dict[str, int | str]:
    """Return the complexity, or the error, of event patterns: as recorded, or of the engine if it is at hand."""
    recorded: dict[str, int | str] = json.loads(ANSWERS.read_text(encoding="utf-8"))["answers"]
    if (ruler := EventRuler.at_hand()) is None:
        return recorded
    asked = list(dict.fromkeys(shapes))
    answered = ruler.answers([(json.loads(shape), []) for shape in asked])
    found: dict[str, int | str] = {
        shape: answer["error"] if "error" in answer else answer["score"]
        for shape, answer in zip(asked, answered, strict=True)
    }
    if os.environ.get(RECORD):
        kept = json.dumps(dict(sorted({**recorded, **found}.items())), indent=1, ensure_ascii=False)
        ANSWERS.write_text(f'{{"source": "event-ruler {VERSION}", "answers": {kept}}}\n', encoding="utf-8")
    return found


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
