"""Fixtures that the benchmarks share with the end-to-end tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.e2e.conftest import deployment  # noqa: F401 - a fixture of the end-to-end tests

os.environ.setdefault("JSII_NODE", str(Path(sys.prefix) / "bin" / "node"))
