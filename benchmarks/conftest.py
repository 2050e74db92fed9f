"""What the benchmarks share with the end-to-end tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("JSII_NODE", str(Path(sys.prefix) / "bin" / "node"))
sys.path[:0] = [str(ROOT / "tests")]

from e2e.conftest import deployment  # noqa: E402, F401 - a fixture of the end-to-end tests
