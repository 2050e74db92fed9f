"""What a million objects cost, one job each and in batches: from public prices and the counts that were measured.

``python benchmarks/costs.py`` prints the table of docs/trigger-costs.md; ``--write`` writes the page.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "trigger-costs.md"
MILLION = 1_000_000
# AWS does not say how much of a processing job's start is billed; look at yours, and give it with --startup-minutes.
STARTUP_MINUTES = 2.0
# A state machine of one processing job: the start, and the job.
TRANSITIONS = 2
# Both functions counted as if they had the dispatcher's memory.
FUNCTION_GIB = 1.0
# A transaction writes each item twice, and items here have less than 1 KB, but for the members of a batch.
UNITS_FOR_ITEM = 2
MEMBER_BYTES = 160
ITEMS_BESIDE_UPLOADS = 3


def costs(size: int, counted: dict[str, Any], prices: dict[str, Any], startup_minutes: float) -> dict[str, float]:
    """USD for a million objects, by what it is for."""
    price = {name: entry["usd"] for name, entry in prices.items() if name != "about"}
    thousands = MILLION / 1000
    calls, invocations = counted["calls"], sum(counted["invocations"].values())
    executions = counted["executions"] * thousands
    transactions = calls.get("TransactWriteItems", 0) * thousands
    writes = (MILLION if transactions else 0) * UNITS_FOR_ITEM + transactions * ITEMS_BESIDE_UPLOADS * UNITS_FOR_ITEM
    writes += (MILLION * MEMBER_BYTES / 1024 if transactions else 0) * UNITS_FOR_ITEM
    reads = (calls.get("Query", 0) + calls.get("GetItem", 0)) * thousands
    reads += MILLION * MEMBER_BYTES / 4096 if transactions else 0
    # A message is sent, received and deleted, ten at a time by Lambda; the end of a batch is a message too.
    messages = MILLION + (executions if transactions else 0)
    return {
        "events and queue": (MILLION * price["eventbridge_event"])
        + messages * (1 + 2 / min(10, max(size, 1))) * price["sqs_request"],
        "functions": invocations * thousands * price["lambda_request"]
        + counted["milliseconds"] * thousands / 1000 * FUNCTION_GIB * price["lambda_gb_second"],
        "manifests and looks": calls.get("PutObject", 0) * thousands * price["s3_put"]
        + calls.get("HeadObject", 0) * thousands * price["s3_get"],
        "table": writes * price["dynamodb_write_unit"] + reads * price["dynamodb_read_unit"],
        "state transitions": executions * TRANSITIONS * price["state_transition"],
        "starts of jobs": executions * startup_minutes / 60 * price["instance_hour"],
    }


def page(startup_minutes: float = STARTUP_MINUTES) -> str:
    """The page."""
    counts = json.loads((ROOT / "benchmarks" / "trigger_counts.json").read_text(encoding="utf-8"))
    prices = json.loads((ROOT / "benchmarks" / "prices.json").read_text(encoding="utf-8"))
    columns = {int(size): costs(int(size), counted, prices, startup_minutes) for size, counted in counts.items()}
    rows = [
        "| USD for a million objects | " + " | ".join(f"`batch_size={size:,}`" for size in columns) + " |",
        "|---" * (len(columns) + 1) + "|",
        *(
            f"| {what} | " + " | ".join(f"{column[what]:,.2f}" for column in columns.values()) + " |"
            for what in next(iter(columns.values()))
        ),
        "| **in all** | " + " | ".join(f"**{sum(column.values()):,.2f}**" for column in columns.values()) + " |",
    ]
    executions = " or ".join(f"{counted['executions'] * 1000:,}" for counted in counts.values())
    hours = " or ".join(f"{counted['executions'] * 1000 * startup_minutes / 60:,.0f}" for counted in counts.values())
    minute = 30 * 24 * 60 * (prices["lambda_request"]["usd"] + 0.05 * prices["lambda_gb_second"]["usd"])
    table = "\n".join(rows)
    return f"""# What the trigger costs

Made by `python benchmarks/costs.py --write` from `benchmarks/prices.json` and `benchmarks/trigger_counts.json`, the
counts that `python benchmarks/trigger.py --keep` measured. {prices["about"]}

{table}

That is {executions} jobs, whose starts take {hours} hours of an instance. The work itself is not in the
table: it is the same however it is batched. Assumed beside what was measured: {startup_minutes:g} billed minutes for
the start of a job on one ml.m5.xlarge (AWS does not say how much of a start is billed; give yours with
`--startup-minutes`), {TRANSITIONS} state transitions for an execution, functions of {FUNCTION_GIB:g} GiB, whose
milliseconds were measured against services on loopback. Left out: the dispatcher's minute ({minute:.2f} USD a month at
50 ms each), logs, storage, free tiers.
"""


def main() -> None:
    """Print or write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/trigger-costs.md")
    parser.add_argument(
        "--startup-minutes", type=float, default=STARTUP_MINUTES, help="billed minutes of a job's start"
    )
    arguments = parser.parse_args()
    text = page(arguments.startup_minutes)
    if arguments.write:
        PAGE.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
