"""The commands of docs/local-aws.md, in one shell."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.documented_commands import documented_commands
from tests.helpers.ports import free_port
from tests.helpers.shells import Shell
from tests.helpers.stacks import ROOT

AWS = ROOT / ".tools" / "awscli" / "bin" / "aws"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def shell(tmp_path: Path, port: int) -> Iterator[Shell]:
    if not AWS.exists():
        pytest.skip("needs the AWS CLI (make .tools/awscli/.installed)")
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    home.mkdir()
    # The app of this checkout, whose directory gets no output.
    (work / "cdk.json").write_text(json.dumps({"app": f"{sys.executable} {ROOT / 'app.py'}"}), encoding="utf-8")
    (work / "wine.csv").write_text("a,b\n" + "".join(f"{number},{number * 2}\n" for number in range(20)))
    path = os.pathsep.join([str(AWS.parent), os.environ["PATH"]])
    environment = os.environ | {"HOME": str(home), "SMPROC_HOME": str(home / "state"), "PATH": path, "LANG": "C.UTF-8"}
    opened = Shell(work, environment)
    try:
        yield opened
    finally:
        with contextlib.suppress(AssertionError, BrokenPipeError):
            opened.run(f"smproc local stop --port {port}")
        opened.close()


@pytest.mark.exhaustive
def test_the_commands_of_the_page_run(shell: Shell, port: int) -> None:
    commands = [command.text for command in documented_commands() if command.page == "docs/local-aws.md"]
    assert len(commands) > 8
    printed = {}
    for text in commands:
        own_port = re.sub(r"smproc local (fault \w+|\w+)", rf"\g<0> --port {port}", text)
        printed[text] = shell.run(own_port.replace("local open", "local open --no-browser")).printed

    assert "16 rows" in printed["smproc run wine.csv --stack ProcessingDemo"]
    (log,) = (text for command, text in printed.items() if command.startswith("aws logs "))
    assert "20 rows" in log
    assert "1 finished" in printed["smproc local status"]
    assert "http://127.0.0.1:" in printed["smproc local open"]
