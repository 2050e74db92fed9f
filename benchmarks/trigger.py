"""The consumption of the trigger: calls and milliseconds per 1,000 objects, memory of a large batch, a cold start.

``make bench`` prints it; ``python benchmarks/trigger.py --keep`` also keeps the counts, from which `costs.py` computes.
The functions are the real ones, the services those of the local AWS: the calls are those that AWS would receive, the
milliseconds are not.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from s3_trigger import dispatch
from smproc.local import LocalAws
from tests.helpers.ports import free_port
from tests.helpers.trigger_world import Clients, Context, Trigger

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "benchmarks" / "trigger_counts.json"
OBJECTS = 1000
SIZES: dict[str, dict[str, Any]] = {
    "1": {},
    "100": {"batch_size": 100, "batch_window": 60},
    "1000": {"batch_size": 1000, "batch_window": 60},
}
# The sizes of a delivery, as the event source mapping is configured.
DELIVERY = {"1": 10, "100": 1000, "1000": 1000}
BARE = "import boto3\ns3 = boto3.client('s3')\nstates = boto3.client('stepfunctions')\ndef handler(event, context): ..."
OURS = (
    "from s3_trigger import intake\nfrom s3_trigger.runtime import lambda_runtime\nruntime = lambda_runtime()\n"
    "runtime.logger, runtime.metrics, runtime.s3, runtime.step_functions"
)
STARTS = 15


def consumption(clients: Clients, size: str) -> dict[str, Any]:
    """Return the consumption of 1,000 objects from their events to the ends of their executions."""
    world = Trigger(clients, **SIZES[size])
    keys = [f"in/{number:04}.csv" for number in range(OBJECTS)]
    put(world, keys)
    events = [world.event(key) for key in keys]
    invocations, started, busy = Counter[str](), time.perf_counter(), time.process_time()
    for first in range(0, OBJECTS, DELIVERY[size]):
        world.deliver(*events[first : first + DELIVERY[size]])
        invocations["intake"] += 1
    executions = OBJECTS
    if world.has_ledger:
        world.dispatch()
        invocations["dispatch"] += 1
        runs = [slot.run.name for slot in world.ledger.slots()]
        executions = len(runs)
        for name in runs:
            world.deliver(end_event(world, name))
            world.dispatch()
            invocations.update(("intake", "dispatch"))
    calls = Counter(world.faults.calls)
    return {
        "executions": executions,
        "calls": dict(sorted(calls.items())),
        "invocations": dict(invocations),
        "milliseconds": round(1000 * (time.perf_counter() - started)),
        "processor_milliseconds": round(1000 * (time.process_time() - busy)),
    }


def end_event(world: Trigger, name: str) -> str:
    """Return the event of an execution that succeeded."""
    detail = {"name": name, "executionArn": world.arn(name), "status": "SUCCEEDED"}
    return json.dumps(
        {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}
    )


def memory(clients: Clients, objects: int) -> dict[str, Any]:
    """Return the dispatcher's peak memory for one batch of the given number of objects, in its own process."""
    world = Trigger(clients, batch_size=objects, batch_window=60)
    keys = [f"in/{number // 1000:03}/{number:06}.csv" for number in range(objects)]
    put(world, keys)
    for first in range(0, objects, OBJECTS):
        world.deliver(*map(world.event, keys[first : first + OBJECTS]))
    program = "from benchmarks import trigger; trigger.dispatch_alone()"
    started = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "SETTINGS": json.dumps(world.settings)},
        check=True,
        capture_output=True,
        text=True,
    )
    (execution,) = world.running(1)
    assert sorted(execution.keys) == keys
    megabytes = int(ran.stdout.splitlines()[-1]) / 1024
    return {"objects": objects, "mebibytes": round(megabytes, 1), "seconds": round(time.perf_counter() - started, 1)}


def dispatch_alone() -> None:
    """Run the dispatcher once in this process, and print its peak memory in KiB."""
    dispatch.handler({}, Context())
    # Not ru_maxrss, which a child inherits from the process that started it.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines())
    sys.stdout.write(f"\n{status['VmHWM'].split()[0]}\n")


def put(world: Trigger, keys: list[str]) -> None:
    """Put an object under each key."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: world.s3.put_object(Bucket=world.bucket, Key=key, Body=b"x"), keys))


def cold_start() -> tuple[float, float, float]:
    """Return the seconds until a handler has two clients, bare and the trigger's, and the median ratio of the pairs."""
    settings = dict.fromkeys(
        ("bucket", "state_machine_arn", "manifest_bucket", "manifest_prefix", "pipeline", "dead_letter_queue"), "x"
    )
    environment = {
        **os.environ,
        "SETTINGS": json.dumps({**settings, "max_receives": 5}),
        "PYTHONPATH": str(ROOT / "lambda"),
        "AWS_DEFAULT_REGION": "us-east-1",
    }

    def seconds(program: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", program], env=environment, check=True)
        return time.perf_counter() - started

    seconds(OURS)
    pairs = [(seconds(BARE), seconds(OURS)) for _ in range(STARTS)]
    bare, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    return bare, ours, statistics.median(mine / plain for plain, mine in pairs)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help=f"keep the counts in {KEPT.relative_to(ROOT)}")
    parser.add_argument("--largest", type=int, default=100_000, help="objects of the largest batch (default: 100,000)")
    arguments = parser.parse_args()
    # The functions write their log, as they do on AWS, but it is not shown.
    write = os.fdopen(os.dup(1), "w", buffering=1).write
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    bare, ours, ratio = cold_start()
    write(
        f"cold start: bare boto3 handler {bare:.3f} s, intake {ours:.3f} s, {ratio:.2f}x (median of {STARTS} pairs)\n"
    )
    kept: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, LocalAws(port=free_port(), state_dir=Path(folder)) as local_aws:
        os.environ.update(local_aws.environment())
        clients = Clients(local_aws.endpoint)
        for size in SIZES:
            kept[size] = found = consumption(clients, size)
            shown = ", ".join(f"{count:,} {name}" for name, count in found["calls"].items())
            write(
                f"{OBJECTS:,} objects, batch_size={size}: {sum(found['calls'].values()):,} calls ({shown}); "
                f"{sum(found['invocations'].values()):,} invocations; {found['milliseconds']:,} ms, of which "
                f"{found['processor_milliseconds']:,} ms of the processor\n"
            )
        for objects in (1000, arguments.largest):
            found = memory(clients, objects)
            write(
                f"one batch of {found['objects']:,} objects: dispatcher's peak memory {found['mebibytes']} MiB, "
                f"{found['seconds']} s\n"
            )
    if arguments.keep:
        KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
