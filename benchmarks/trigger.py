"""The consumption of the trigger: calls per 1,000 objects of every mode, memory of a large batch, a cold start.

``python -m benchmarks.trigger --keep`` keeps the counts, from which `costs.py` and `scale.py` compute.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.consumption import DELIVERY_MAX, Measured
from benchmarks.measurement import Measurement, Measurements, of_pairs
from s3_trigger import dispatch
from smproc.local import LocalAws
from tests.helpers.ports import free_port
from tests.helpers.trigger_world import Clients, Context, Trigger

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "benchmarks" / "trigger_counts.json"
BUCKET = "objects"
FOLDERS = 20
FEW = 1000
THOUSANDS = {"batch_size": 1000, "batch_window": 60}


@dataclass(frozen=True, kw_only=True)
class Mode:
    """A kind of trigger, and the way in which its uploads and ends arrive.

    Attributes:
        name: its name.
        settings: the settings that make a difference.
        objects: the number of uploads; by default all that there are.
        step: every so many of the keys is uploaded; the others lie between them.
        mixed: whether uploads of all folders alternate.
        delivered: the number of uploads of a delivery.
        ended: the number of ends of a delivery.
        most: the highest number of calls per 1,000 objects; None for any.
    """

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    objects: int | None = FEW
    step: int = 1
    mixed: bool = False
    delivered: int = DELIVERY_MAX
    ended: int = DELIVERY_MAX
    most: int | None = None

    def keys(self, every: Sequence[str]) -> Sequence[str]:
        """Return the keys of its uploads."""
        keys = every[:: self.step]
        keys = keys[: self.objects] if self.objects is not None else keys
        if self.mixed:
            by_folder = [keys[first::FOLDERS] for first in range(FOLDERS)]
            return [
                f"in/{folder:02}/{key[3:]}" for row in zip(*by_folder, strict=True) for folder, key in enumerate(row)
            ]
        return keys


MODES = [
    Mode(name="batches of 1,000", settings=THOUSANDS, objects=10_000, most=20),
    Mode(
        name="batches of 1,000, at most 8 concurrently",
        settings=THOUSANDS | {"max_concurrent_jobs": 8},
        objects=10_000,
        most=20,
    ),
    Mode(
        name="batches of 1,000 in 20 groups, closed half full",
        settings=THOUSANDS | {"group_by": {"folders": 1}},
        objects=10_000,
        mixed=True,
        most=35,
    ),
    Mode(name="batches of 100,000", settings={"batch_size": 100_000, "batch_window": 3600}, objects=None, most=8),
    Mode(name="batches of 100", settings={"batch_size": 100, "batch_window": 60}, objects=2000),
    Mode(name="single objects", most=2050),
    Mode(name="single objects, at most 50 concurrently", settings={"max_concurrent_jobs": 50}, most=2050),
    Mode(name="single objects, at most 1,000 concurrently", settings={"max_concurrent_jobs": 1000}, most=2050),
    Mode(name="single objects, each between 19 others in the bucket", step=20, most=2050),
    Mode(
        name="single objects, at most 50 concurrently, ten ends in a delivery",
        settings={"max_concurrent_jobs": 50},
        ended=10,
    ),
    Mode(name="single objects, ten uploads or ends in a delivery", delivered=10, ended=10),
]
# The prefix of the objects: ten folders of 1,000, or one.
LISTED_AGAIN = "in/00"
BACKFILLS: list[tuple[str, str, dict[str, Any]]] = [
    ("batches of 1,000", LISTED_AGAIN, THOUSANDS),
    ("single objects", "in/000", {}),
]
LONE = ["batches of 1,000", "single objects", "single objects, at most 50 concurrently"]
BARE = "import boto3\nfor name in ('dynamodb', 'lambda'):\n    boto3.client(name)\ndef handler(event, context): ..."
OURS = (
    "from s3_trigger import intake\nfrom s3_trigger.runtime import lambda_runtime\nruntime = lambda_runtime()\n"
    "runtime.logger, runtime.metrics, runtime.table, runtime.lambda_"
)
STARTS = 15
COLD_START_MOST = 1.2
LARGEST = 100_000


def measure(clients: Clients, mode: Mode, keys: Sequence[str], log: int) -> dict[str, Any]:
    """Return the consumption of a mode per 1,000 objects."""
    measured = Measured(clients, BUCKET, log, **mode.settings)
    try:
        return measured.measure(mode.keys(keys), delivered=mode.delivered, ended=mode.ended).per_thousand()
    finally:
        measured.close()


def lone(clients: Clients, mode: Mode, keys: Sequence[str], log: int) -> dict[str, Any]:
    """Return the calls of one upload alone, and those of a minute without any."""
    measured = Measured(clients, BUCKET, log, **mode.settings)
    try:
        calls = sum(measured.measure(keys[:1]).calls.values())
        return {"upload": calls, "minute": measured.idle_minute()}
    finally:
        measured.close()


def backfills(clients: Clients, keys: Sequence[str], log: int) -> dict[str, Any]:
    """Return the consumption of backfills per 1,000 objects, and that of a listing that finds nothing new."""
    found: dict[str, Any] = {}
    for name, within, settings in BACKFILLS:
        measured = Measured(clients, BUCKET, log, **settings)
        try:
            some = [key for key in keys if key.startswith(within)]
            found[name] = measured.measure(some, within=within).per_thousand()
            if within == LISTED_AGAIN:
                found["listed again, all known"] = measured.measure(some, within=within).per_thousand()
        finally:
            measured.close()
    return found


def memory(clients: Clients, keys: Sequence[str]) -> dict[str, Any]:
    """Return the dispatcher's peak memory and time for one batch of some objects, in its own process."""
    world = Trigger(clients, batch_size=len(keys), batch_window=3600)
    world.bucket = BUCKET
    world.configure(bucket=BUCKET)
    for first in range(0, len(keys), DELIVERY_MAX):
        assert world.deliver(*map(world.event, keys[first : first + DELIVERY_MAX])) == []
    program = "from benchmarks import trigger; trigger.dispatch_alone()"
    started = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "SETTINGS": json.dumps(world.settings)},
        check=True,
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - started
    (execution,) = world.running(1)
    assert sorted(execution.keys) == sorted(keys)
    kibibytes, processor = ran.stdout.splitlines()[-1].split()
    return {
        "objects": len(keys),
        "mebibytes": round(int(kibibytes) / 1024, 1),
        "seconds": round(seconds, 1),
        "processor_seconds": round(float(processor), 1),
    }


def dispatch_alone() -> None:
    """Run the dispatcher once in this process; print its peak memory in KiB, and the seconds of its processor."""
    dispatch.handler({}, Context())
    # Not ru_maxrss, which a child inherits from the process that started it.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines())
    sys.stdout.write(f"\n{status['VmHWM'].split()[0]} {time.process_time()}\n")


def put(clients: Clients, keys: Sequence[str]) -> None:
    """Put an object under each key."""
    s3 = clients.own["s3"]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: s3.put_object(Bucket=BUCKET, Key=key, Body=b"x"), keys))


def cold_starts() -> list[tuple[float, float]]:
    """Return pairs of the seconds until a handler has its clients: of a bare one, and of the intake.

    They are seconds of the processor, which is all that a start waits for: those of a clock depend on the load.
    """
    settings = dict.fromkeys(
        (
            "bucket",
            "state_machine_arn",
            "manifest_bucket",
            "manifest_prefix",
            "pipeline",
            "dead_letter_queue",
            "trigger",
            "table",
            "dispatcher",
        ),
        "x",
    )
    environment = {
        **os.environ,
        "SETTINGS": json.dumps({**settings, "max_receives": 5}),
        "PYTHONPATH": str(ROOT / "lambda"),
        "AWS_DEFAULT_REGION": "us-east-1",
    }

    def seconds(program: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", program], env=environment, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    seconds(OURS)
    return [(seconds(BARE), seconds(OURS)) for _ in range(STARTS)]


def measurements() -> Measurements:
    """Yield the figures of all modes."""
    yield from _measured({"modes": {}, "lone": {}, "largest": []}, LARGEST)


def _measured(kept: dict[str, Any], most: int) -> Measurements:
    """Yield the figures, and add the counts to those that are kept."""
    pairs = cold_starts()
    found = of_pairs("cold start of the intake, processor time", "of a bare boto3 handler", pairs, most=COLD_START_MOST)
    kept["cold_start"] = round(found.times or 0, 2)
    yield found
    with (
        tempfile.TemporaryFile() as log,
        tempfile.TemporaryDirectory() as folder,
        LocalAws(port=free_port(), state_dir=Path(folder), enforce_iam=False) as local_aws,
    ):
        # The functions write their log, as they do on AWS, but it is not shown.
        os.dup2(log.fileno(), 1)
        os.environ.update(local_aws.environment())
        clients = Clients(local_aws.endpoint)
        clients.own["s3"].create_bucket(Bucket=BUCKET)
        keys = [f"in/{number // 1000:03}/{number:06}.csv" for number in range(most)]
        put(clients, keys)
        kept["backfills"] = backfills(clients, keys, log.fileno())
        for name, found in kept["backfills"].items():
            yield _calls(f"backfill, {name}", found)
        for mode in MODES:
            if mode.mixed:
                put(clients, mode.keys(keys))
            kept["modes"][mode.name] = found = measure(clients, mode, keys, log.fileno())
            yield _calls(mode.name, found, mode.most)
        for mode in MODES:
            if mode.name in LONE:
                kept["lone"][mode.name] = alone = lone(clients, mode, keys, log.fileno())
                yield Measurement(what=f"{mode.name}: a lone upload", value=alone["upload"], unit="calls")
                idle = sum(alone["minute"].values())
                yield Measurement(what=f"{mode.name}: an idle minute", value=idle, unit="calls")
        for objects in (FEW, most):
            largest = memory(clients, keys[:objects])
            kept["largest"].append(largest)
            label = f"dispatcher with one batch of {objects:,} objects"
            yield Measurement(what=f"{label}, peak memory", value=largest["mebibytes"], unit="MiB")
            yield Measurement(what=f"{label}, processor time", value=largest["processor_seconds"])


def _calls(name: str, found: dict[str, Any], most: int | None = None) -> Measurement:
    return Measurement(what=f"{name}: for 1,000 objects", value=found["all_calls"], unit="calls", most=most)


def main() -> None:
    """Measure and print; keep the counts if that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help=f"keep the counts in {KEPT.relative_to(ROOT)}")
    parser.add_argument("--largest", type=int, default=LARGEST, help="objects of the largest batch (default: 100,000)")
    arguments = parser.parse_args()
    kept: dict[str, Any] = {"modes": {}, "lone": {}, "largest": []}
    with os.fdopen(os.dup(1), "w", buffering=1) as out:
        for found in _measured(kept, arguments.largest):
            out.write("  ".join(cell for cell in found.row() if cell) + "\n")
    if arguments.keep:
        KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
