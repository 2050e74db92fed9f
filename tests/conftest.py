from __future__ import annotations

import os
import re
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.helpers import reaper

ROOT = Path(__file__).parents[1]
# A number that is a token is further from zero than any that a test means.
_NUMBERS_BELOW = 1e200

# The project's own Node and CDK CLI, also when pytest is started without make.
for folder in (ROOT / "node_modules" / ".bin", Path(sys.prefix) / "bin"):
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
if node := shutil.which("node"):
    os.environ.setdefault("JSII_NODE", node)


def pytest_configure() -> None:
    # In each worker, too: xdist has every process load this file.
    reaper.start()


def pytest_make_parametrize_id(val: object) -> str | None:
    """Give the same tests the same names in every process: aws-cdk numbers its tokens as they are made."""
    if isinstance(val, str) and "${Token[" in val:
        return re.sub(r"\$\{Token\[[^\]]*\]\}", "token", val)
    if isinstance(val, float) and abs(val) > _NUMBERS_BELOW:
        return "token"
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what this machine lacks, with the number of tests that it costs."""
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.getreports("skipped")
        if isinstance(report.longrepr, tuple)
    )
    if reasons:
        terminalreporter.section("not run on this machine")
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count} {'test' if count == 1 else 'tests'} skipped: {reason}")
