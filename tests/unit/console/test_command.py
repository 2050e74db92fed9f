"""``smproc local open`` and ``stop``, as a user meets them without a local AWS."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from smproc.cli import main
from smproc.console import Console, ConsoleNotInstalledError
from smproc.local import LocalAws


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMPROC_HOME", str(tmp_path))


def test_open_without_a_local_aws(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["local", "open", "--port", "4999", "--no-browser"]) == 1
    error = capsys.readouterr().err
    assert error == "smproc: no local AWS runs on port 4999; start it with: smproc local start --port 4999\n"


def test_stop_without_a_console(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["local", "stop", "--port", "4999"]) == 0
    assert "Nothing to stop" in capsys.readouterr().out


def test_the_extra_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smproc.console.controller.importlib.util.find_spec", lambda _: None)
    console = Console(LocalAws(4999, state_dir=tmp_path))
    with pytest.raises(ConsoleNotInstalledError, match=r"jinja2 and werkzeug are not .* -m pip install .*\[local\]"):
        console._launch({})


def test_the_command_loads_no_framework() -> None:
    script = "import sys, smproc.console; print(sorted({'boto3', 'jinja2', 'werkzeug', 'rich'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert ran.stdout == "[]\n"
