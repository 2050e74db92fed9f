"""Run the benchmarks, and print their figures in one table.

``make bench`` runs all of them, keeps the figures in benchmarks/results.json, and writes docs/benchmarks.md from them;
``python -m benchmarks synth --write`` does so for one. The exit status is 1 if a figure exceeds its bound.
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
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.measurement import HEADINGS, Measurement

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "benchmarks.md"
KEPT: Final = ROOT / "benchmarks" / "results.json"
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

Written by `make bench`, or `python -m benchmarks NAME --write` for one of them. Each figure has its baseline, which was
measured in the same run, or a bound of its own: the absolute times of a machine wander. Of pairs, both medians and the
median of their ratios are given; they are of one measurement each in turn. Where equal runs differ by more than what is
measured, the interval in which the ratio lies with 95 % is given as well. Everything was measured on the local AWS:
what a call or a job takes in AWS is not in these figures. `make storm` sends twenty times as many uploads as the storms
here. A figure above its bound, with its whole interval, is marked, and fails the command.
"""


def main() -> int:
    """Run the benchmarks that are named; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(BENCHMARKS)}. Default: all")
    parser.add_argument("--write", action="store_true", help=f"keep the figures, and write {PAGE.relative_to(ROOT)}")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)  # the process of one benchmark
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {unknown[0]!r}; choose from {', '.join(BENCHMARKS)}")
    if options.into is not None:
        _measure(options.names[0], options.into)
        return 0
    exceeds = False
    for name in options.names or BENCHMARKS:
        started, load = datetime.now(UTC), os.getloadavg()[0]
        figures = _measured(name)
        exceeds |= any(one.exceeds for one in figures)
        if options.write:
            kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
            kept[name] = {
                "conditions": _conditions(started, load),
                "figures": [dataclasses.asdict(one) for one in figures],
            }
            ordered = {known: kept[known] for known in BENCHMARKS if known in kept}
            KEPT.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
            PAGE.write_text(page(ordered), encoding="utf-8")
    return int(exceeds)


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


def page(kept: Mapping[str, Any]) -> str:
    """Return the page with the figures that are kept.

    Args:
        kept: the conditions and figures of each benchmark, by its name.
    """
    parts = [_INTRODUCTION]
    for name, found in kept.items():
        parts.append(f"## {BENCHMARKS[name]}\n")
        parts.append(f"{found['conditions']}\n")
        figures = [Measurement(**one) for one in found["figures"]]
        rows = [HEADINGS, ["---", "---:", "---", "---:", "---:", "---:"], *(one.row() for one in figures)]
        parts.append("".join(f"| {' | '.join(cells)} |\n" for cells in rows))
    return "\n".join(parts)


def _conditions(started: datetime, load: float) -> str:
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("aws-cdk-lib", "jsii", "boto3", "ministack")
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"Measured on {started:%Y-%m-%d} on {os.cpu_count()} cores and {memory:.0f} GiB, with a load of {load:.1f} "
        f"before; {platform.system()}, Python {platform.python_version()}, {versions}."
    )


if __name__ == "__main__":
    sys.exit(main())
