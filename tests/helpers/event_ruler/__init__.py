"""AWS's own matching engine, event-ruler, and wildcards to compare with it.

event-ruler is on Maven Central alone, which the set-up does not need otherwise. Its sources are here as AWS publishes
them, licence included, and a JDK compiles them in two seconds against the libraries that Spark brings: Jackson, and
annotations. One class of a fourth library, which parses numbers, is in ``shims`` with the same results.

The archive is ``git archive --format=tar --prefix=event-ruler-2.0.1/ v2.0.1 LICENSE NOTICE src/main | gzip -n9`` in a
clone of https://github.com/aws/event-ruler, whose tag v2.0.1 is 13297de440df1ab19c0c491e5874399b05dd00fa. See
docs/adr/0048-event-ruler-is-compiled-from-its-sources.md.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import random
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from cdk_sagemaker_processing.model.service_limits import maximum
from tests.helpers.resolved_templates import ResolvedTemplate
from tests.helpers.sandboxes import skip_without

VERSION = "2.0.1"
_HERE = Path(__file__).parent
_ARCHIVE = _HERE / f"event-ruler-{VERSION}.tar.gz"
_SHIMS = _HERE / "shims"
_CACHE = _HERE.parents[2] / ".cache" / "event-ruler"
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
        """Return the engine, compiled once for each checkout; None without a JDK or without Spark."""
        jars = _jars()
        if shutil.which("javac") is None or not jars:
            return None
        return cls(os.pathsep.join([str(_compiled(jars)), *map(str, jars)]))

    @classmethod
    def required(cls) -> Self:
        """Return the engine; skip the test without it."""
        return cls.at_hand() or skip_without("a JDK", "javac, or Spark whose libraries event-ruler needs, is missing")

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


def _compiled(jars: Sequence[Path]) -> Path:
    """Return the directory of the classes, which is compiled once for these sources and this Java."""
    java = subprocess.run(["javac", "-version"], capture_output=True, text=True, check=True).stdout
    sources = [_ARCHIVE, *sorted(_SHIMS.rglob("*.java"))]
    digest = hashlib.sha256(b"".join([java.encode(), *(path.read_bytes() for path in sources)]))
    classes = _CACHE / digest.hexdigest()[:16]
    if classes.is_dir():
        return classes
    _CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_CACHE) as directory:
        unpacked, target = Path(directory, "sources"), Path(directory, "classes")
        with tarfile.open(_ARCHIVE) as archive:
            archive.extractall(unpacked, filter="data")
        files = [*unpacked.rglob("*.java"), *_SHIMS.rglob("*.java")]
        options = ["-nowarn", "-d", str(target), "-cp", os.pathsep.join(map(str, jars))]
        ran = subprocess.run(["javac", *options, *map(str, files)], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        if not classes.exists():  # another worker may have been faster
            shutil.move(target, classes)
    return classes


def pattern_of(wildcards: Sequence[str]) -> dict[str, Any]:
    """Return an event pattern with wildcards for an object's key."""
    return {"detail": {"object": {"key": [{"wildcard": wildcard} for wildcard in wildcards]}}}


def patterns_in(templates: Iterable[ResolvedTemplate]) -> dict[str, dict[str, Any]]:
    """Return the event patterns of the rules of templates, by where each is."""
    rules = [rule for template in templates for rule in template.of_type("AWS::Events::Rule")]
    return {where: properties["EventPattern"] for where, properties in rules if "EventPattern" in properties}


def pattern_problems(templates: Iterable[ResolvedTemplate]) -> list[str]:
    """Return what EventBridge would refuse in the event patterns of templates; skip the test without the engine."""
    patterns = patterns_in(templates)
    answers = EventRuler.required().answers([(pattern, []) for pattern in patterns.values()])
    found = []
    for (where, pattern), answer in zip(patterns.items(), answers, strict=True):
        length = len(json.dumps(pattern))
        if "error" in answer:
            found.append(f"{where}: {answer['error']}")
        elif answer["score"] > maximum("EventPatternComplexity"):
            found.append(f"{where}: a complexity of {answer['score']}")
        if length > maximum("EventPatternCharacters"):
            found.append(f"{where}: {length} characters")
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
