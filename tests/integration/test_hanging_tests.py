"""Runs of tests that hang, or for which no time is left: they end, and say why."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.helpers.stacks import ROOT

_HANGING = """
import subprocess
import pytest

@pytest.fixture
def hangs_at_its_end():
    yield
    subprocess.run(["sleep", "1003"])

def test_that_hangs():
    subprocess.run(["sleep", "1001"])

def test_that_fails_before_its_fixture_hangs(hangs_at_its_end):
    assert False

def test_that_waits_for_a_process_when_it_fails():
    with subprocess.Popen(["sleep", "1002"]) as process:
        process.wait()

def test_after_them():
    pass
"""


def run_tests(directory: Path, tests: str, **environment: str) -> str:
    """Run tests with the hooks of this project's, of which each is limited to a second, and return what is printed."""
    (directory / "test_it.py").write_text(tests)
    (directory / "conftest.py").write_text(
        textwrap.dedent("""
            from tests import conftest
            conftest._LIMIT_IN_SECONDS = conftest._REPEATED_IN_SECONDS = 1
        """)
    )
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", os.devnull, "--rootdir", directory, directory],
        cwd=ROOT,
        env=os.environ | {"SMPROC_TESTS_END": "inf", **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout


def test_a_test_that_hangs_fails_and_shows_where(tmp_path: Path) -> None:
    printed = run_tests(tmp_path, _HANGING)

    assert "3 failed, 1 passed, 1 error" in printed
    assert printed.count("has not ended within 1 s") >= 3
    assert "Current thread" in printed
    assert "sleep 1001" in printed


def test_no_test_starts_after_the_end(tmp_path: Path) -> None:
    printed = run_tests(tmp_path, _HANGING, SMPROC_TESTS_END="1")

    assert "4 tests skipped: not started: the time for all tests was over" in printed
    assert "4 skipped in" in printed
