"""Regenerate tests/helpers/event_ruler/scores.json: the complexity that AWS's event-ruler computes for drawn wildcards.

event-ruler is on Maven Central alone. Pass the paths of its jar, or classes, and of the jars that it needs, with its
version: ``make event-ruler CLASSPATH=event-ruler.jar:jackson-databind.jar:... VERSION=2.0.1``. That target then also
runs the tests of event patterns with the same classes.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from tests.helpers.event_ruler import EventRuler, drawn_wildcards

OUTPUT = Path(__file__).resolve().parents[1] / "tests" / "helpers" / "event_ruler" / "scores.json"
# What a report of a refused rule had, with one pattern less and with all: https://github.com/vals-ai/Valkyrie/pull/278
_REPORTED = [f"*:stack/{name}/*" for name in ("SharedStack", "ServiceStack", "BenchStack", "MonitoringStack")]
_CHOSEN = [
    [f"in/*{suffix}" for suffix in (".csv", ".json", ".parquet", ".txt", ".gz", ".xml")],
    [f"tenants/{number}/*.csv" for number in range(30)],
    _REPORTED[:3],
    _REPORTED,
    ["*"],
    ["*/*/*/*.csv"],
]


def main(version: str) -> None:
    """Write the scores of a version of event-ruler."""
    wildcards = [*_CHOSEN, *drawn_wildcards(seed=1, count=600)]
    scores = EventRuler(os.environ["EVENT_RULER_CLASSPATH"]).scores(wildcards)
    lines = [json.dumps(case, ensure_ascii=False) for case in zip(wildcards, scores, strict=True)]
    text = ",\n  ".join(lines)
    OUTPUT.write_text(f'{{"source": "event-ruler {version}", "scores": [\n  {text}\n]}}\n', encoding="utf-8")
    sys.stderr.write(f"wrote {OUTPUT.relative_to(OUTPUT.parents[2])}: {len(lines)} sets of wildcards\n")


if __name__ == "__main__":
    main(sys.argv[1])
