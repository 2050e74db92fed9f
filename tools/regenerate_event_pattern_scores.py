"""Regenerate tests/helpers/event_ruler/scores.json: the complexity that AWS's event-ruler computes for drawn wildcards.

``make event-ruler SOURCES=...`` runs it, with a checkout of event-ruler, a JDK and Spark. The tests compare with what
it writes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.helpers.event_ruler import VERSION, EventRuler, drawn_wildcards

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


def main() -> None:
    """Write the scores."""
    ruler = EventRuler.at_hand()
    if ruler is None:
        sys.exit("name a checkout of https://github.com/aws/event-ruler: make event-ruler SOURCES=its-directory")
    wildcards = [*_CHOSEN, *drawn_wildcards(seed=1, count=600)]
    scores = ruler.scores(wildcards)
    lines = [json.dumps(case, ensure_ascii=False) for case in zip(wildcards, scores, strict=True)]
    text = ",\n  ".join(lines)
    OUTPUT.write_text(f'{{"source": "event-ruler {VERSION}", "scores": [\n  {text}\n]}}\n', encoding="utf-8")
    sys.stderr.write(f"wrote {OUTPUT.relative_to(OUTPUT.parents[3])}: {len(lines)} sets of wildcards\n")


if __name__ == "__main__":
    main()
