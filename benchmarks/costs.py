"""The cost of a million objects in every mode of the trigger, from public prices and measured counts.

``python benchmarks/costs.py`` prints docs/trigger-costs.md; ``--write`` writes the page.
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
THOUSANDS = MILLION // 1000
GIB = 2**30
MONTH_MINUTES = 30 * 24 * 60
# AWS does not document how much of a job's start is billed; measure your own, and set it with --startup-minutes.
STARTUP_MINUTES = 2.0
# Of a state machine with one processing job: the start and the job.
TRANSITIONS = 2
# The memory of each function as the constructs configure it, and the memory at which a function has one processor:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MEMORY_MIB = {"intake": 256, "dispatcher": 1024}
PROCESSOR_MIB = 1769
# A call from Lambda to a service in its region; an assumption, as the calls were measured on loopback.
CALL_MILLISECONDS = 10
# Lambda receives and deletes up to ten messages in a request:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
MESSAGES_OF_REQUEST = 10
# Five pollers, each waiting for up to 20 seconds: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
IDLE_RECEIVES_OF_MINUTE = 5 * 3
# Marks, units and records of runs are kept for so long.
KEPT_MONTHS = 120 / 30
# The lines START, END and REPORT of an invocation.
LAMBDA_LOG_BYTES = 500
MINUTE_PROCESSOR_MILLISECONDS = 20
ALARMS = 6


def gib_seconds(function: str, processor_milliseconds: float, waits: float) -> float:
    """Return the GB-seconds that Lambda bills."""
    memory = MEMORY_MIB[function]
    milliseconds = processor_milliseconds * max(1, PROCESSOR_MIB / memory) + waits * CALL_MILLISECONDS
    return milliseconds / 1000 * memory / 1024


def costs(counted: dict[str, Any], price: dict[str, float], startup_minutes: float) -> dict[str, float]:
    """Return the USD for a million objects by purpose.

    Args:
        counted: the consumption of 1,000 objects.
        price: the prices by their names.
        startup_minutes: the billed minutes of the start of a job.
    """
    calls, executions = counted["calls"], counted["executions"] * THOUSANDS
    # Each message is sent, received and deleted, the latter two in tens by Lambda; the end of an execution is one, too.
    sqs = counted["messages"] * THOUSANDS * (1 + 2 / MESSAGES_OF_REQUEST)
    invocations = (counted["deliveries"] + counted["dispatches"]) * THOUSANDS
    billed = sum(
        gib_seconds(function, counted["processor_milliseconds"].get(function, 0), counted["waits"].get(function, 0))
        for function in MEMORY_MIB
    )
    stored = counted["stored_bytes"] * THOUSANDS / GIB * KEPT_MONTHS
    logged = counted["logged_bytes"] * THOUSANDS + invocations * LAMBDA_LOG_BYTES
    return {
        "events, queue": MILLION * price["eventbridge_event"] + sqs * price["sqs_request"],
        "functions": invocations * price["lambda_request"] + billed * THOUSANDS * price["lambda_gb_second"],
        # The price of a list is that of a put: https://aws.amazon.com/s3/pricing/
        "lists, manifests": (calls.get("PutObject", 0) + calls.get("ListObjectsV2", 0)) * THOUSANDS * price["s3_put"]
        + calls.get("HeadObject", 0) * THOUSANDS * price["s3_get"],
        "table requests": counted["write_units"] * THOUSANDS * price["dynamodb_write_unit"]
        + counted["read_units"] * THOUSANDS * price["dynamodb_read_unit"],
        "marks for 120 days, with backups": stored
        * (price["dynamodb_gb_month"] + price["dynamodb_point_in_time_recovery_gb_month"]),
        "logs": logged / GIB * price["logs_gb"],
        "state transitions": executions * TRANSITIONS * price["state_transition"],
        "job starts": executions * startup_minutes / 60 * price["instance_hour"],
    }


def monthly(idle_calls: dict[str, int], price: dict[str, float]) -> dict[str, float]:
    """Return the USD of a month in which nothing is uploaded, by purpose.

    Args:
        idle_calls: the calls of a minute, by their operations.
        price: the prices by their names.
    """
    billed = gib_seconds("dispatcher", MINUTE_PROCESSOR_MILLISECONDS, sum(idle_calls.values()))
    writes, counts = idle_calls["PutItem"], idle_calls["GetQueueAttributes"]
    reads = sum(idle_calls.values()) - writes - counts
    logged = MONTH_MINUTES * LAMBDA_LOG_BYTES
    return {
        "the dispatcher's invocation of each minute": MONTH_MINUTES
        * (price["lambda_request"] + billed * price["lambda_gb_second"]),
        f"its {reads} reads of the table": MONTH_MINUTES * reads * price["dynamodb_read_unit"],
        "its summary, of less than a KB": MONTH_MINUTES * writes * price["dynamodb_write_unit"],
        f"its counts of the messages of {counts} queues": MONTH_MINUTES * counts * price["sqs_request"],
        "Lambda's polling of the queue": MONTH_MINUTES * IDLE_RECEIVES_OF_MINUTE * price["sqs_request"],
        f"{ALARMS} alarms": ALARMS * price["alarm_month"],
        "logs": logged / GIB * price["logs_gb"],
    }


def page(startup_minutes: float = STARTUP_MINUTES) -> str:
    """Return the text of docs/trigger-costs.md."""
    kept = json.loads((ROOT / "benchmarks" / "trigger_counts.json").read_text(encoding="utf-8"))
    prices = json.loads((ROOT / "benchmarks" / "prices.json").read_text(encoding="utf-8"))
    price = {name: entry["usd"] for name, entry in prices.items() if name != "about"}
    rows = {name: costs(counted, price, startup_minutes) for name, counted in kept["modes"].items()}
    purposes = list(next(iter(rows.values())))
    idle = monthly(
        max((alone["minute"] for alone in kept["lone"].values()), key=lambda calls: sum(calls.values())), price
    )
    table = "\n".join(
        [
            "| USD per million objects | " + " | ".join(purposes) + " | **total** | without job starts |",
            "|---" * (len(purposes) + 3) + "|",
            *(
                f"| {name} | "
                + " | ".join(f"{row[purpose]:,.2f}" for purpose in purposes)
                + f" | **{sum(row.values()):,.2f}** | {sum(row.values()) - row['job starts']:,.2f} |"
                for name, row in rows.items()
            ),
        ]
    )
    months = "\n".join(
        [
            "| USD per month | |",
            "|---|---|",
            *(f"| {purpose} | {usd:,.2f} |" for purpose, usd in idle.items()),
            f"| **total** | **{sum(idle.values()):,.2f}** |",
        ]
    )
    return f"""# Costs of the trigger

Generated by `python benchmarks/costs.py --write` from `benchmarks/prices.json` and from the counts in
`benchmarks/trigger_counts.json`, which `python -m benchmarks.trigger --keep` measures. {prices["about"]}

{table}

"Job starts" are {startup_minutes:g} billed minutes for the start of each job on one ml.m5.xlarge (AWS does not document
how much of a start is billed; set your own value with `--startup-minutes`). The work of the jobs is the same in every
mode and not included. Further assumptions:

- The requests to the table are computed from the sizes of the measured items: a transaction takes two write units for
  each KB begun of each item, deletes included.
- A message is sent, received and deleted. Lambda receives and deletes up to {MESSAGES_OF_REQUEST} of them in a request,
  whatever the size of a batch is; messages that arrive alone take a request each, up to
  {MILLION * 2 * (1 - 1 / MESSAGES_OF_REQUEST) * price["sqs_request"]:.2f} USD more per million.
- A function is billed for the processor time measured here, as if it had the share of a processor that its memory buys
  ({MEMORY_MIB["intake"]} MiB for the intake, {MEMORY_MIB["dispatcher"]} MiB for the dispatcher), and for
  {CALL_MILLISECONDS} ms for each call that waits for the one before.
- Marks, units and records are stored for 120 days, with point-in-time recovery.
- {TRANSITIONS} state transitions per execution. Free tiers are not included.

## A month in which nothing is uploaded

{months}

The functions write no metrics unless the pipeline is monitored: [what that costs](monitoring.md#what-it-costs).
"""


def main() -> None:
    """Print or write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/trigger-costs.md")
    parser.add_argument(
        "--startup-minutes", type=float, default=STARTUP_MINUTES, help="billed minutes of the start of a job"
    )
    arguments = parser.parse_args()
    text = page(arguments.startup_minutes)
    if arguments.write:
        PAGE.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
