"""The synth time that the library adds: apps against the same resources written with aws-cdk-lib only.

Measured in pairs, one run of each in turn, because the speed of a machine varies by more than the difference. Python's
bytecode is cached, as it is for an installed library.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.stacks import ROOT, run_app

PAIRS = 9


@pytest.mark.parametrize(
    ("app", "baseline"),
    [
        ("app.py", "benchmarks/plain_app.py"),
        ("benchmarks/ten_processors.py", "benchmarks/ten_by_hand.py"),
        ("benchmarks/four_steps.py", "benchmarks/four_steps_by_hand.py"),
    ],
)
def test_synth(app: str, baseline: str, tmp_path: Path, capsys: Any) -> None:
    def seconds(name: str) -> float:
        start = time.perf_counter()
        run_app(
            tmp_path / "out",
            app=ROOT / name,
            PYTHONDONTWRITEBYTECODE="",
            PYTHONPYCACHEPREFIX=str(tmp_path / "bytecode"),
        )
        return time.perf_counter() - start

    seconds(baseline)
    seconds(app)
    pairs = [(seconds(baseline), seconds(app)) for _ in range(PAIRS)]
    by_hand, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(pair[1] / pair[0] for pair in pairs)
    with capsys.disabled():
        print(  # noqa: T201 - the result
            f"\nsynth of {app}: {ours:.2f} s, of {baseline}: {by_hand:.2f} s, "
            f"{ratio:.2f}x (medians of {PAIRS} pairs; single pairs {min(b / a for a, b in pairs):.2f} to "
            f"{max(b / a for a, b in pairs):.2f})"
        )
