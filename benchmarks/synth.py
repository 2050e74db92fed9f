"""The synth time and memory that the library adds: apps against the same resources written with aws-cdk-lib only.

The seconds are those of user code on processors, of Node and of Python. Even they differ by 10 % between equal runs, by
what shares the processors and by the threads with which Node compiles WebAssembly for aws-cdk's validation. So each
ratio has its interval. Python's bytecode is cached, as it is for an installed library.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.measurement import Measurement, Measurements, of_wandering_pairs

ROOT = Path(__file__).resolve().parents[1]
APPS = ROOT / "benchmarks" / "apps"
BY_HAND = "the same by hand"
# The number of pipelines, and of pairs of runs: a small synth differs most from its equals.
PIPELINES = {1: 61, 10: 9, 50: 6}
PAIRS_OF_OTHERS = 15
MOST = 1.05
# How much more the pipelines from the tenth to the fiftieth may take than those from the first to the tenth, each.
GROWTH_MOST = 1.3


class Used(NamedTuple):
    """The seconds of user code that a synth takes, and the peak memory of its largest process, in MiB."""

    user: float
    mebibytes: float


def measurements() -> Measurements:
    """Yield the figures of all apps, and how they grow with the number of pipelines."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for what, app in (("ten processors", "ten_processors"), ("a workflow of four steps", "four_steps")):
            yield _compared(f"synth of {what}", directory, app, PAIRS_OF_OTHERS)[0]
        each: dict[int, Used] = {}
        for count, pairs in PIPELINES.items():
            plural = "" if count == 1 else "s"
            found, each[count] = _compared(f"synth of {count} pipeline{plural}", directory, "pipelines", pairs, count)
            yield found
        for unit, few, many in (
            ("s", _step(each, "user", 1, 10), _step(each, "user", 10, 50)),
            ("MiB", _step(each, "mebibytes", 1, 10), _step(each, "mebibytes", 10, 50)),
        ):
            yield Measurement(
                what=f"{'user time' if unit == 's' else 'memory'} of each pipeline from the 11th to the 50th",
                value=many,
                unit=unit,
                baseline="each from the 2nd to the 10th",
                of_baseline=few,
                most=GROWTH_MOST,
            )


def _compared(what: str, directory: Path, app: str, pairs: int, pipelines: int = 1) -> tuple[Measurement, Used]:
    paths = [APPS / f"{app}_by_hand.py", APPS / f"{app}.py"]
    for path in paths:
        _synth(path, directory, pipelines)  # fills the caches
    used = [_pair(paths, directory, pipelines, reverse=number % 2 == 1) for number in range(pairs)]
    found = of_wandering_pairs(what, BY_HAND, [(by_hand.user, ours.user) for by_hand, ours in used], most=MOST)
    ours = [one for _, one in used]
    return found, Used(found.value, max(one.mebibytes for one in ours))


def _pair(paths: Sequence[Path], directory: Path, pipelines: int, *, reverse: bool) -> list[Used]:
    """Return what two apps use, in their order; ``reverse`` runs the second first, as the later one may gain."""
    ordered = paths[::-1] if reverse else paths
    used = [_synth(path, directory, pipelines) for path in ordered]
    return used[::-1] if reverse else used


def _synth(app: Path, directory: Path, pipelines: int) -> Used:
    environment = os.environ | {
        "CDK_OUTDIR": str(directory / "out"),
        "PIPELINES": str(pipelines),
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(directory / "bytecode"),
    }
    process = subprocess.Popen([sys.executable, str(app)], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, str(app))
    return Used(used.ru_utime, used.ru_maxrss / 1024)


def _step(each: dict[int, Used], what: str, first: int, last: int) -> float:
    return float((getattr(each[last], what) - getattr(each[first], what)) / (last - first))
