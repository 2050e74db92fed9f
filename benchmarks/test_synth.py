"""What the library adds to synth: app.py against the same resources written with aws-cdk-lib alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support import ROOT, run_app

ROUNDS = {"rounds": 5, "iterations": 1, "warmup_rounds": 1}


@pytest.mark.benchmark(group="synth")
@pytest.mark.parametrize("app", ["benchmarks/plain_app.py", "app.py"])
def test_synth(benchmark: Any, tmp_path: Path, app: str) -> None:
    benchmark.pedantic(lambda: run_app(tmp_path, app=ROOT / app), **ROUNDS)
