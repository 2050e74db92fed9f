"""The errors that mypy and pyright report: none on correct uses of the public API, and one on each wrong use."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

import cdk_sagemaker_processing

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
ACCEPTED, REJECTED = HERE / "accepted.py", HERE / "rejected.py"
PYRIGHT = ROOT / "node_modules" / ".bin" / "pyright"
_IGNORE = re.compile(r"  # type: ignore\[.*")

# A checker's messages by line and file name.
Reports = dict[str, dict[int, str]]


def run(command: Sequence[str | Path]) -> str:
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    # 0: no errors, 1: errors; any other exit code is a failure of the checker itself.
    assert process.returncode in (0, 1), f"{command[0]} failed:\n{process.stdout}{process.stderr}"
    return process.stdout


def mypy(*files: Path) -> Reports:
    assert find_spec("mypy") is not None, "mypy is not installed; run: make setup"
    reported: Reports = {}
    for line in run([sys.executable, "-m", "mypy", "--output", "json", *files]).splitlines():
        error = json.loads(line)
        reported.setdefault(Path(error["file"]).name, {})[error["line"]] = error["message"]
    return reported


def pyright(*files: Path) -> Reports:
    assert PYRIGHT.exists(), f"{PYRIGHT.relative_to(ROOT)} does not exist; run: npm ci (or make setup)"
    reported: Reports = {}
    for error in json.loads(run([PYRIGHT, "--outputjson", *files]))["generalDiagnostics"]:
        line = error["range"]["start"]["line"] + 1
        reported.setdefault(Path(error["file"]).name, {})[line] = error["message"]
    return reported


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_correct_uses_are_accepted_and_each_wrong_one_is_reported(
    checker: Callable[..., Reports], tmp_path: Path
) -> None:
    lines = REJECTED.read_text().splitlines()
    wrong = {number for number, line in enumerate(lines, start=1) if _IGNORE.search(line)}
    control = tmp_path / "control.py"
    control.write_text("\n".join(_IGNORE.sub("", line) for line in lines) + "\n")

    reported = checker(ACCEPTED, REJECTED, control)
    assert {name: set(messages) for name, messages in reported.items()} == {"control.py": wrong}, reported


def test_every_public_name_is_checked() -> None:
    imported = {
        alias.name
        for node in ast.walk(ast.parse(ACCEPTED.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "cdk_sagemaker_processing"
        for alias in node.names
    }

    assert sorted(imported) == sorted(cdk_sagemaker_processing.__all__)


@pytest.mark.parametrize("package", ["constructs/cdk_sagemaker_processing", "smproc"])
def test_type_checkers_may_use_the_annotations(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()
