"""A storm of uploads on the trigger's functions with real services on loopback: none may be lost or started twice.

``make storm``. Every upload is delivered at least once, one in five twice: in any order within seconds, and the
copies at any time after that. One in twenty of the functions' calls is throttled, and functions are killed (SIGKILL)
before and after calls at random; several run concurrently, each in a process of its own. In the middle, all functions
are deployed with other settings. Some objects are hostile: deleted before their job starts, encrypted with a key of
their own, or under keys of 1,024 bytes or with control characters. Queues, table, rules, executions and buckets are
those of the local AWS.

Two further storms are those of `benchmarks.storm_scans`: a backfill that is stopped, killed twice and resumed while
uploads go on, and uploads of which a tenth has no event. They print the peak memory of a dispatcher.

The time is compared with that of the services' own part: putting as many objects, by the same number of threads.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measurement import Measurement, Measurements
from benchmarks.storm_functions import COUNTED, dispatcher, intake
from benchmarks.storm_scans import BackfillStorm, LostEventsStorm
from benchmarks.storm_uploads import Outcome, Storm
from smproc.local import LocalAws
from tests.helpers.ports import free_port

INTAKES, DISPATCHERS = 3, 2
QUIET_SECONDS = 3
DEADLINE_SECONDS = 40 * 60
STORMS = ("batches", "singles", "backfill", "lost")
BATCHES = {"batch_size": 1000, "batch_window": 10, "max_concurrent_jobs": 8}


@dataclass(frozen=True)
class Run:
    """A storm that is over.

    Attributes:
        seconds: the time from the first event until nothing waited.
        bare: the seconds of as many puts of objects, by the services alone.
        outcome: what became of the uploads.
    """

    seconds: float
    bare: float
    outcome: Outcome


def run(name: str, storm: Storm, changed: dict[str, Any], arguments: argparse.Namespace) -> Run:
    """Run one storm, and print what happened.

    Args:
        name: a description.
        storm: the storm.
        changed: the settings that the deployment in the middle changes.
        arguments: the arguments of the command.
    """
    bare = storm.put()
    deliveries = storm.draw(arguments.duplicated)
    environment = {"SETTINGS": json.dumps(storm.settings), "MINUTE": json.dumps(storm.minute)}
    # A function that was killed is replaced at once, as a copy of a process that has loaded everything.
    processes_of = multiprocessing.get_context("forkserver")
    folder = Path(tempfile.mkdtemp())
    chaos = (arguments.throttled, arguments.killed, folder)

    def start(kind: int) -> Any:
        target, leading = (intake, (storm.queue,)) if kind < INTAKES else (dispatcher, ())
        process = processes_of.Process(target=target, args=(environment, *leading, *chaos), daemon=True)
        process.start()
        return process

    started = time.monotonic()
    sender = threading.Thread(target=storm.send, daemon=True)
    sender.start()
    processes = [start(kind) for kind in range(INTAKES + DISPATCHERS)]
    quiet, is_deployed = 0, False
    try:
        while quiet < QUIET_SECONDS:
            time.sleep(1)
            quiet = quiet + 1 if storm.is_over() else 0
            storm.attend(processes[INTAKES:])
            if not is_deployed and (quiet or storm.is_halfway()):
                # Functions that are running go on with the old settings until they are replaced, one by one.
                is_deployed, environment = True, environment | {"SETTINGS": json.dumps({**storm.settings, **changed})}
                for kind in range(0, len(processes), 2):
                    processes[kind].kill()
            for kind, process in enumerate(processes):
                if not process.is_alive():
                    processes[kind] = start(kind)
            if time.monotonic() - started > DEADLINE_SECONDS:
                raise TimeoutError("the storm is not over")
    finally:
        for process in processes:
            process.kill()
            process.join()
    seconds = time.monotonic() - started - QUIET_SECONDS
    outcome = storm.outcome()
    calls, throttled, killed = ((folder / what).stat().st_size for what in COUNTED)
    shutil.rmtree(folder)
    sys.stdout.write(
        f"{name}: {storm.uploads:,} uploads in {deliveries:,} deliveries, {calls:,} calls, {throttled:,} of them "
        f"throttled, {killed} functions killed, {seconds:.0f} s, {seconds / bare:.2f} times the {bare:.0f} s of "
        f"as many puts: {outcome.executions:,} executions, {outcome.dead} objects in dead letters ("
        f"{'; '.join(outcome.reasons)}), lost {outcome.lost}, twice {outcome.twice}, slots in use {outcome.slots}"
        f"{storm.report()}\n"
    )
    sys.stdout.flush()
    return Run(seconds, bare, outcome)


def measurements() -> Measurements:
    """Yield the figures of smaller storms than those of ``make storm``."""
    small = ["--uploads", "5000", "--single-uploads", "1000", "--backfilled", "5000", "--lost", "500"]
    for name, found in storms(_arguments(small)):
        yield Measurement(
            what=f"storm, {name}", value=found.seconds, baseline="as many puts of objects", of_baseline=found.bare
        )
        outcome = found.outcome
        wrong = outcome.lost + outcome.twice + outcome.unknown + outcome.slots
        yield Measurement(what=f"storm, {name}: lost, started twice, slots in use", value=wrong, unit="", most=0)


def storms(arguments: argparse.Namespace) -> Iterator[tuple[str, Run]]:
    """Run the storms, and yield each with its name.

    Args:
        arguments: the arguments of the command.
    """
    changed_batches = {"batch_size": 300, "max_concurrent_jobs": 3, "prefixes": ["in/0", "in/"]}
    changed_singles = {"max_concurrent_jobs": 200, "prefixes": ["in/0", "in/"]}
    kinds: dict[str, tuple[str, Callable[[], Storm], dict[str, Any]]] = {
        "batches": (
            f"{arguments.uploads:,} uploads to batches of 1,000, at most 8 concurrently, then of 300, at most 3",
            lambda: Storm(arguments.uploads, BATCHES),
            changed_batches,
        ),
        "singles": (
            f"an execution for each of {arguments.single_uploads:,} objects, then at most 200 concurrently",
            lambda: Storm(arguments.single_uploads, {}),
            changed_singles,
        ),
        "backfill": (
            f"a backfill of {arguments.backfilled:,} that is stopped, killed twice and resumed, during uploads",
            lambda: BackfillStorm(arguments.backfilled, BATCHES),
            BATCHES,
        ),
        "lost": (
            f"{arguments.lost:,} uploads of which a tenth has no event, and reconciliations",
            lambda: LostEventsStorm(arguments.lost, BATCHES),
            BATCHES,
        ),
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalAws(port=free_port(), state_dir=Path(folder), enforce_iam=False) as local_aws,
    ):
        os.environ.update(local_aws.environment())
        for kind, (name, make, changed) in kinds.items():
            if arguments.only in (None, kind):
                yield name, run(name, make(), changed, arguments)


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=100_000, help="uploads to batches. Default: 100,000")
    parser.add_argument(
        "--single-uploads",
        type=int,
        default=20_000,
        help="uploads that start an execution each, for most of whose time the local AWS runs them. Default: 20,000",
    )
    parser.add_argument("--backfilled", type=int, default=100_000, help="objects of the backfill. Default: 100,000")
    parser.add_argument("--lost", type=int, default=1000, help="uploads of which a tenth has no event. Default: 1,000")
    parser.add_argument("--duplicated", type=float, default=0.2)
    parser.add_argument("--throttled", type=float, default=0.05)
    parser.add_argument("--killed", type=float, default=0.0005, help="chance to be killed before, and after, a call")
    parser.add_argument("--only", choices=STORMS, help="one of the storms. Default: all")
    return parser.parse_args(given)


def main() -> int:
    """Run the storms; return the exit status 0 when nothing was lost and nothing was started twice."""
    outcomes = [found.outcome for _, found in storms(_arguments(None))]
    return 0 if all(outcome.is_right for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
