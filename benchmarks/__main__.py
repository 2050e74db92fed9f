"""Run the benchmarks, and print their figures in one table.

``make bench`` runs all of them, and writes the table to docs/benchmarks.md. The exit status is 1 if a figure exceeds
its bound.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.measurement import HEADINGS, Measurement

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "benchmarks.md"
BENCHMARKS: Final = {
    "synth": "Synth",
    "pipeline": "Deployment and upload",
    "jobs": "A job",
    "transfer": "Inputs and outputs of a job",
    "sharding": "A job with several hosts",
    "trigger": "The trigger",
    "storm": "Uploads under throttling, kills and a deployment",
    "inner_loop": "A saved script",
    "operations": "Operating 50 pipelines",
    "console": "The console",
    "local_server": "The local AWS",
}
_INTRODUCTION: Final = """\
# Benchmarks

Written by `make bench`. Each figure has its baseline, which was measured in the same run, or a bound of its own: the
absolute times of a machine wander. Of pairs, both medians and the median of their ratios are given; they are of one
measurement each in turn. Everything was measured on the local AWS: what a call or a job takes in AWS is not in these
figures. `make storm` sends a hundred times as many uploads as the storms here.
"""


def main() -> int:
    """Run the benchmarks that are named; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(BENCHMARKS)}. Default: all")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)  # the process of one benchmark
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {unknown[0]!r}; choose from {', '.join(BENCHMARKS)}")
    if options.into is not None:
        _measure(options.names[0], options.into)
        return 0
    if options.write and options.names:
        parser.error("--write is for all benchmarks together")
    started = datetime.now(UTC)
    found = {name: _measured(name) for name in options.names or BENCHMARKS}
    if options.write:
        PAGE.write_text(_page(found, started), encoding="utf-8")
    return int(any(one.exceeds for figures in found.values() for one in figures))


def _measure(name: str, path: Path) -> None:
    """Write the figures of a benchmark as they are measured, a line each."""
    module = importlib.import_module(f"benchmarks.{name}")
    with path.open("w", encoding="utf-8", buffering=1) as lines:
        for one in module.measurements():
            lines.write(json.dumps(dataclasses.asdict(one)) + "\n")


def _measured(name: str) -> list[Measurement]:
    """Run a benchmark in a process of its own, as some change their environment, and print its figures."""
    sys.stdout.write(f"\n{BENCHMARKS[name]} (load {os.getloadavg()[0]:.1f})\n")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "figures"
        path.touch()
        found: list[Measurement] = []
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks", name, "--into", str(path)], cwd=ROOT, stdout=subprocess.DEVNULL
        )
        while process.poll() is None:
            time.sleep(1)
            found += _printed(path, len(found))
        found += _printed(path, len(found))
    if process.returncode:
        raise SystemExit(f"the benchmark {name} failed with exit status {process.returncode}")
    return found


def _printed(path: Path, known: int) -> list[Measurement]:
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [Measurement(**json.loads(line)) for line in lines[known:]]
    for one in found:
        what, value, baseline, of_baseline, times, most = one.row()
        compared = f"; {baseline}: {of_baseline}, ratio {times}" if baseline else ""
        sys.stdout.write(f"  {what}: {value}{compared}{f' (at most {most})' if most else ''}\n")
    sys.stdout.flush()
    return found


def _page(found: dict[str, list[Measurement]], started: datetime) -> str:
    parts = [_INTRODUCTION, _conditions(started)]
    for name, figures in found.items():
        parts.append(f"## {BENCHMARKS[name]}\n")
        rows = [HEADINGS, ["---"] * 1 + ["---:", "---", "---:", "---:", "---:"], *(one.row() for one in figures)]
        parts.append("".join(f"| {' | '.join(cells)} |\n" for cells in rows))
    return "\n".join(parts)


def _conditions(started: datetime) -> str:
    minutes = (datetime.now(UTC) - started).total_seconds() / 60
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("aws-cdk-lib", "jsii", "boto3", "ministack")
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"Measured on {started:%Y-%m-%d} in {minutes:.0f} minutes, on {os.cpu_count()} cores and {memory:.0f} GiB, "
        f"{platform.system()}, Python {platform.python_version()}, {versions}.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
