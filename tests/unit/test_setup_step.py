"""A step of the set-up prints one line when it succeeds, and its own error and one hint when it fails."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TITLE = "Install the packages, which takes a minute"


def step(logs: Path, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(ROOT / "tools" / "step.sh"), TITLE, "sh", "-c", script],
        env={"PATH": "/usr/bin:/bin", "STEP_LOGS": str(logs)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_step_that_succeeds_prints_one_line(tmp_path: Path) -> None:
    process = step(tmp_path / "logs", "echo out; echo WARNING: Location x ignored >&2")

    assert (process.returncode, process.stdout, process.stderr) == (0, f"setup: {TITLE}\n", "")
    assert (tmp_path / "logs" / "install-the-packages.log").read_text().splitlines()[0] == "out"


def test_a_step_that_fails_shows_the_end_of_its_log_and_keeps_its_exit_status(tmp_path: Path) -> None:
    process = step(tmp_path, "seq 100; echo WARNING: Location x ignored; echo the reason >&2; exit 7")

    assert process.returncode == 7
    assert "Install the packages: failed with exit status 7" in process.stderr
    assert "    100\n    the reason\n" in process.stderr
    assert "\n    50\n" not in process.stderr
    assert "Location" not in process.stderr


def test_a_missing_command_gets_the_hint_for_a_missing_python(tmp_path: Path) -> None:
    process = step(tmp_path, "exec /nonexistent/python3.11 -m venv .venv")

    assert process.returncode == 127
    assert "PYTHON=/path/to/python3.11" in process.stderr


@pytest.mark.parametrize(
    ("output", "hint"),
    [
        ("Python 3.11 or newer is needed, got 3.9.1", "make setup PYTHON=/path/to/python3.11"),
        ("not created successfully because ensurepip is not\navailable.  On Debian/Ubuntu", "apt install python3-venv"),
        ("/usr/bin/python3: No module named venv", "apt install python3-venv"),
        (
            "Looking in indexes: https://user:****@index.example/simple\nERROR: NewConnectionError(...)",
            "pip cannot get a package from its index (https://user:****@index.example/simple)",
        ),
        ("ERROR: No matching distribution found for rich==1.0", "its index (PyPI): check the network"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "differs from the hash"),
        ("npm error code EINTEGRITY", "differs from the hash"),
        ("npm error code ECONNREFUSED", "npm cannot reach its registry"),
        ("npm error code SELF_SIGNED_CERT_IN_CHAIN", "NODE_EXTRA_CA_CERTS"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("npm error code ENOSPC", "disk is full"),
        ("something else", "run make again"),
    ],
)
def test_a_failure_has_one_hint(tmp_path: Path, output: str, hint: str) -> None:
    (tmp_path / "said").write_text(output)

    process = step(tmp_path, f"cat {tmp_path / 'said'}; exit 1")

    hints = [line for line in process.stderr.splitlines() if line.startswith("hint: ")]
    assert len(hints) == 1
    assert hint in hints[0]
