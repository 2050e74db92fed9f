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
# Where the longest groups of tests lie, the longest first: two workers end together if these start first.
_LONGEST = (
    "tests/e2e",
    "tests/conformance/container",
    "tests/integration/trigger",
    "tests/conformance",
    "tests/integration",
)
# A number that is a token is further from zero than any that a test means.
_NUMBERS_BELOW = 1e200

# The project's own Node and CDK CLI, also when pytest is started without make.
for folder in (ROOT / "node_modules" / ".bin", Path(sys.prefix) / "bin"):
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
if node := shutil.which("node"):
    os.environ.setdefault("JSII_NODE", node)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "xdist_group(name): see pytest-xdist, which may be absent")
    # In each worker, too: xdist has every process load this file.
    reaper.start()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file, or of a marked group, on one worker, where they share servers and deployments."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> tuple[int, str]:
    marker = item.get_closest_marker("xdist_group")
    assert marker is not None
    group = str(marker.args[0])
    if not group.startswith("tests/"):
        return -1, group
    ranks = [rank for rank, path in enumerate(_LONGEST) if group.startswith(f"{path}/")]
    return min(ranks, default=len(_LONGEST)), group


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
