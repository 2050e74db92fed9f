"""The limits of the trigger at 1,000 objects a second and in a burst of five million, on paper.

``python benchmarks/scale.py`` prints docs/trigger-scale.md from the counts that ``python -m benchmarks.trigger --keep``
has kept and from AWS's quotas in ``benchmarks/quotas.json``; ``--write`` writes the page.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "trigger-scale.md"
RATE = 1000
BURST = 5_000_000
# Of a job, from its start to its end, without work: an assumption.
JOB_MINUTES = 2.0
# As in costs.py.
CALL_MILLISECONDS = 10
MEMORY_MIB = {"intake": 256, "dispatcher": 1024}
PROCESSOR_MIB = 1769
# A poller receives ten messages in a request: an assumption about its time.
RECEIVE_MILLISECONDS = 15
IDENTITY_BYTES, HEAD_SECONDS, READ_UNIT_BYTES = 16, 256, 4096
ADAPTIVE = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html"
MODES = {
    "batches of 1,000": 1000,
    "batches of 1,000 in 20 groups, closed half full": 1000,
    "batches of 100,000": 100_000,
    "batches of 100": 100,
    "single objects": 1,
}
HOT = ("inbox", "unit", "sealed", "open", "ready", "active", "slots", "seen", "seals")


@dataclass(frozen=True, slots=True)
class Limit:
    """A quota, and the rate of objects at which it is reached.

    Attributes:
        name: the quota.
        objects: the objects per second at which it is reached.
        moved_by: the setting or request that moves it.
    """

    name: str
    objects: float
    moved_by: str


def milliseconds(counted: dict[str, Any], function: str) -> float:
    """Return the time of a function for 1,000 objects on Lambda, as costs.py assumes it."""
    processor = counted["processor_milliseconds"].get(function, 0) * max(1, PROCESSOR_MIB / MEMORY_MIB[function])
    return float(processor + counted["waits"].get(function, 0) * CALL_MILLISECONDS)


def limits(counted: dict[str, Any], size: int, quota: dict[str, float]) -> list[Limit]:
    """Return the limits of a mode, the lowest one first.

    Args:
        counted: the consumption of 1,000 objects.
        size: the objects of a batch.
        quota: the quotas by their names.
    """
    thousand = 1000.0
    executions = counted["executions"]
    written, read = counted["written_partitions"], counted["read_partitions"]
    writes = {name: written.get(name, 0) for name in HOT if written.get(name, 0)}
    hottest = max(writes, key=lambda name: writes[name])
    # A seal reads all marks of the head, on average those of half of the 256 seconds. A delivery that fills a batch
    # causes a seal; otherwise those of a minute are sealed 20,000 at a time.
    sealed = size if size > 1 else thousand
    sealed = min(max(sealed, thousand), 20_000)
    seen = (quota["partition_reads"] * READ_UNIT_BYTES * sealed * 2 / (IDENTITY_BYTES * HEAD_SECONDS)) ** 0.5
    reads = {name: read.get(name, 0) for name in HOT if name != "seen" and read.get(name, 0)}
    most_read = max(reads, key=lambda name: reads[name])
    batches = "a higher `batch_size`"
    found = [
        Limit(
            "instances for processing jobs",
            quota["instances"] / (JOB_MINUTES * 60) / executions * thousand,
            f"{batches}; a request for a higher quota; `max_concurrent_jobs` makes uploads wait instead of jobs fail",
        ),
        Limit(
            "StartExecution", quota["start_rate"] / executions * thousand, f"{batches}; a request for a higher quota"
        ),
        Limit(
            "EventBridge's invocations of targets",
            quota["rule_invocations"] / counted["messages"] * thousand,
            "a request for a higher quota; beyond it, events are late, not lost",
        ),
        Limit(
            "receiving messages",
            quota["deliveries"] * 10 / RECEIVE_MILLISECONDS * 1000 * thousand / counted["messages"],
            "nothing: five deliveries at a time are built in; messages wait in the queue",
        ),
        Limit(
            "the intake",
            quota["deliveries"] * 1000 / milliseconds(counted, "intake") * thousand,
            "nothing: five deliveries at a time are built in; messages wait in the queue",
        ),
        Limit(
            "one dispatcher, which seals and starts one thing after the other",
            1000 / milliseconds(counted, "dispatcher") * thousand,
            batches,
        ),
        Limit(
            "concurrent executions of all functions",
            quota["function_concurrency"]
            * 1000
            / (milliseconds(counted, "intake") + milliseconds(counted, "dispatcher"))
            * thousand,
            "a request for a higher quota, which new accounts need first; throttled deliveries are repeated",
        ),
        Limit(
            f"writes of the partition `{hottest}`",
            quota["partition_writes"] / writes[hottest] * thousand,
            f"{batches}; fewer groups",
        ),
        Limit(f"reads of the partition `{most_read}`", quota["partition_reads"] / reads[most_read] * thousand, batches),
        Limit("reads of the marks of one head, 256 seconds", seen, f"{batches}, as each filled batch causes a seal"),
        Limit(
            "writes of a new table",
            quota["table_writes"] / counted["write_units"] * thousand,
            "time: the capacity doubles; or warm throughput of the table",
        ),
    ]
    return sorted(found, key=lambda limit: limit.objects)


def hours(seconds: float) -> str:
    """Return a time in words."""
    if seconds < 120:  # noqa: PLR2004 - two minutes
        return f"{seconds:,.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"  # noqa: PLR2004 - two hours


def emphasized(objects: float) -> str:
    """Return a rate, in bold if it is too low."""
    text = f"{objects:,.{0 if objects > 1 else 1}f}"
    return f"**{text}**" if objects < RATE else text


def page() -> str:
    """Return the text of docs/trigger-scale.md."""
    kept = json.loads((ROOT / "benchmarks" / "trigger_counts.json").read_text(encoding="utf-8"))["modes"]
    quotas = json.loads((ROOT / "benchmarks" / "quotas.json").read_text(encoding="utf-8"))
    quota = {name: entry["value"] for name, entry in quotas.items() if name != "about"}
    lines = [
        "# The scale of the trigger",
        "",
        "Generated by `python benchmarks/scale.py --write` from the counts in `benchmarks/trigger_counts.json`,",
        "which `python -m benchmarks.trigger --keep` measures, and from `benchmarks/quotas.json`. Nothing here was",
        f"measured on AWS. {quotas['about']}",
        "",
        f"A job is assumed to take {JOB_MINUTES:g} minutes besides its work, a call from Lambda",
        f"{CALL_MILLISECONDS} ms, and a request for ten messages {RECEIVE_MILLISECONDS} ms; the",
        "functions' processor times are scaled to their memory.",
        "",
        f"## {RATE:,} objects a second",
        "",
    ]
    for name, size in MODES.items():
        lines += [
            f"### {name[0].upper()}{name[1:]}",
            "",
            "| limit | is reached at objects per second | moved by |",
            "|---|---|---|",
            *(
                f"| {limit.name} | {emphasized(limit.objects)} | {limit.moved_by} |"
                for limit in limits(kept[name], size, quota)
            ),
            "",
        ]
    lines += [
        f"## A burst of {BURST:,} objects",
        "",
        "Each stage waits in something durable: EventBridge retries for a day, the queue keeps messages for 14",
        "days, and the ledger for as long as it takes. Each time is that of a stage alone.",
        "",
        "| | events to the queue | to the inbox | to batches and starts | jobs, at 20 instances | executions |",
        "|---|---|---|---|---|---|",
    ]
    for name, size in MODES.items():
        counted = kept[name]
        found = {limit.name: limit.objects for limit in limits(counted, size, quota)}
        executions = BURST / 1000 * counted["executions"]
        starts = max(
            BURST / found["one dispatcher, which seals and starts one thing after the other"],
            (executions - quota["start_bucket"]) / quota["start_rate"],
        )
        lines.append(
            f"| {name} | {hours(BURST / quota['rule_invocations'])} | "
            f"{hours(BURST / min(found['receiving messages'], found['the intake']))} | {hours(starts)} | "
            f"{hours(executions / quota['instances'] * JOB_MINUTES * 60)} and the work | {executions:,.0f} |"
        )
    lines += [
        "",
        f"Single objects without `max_concurrent_jobs` may exceed the {quota['open_executions']:,.0f} open executions",
        "of an account: StartExecution is then refused as transient, and the runs are tried again for a day. Set a",
        "limit.",
        "",
        "## Hot partitions",
        "",
        "All items of a kind have one partition key: `inbox`, `unit`, `ready`, `active`. Their sort keys ascend, so",
        f"DynamoDB's [splitting of hot partitions]({ADAPTIVE})",
        "does not help much. `slots` and `seals` are one item each, and so are the version of 256 seconds (`seen`) and",
        "the open batch of a group: dispatchers that change one of them exclude each other, and the slower one repeats",
        "its work. The write units per 1,000 objects, of which a partition has 1,000 per second:",
        "",
        "| | " + " | ".join(f"`{name}`" for name in HOT) + " |",
        "|---" * (len(HOT) + 1) + "|",
        *(
            f"| {name} | " + " | ".join(f"{kept[name]['written_partitions'].get(part, 0):,g}" for part in HOT) + " |"
            for name in MODES
        ),
        "",
        "The sweep of running executions takes one ListExecutions per 1,000 of them and minute, of",
        f"{quota['list_executions_rate']} per second; an execution whose end was not reported takes one",
        "DescribeExecution. AWS publishes no rate for CreateProcessingJob.",
        "",
        "## Quotas",
        "",
        "| quota | value |",
        "|---|---|",
        *(
            f"| [{entry['unit']}]({entry['page']}) | {entry['value']:,} |"
            for name, entry in quotas.items()
            if name != "about"
        ),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Print or write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/trigger-scale.md")
    if parser.parse_args().write:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        sys.stdout.write(page())


if __name__ == "__main__":
    main()
