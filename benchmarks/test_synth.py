"""The synth time that the library adds: apps against the same resources written with aws-cdk-lib only.

Measured in pairs, one run of each in turn, because the speed of a machine varies by more than the difference. Python's
bytecode is cached, as it is for an installed library. On a busy machine the processor time of user code wanders less
than the time that passes; the load is printed beside the two.
"""

from __future__ import annotations

import os
import resource
import statistics
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.helpers.stacks import ROOT, run_app

PAIRS = 9


class Used(NamedTuple):
    """The seconds that a synth takes, and those of user code on processors, of Node and of Python."""

    elapsed: float
    user: float


@pytest.mark.parametrize(
    ("app", "baseline"),
    [
        ("app.py", "benchmarks/plain_app.py"),
        ("benchmarks/ten_processors.py", "benchmarks/ten_by_hand.py"),
        ("benchmarks/four_steps.py", "benchmarks/four_steps_by_hand.py"),
    ],
)
def test_synth(app: str, baseline: str, tmp_path: Path, capsys: Any) -> None:
    def used(name: str) -> Used:
        start, user = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        run_app(
            tmp_path / "out",
            app=ROOT / name,
            PYTHONDONTWRITEBYTECODE="",
            PYTHONPYCACHEPREFIX=str(tmp_path / "bytecode"),
        )
        return Used(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - user)

    used(baseline)
    used(app)
    pairs = [(used(baseline), used(app)) for _ in range(PAIRS)]
    with capsys.disabled():
        print(f"\nsynth of {app} and of {baseline}, load {os.getloadavg()[0]:.1f}:")  # noqa: T201 - the result
        for unit in Used._fields:
            print(f"  {unit}: {_comparison([(getattr(a, unit), getattr(b, unit)) for a, b in pairs])}")  # noqa: T201


def _comparison(pairs: list[tuple[float, float]]) -> str:
    by_hand, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratios = sorted(app / baseline for baseline, app in pairs)
    return (
        f"{ours:.2f} s and {by_hand:.2f} s, {statistics.median(ratios):.2f}x (medians of {PAIRS} pairs; single pairs "
        f"{ratios[0]:.2f} to {ratios[-1]:.2f})"
    )
