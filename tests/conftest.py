from __future__ import annotations

import contextlib
import faulthandler
import itertools
import os
import re
import shutil
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Generator
from pathlib import Path

import psutil
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.helpers import reaper

ROOT = Path(__file__).parents[1]
# The directories of the longest groups of tests, longest first: workers finish together if these start first.
_LONGEST = (
    "tests/e2e",
    "tests/conformance/container",
    "tests/integration/trigger",
    "tests/conformance",
    "tests/integration",
)
_SHARE_A_DEPLOYMENT = {f"tests/e2e/test_{name}.py" for name in ("backfill", "permissions", "pipeline")}
_SHOWN_FILES = 30
_SHOWN_CHARACTERS = 300
# The slowest test takes ten minutes on a busy machine: one that takes longer than this waits for what never comes.
_LIMIT_IN_SECONDS = 1200
# The time, in seconds since 1970, after which no test starts, as in CI, whose time is limited. Default: never.
_END = float(os.environ.get("SMPROC_TESTS_END", "inf"))
# What runs then has longer than the slowest test takes on a slow day.
_AFTER_THE_END_IN_SECONDS = 900
# Where the failure is followed by a wait for a thread or a process that hangs, too, that fails in turn.
_REPEATED_IN_SECONDS = 60
# A number that encodes a token is further from zero than any number in the tests.
_NUMBERS_BELOW = 1e200

# The project's own Node and CDK CLI, also when pytest is started without make.
for directory in (ROOT / "node_modules" / ".bin", Path(sys.prefix) / "bin"):
    os.environ["PATH"] = f"{directory}{os.pathsep}{os.environ['PATH']}"
if node := shutil.which("node"):
    os.environ.setdefault("JSII_NODE", node)
# Most tests run jobs with installed packages: to make the environments of images takes time and a package index.
os.environ.setdefault("SMPROC_IMAGE_ENVIRONMENTS", "off")
# aws-cdk checks each template against its own rules, which takes more than half of the time of a synthesis.
# tests/conformance/template turns it on, and reads what it finds.
os.environ.setdefault("CDK_VALIDATION", "false")
# In each worker, too: xdist has every process load this file. Before anything is imported that starts a process.
reaper.start()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests so that the files that take longest start first."""
    items.sort(key=lambda item: _rank(item.nodeid))


def _group(nodeid: str) -> str:
    """Return the group of a test, which runs on one worker: its file, or all files that share a deployment."""
    path = nodeid.partition("::")[0]
    return "tests/e2e" if path in _SHARE_A_DEPLOYMENT else path


def _rank(nodeid: str) -> tuple[int, str, str]:
    group = _group(nodeid)
    ranks = [rank for rank, path in enumerate(_LONGEST) if f"{group}/".startswith(f"{path}/")]
    return min(ranks, default=len(_LONGEST)), group, nodeid.partition("::")[0]


class _Scheduling(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    # xdist's own marker for groups has no effect with pytest 9.2, which recomputes the id of a test.
    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    """Distribute groups, in the order of `_rank` and not by their numbers of tests."""
    if config.getvalue("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False
    return _Scheduling(config, log)


@pytest.hookimpl(wrapper=True)
def _limited(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that hangs in its setup, call or teardown, and show where: otherwise the whole run never ends.

    The processes that it has started are shown, too: what hangs is often one of them.

    Neither pytest's own `faulthandler_timeout` nor pytest-timeout does so: they no longer watch the teardown of a test
    that has failed, and xdist runs a test again, and again, that has ended its worker.
    """

    limit = max(1.0, min(_LIMIT_IN_SECONDS, _END + _AFTER_THE_END_IN_SECONDS - time.time()))

    def fail(*_: object) -> None:
        faulthandler.dump_traceback(sys.__stderr__ or sys.stderr)
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                line, seconds = " ".join(process.cmdline()), time.time() - process.create_time()
                sys.stderr.write(
                    f"{seconds:6.0f} s  pid {process.pid} of {process.ppid()}  {line[:_SHOWN_CHARACTERS]}\n"
                )
        pytest.fail(f"{item.nodeid} has not ended within {limit:.0f} s")

    previous = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, limit, _REPEATED_IN_SECONDS)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


pytest_runtest_call = pytest_runtest_teardown = _limited


def pytest_enter_pdb() -> None:
    """Set no limit while somebody debugs a test."""
    signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Set a test up, unless the time for all of them is over; the summary says how many were left."""
    if time.time() > _END:
        pytest.skip("not started: the time for all tests was over (SMPROC_TESTS_END)")
    return (yield from _limited(item))


def pytest_make_parametrize_id(val: object) -> str | None:
    """Return an id without the numbers of tokens, which differ between the processes."""
    if isinstance(val, str) and "${Token[" in val:
        return re.sub(r"\$\{Token\[[^\]]*\]\}", "token", val)
    if isinstance(val, float) and abs(val) > _NUMBERS_BELOW:
        return "token"
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the times of tiers and the longest files, and the reasons for skipped tests with their numbers."""
    seconds: defaultdict[str, float] = defaultdict(float)
    of_file: defaultdict[str, float] = defaultdict(float)
    for report in itertools.chain.from_iterable(terminalreporter.stats.values()):
        if isinstance(report, pytest.TestReport):
            seconds["/".join(report.nodeid.split("/")[:2])] += report.duration
            of_file[report.nodeid.partition("::")[0]] += report.duration
    for tier, total in sorted(seconds.items()):
        terminalreporter.write_line(f"{tier}: {total:.0f} s of tests, shared by the workers")
    if len(of_file) > _SHOWN_FILES:
        for file in sorted(of_file, key=of_file.__getitem__, reverse=True)[:_SHOWN_FILES]:
            terminalreporter.write_line(f"{of_file[file]:6.0f} s  {file}")
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.getreports("skipped")
        if isinstance(report.longrepr, tuple)
    )
    if reasons:
        terminalreporter.section("not run on this machine")
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count} {'test' if count == 1 else 'tests'} skipped: {reason}")
