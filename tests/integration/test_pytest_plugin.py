"""The pytest plugin in a project of somebody else: it costs nothing, and its errors are for people."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.datasets import load_wine

from tests.helpers.projects import make_project
from tests.helpers.sandboxes import require_any_sandbox
from tests.helpers.stacks import ROOT

pytestmark = pytest.mark.exhaustive

_HEAVY = ("aws_cdk", "boto3", "botocore", "jsii", "ministack", "pandas", "psutil", "rich", "smproc.local", "typer")


def run_pytest(directory: Path, test: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (directory / "test_it.py").write_text(test)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "smproc.pytest_plugin", "-p", "no:cacheprovider", "test_it.py"],
        cwd=directory,
        env=os.environ | environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=180,
    )


def test_who_does_not_use_it_loads_nothing(tmp_path: Path) -> None:
    ran = run_pytest(
        tmp_path,
        f"import sys\n\n\ndef test_nothing():\n    assert [name for name in {_HEAVY!r} if name in sys.modules] == []\n",
    )

    assert ran.returncode == 0, ran.stdout


def test_a_step_has_its_test_in_two_lines(tmp_path: Path) -> None:
    require_any_sandbox()
    app = make_project(tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nsmproc_app_directory = infrastructure\n")
    (tmp_path / "infrastructure").mkdir()
    for name in ("app.py", "cdk.json", "preprocess.py"):
        (app / name).rename(tmp_path / "infrastructure" / name)
    (tmp_path / "table.csv").write_text("a,b\n" + "1.5,2\n" * 10)

    ran = run_pytest(
        tmp_path,
        "def test_split(run_step):\n    assert len(run_step('Split', 'table.csv').outputs.table('train.csv')) == 8\n",
    )

    assert ran.returncode == 0, ran.stdout


@pytest.mark.exhaustive
def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    require_any_sandbox()
    page = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    (test,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "cdk.json").write_text(json.dumps({"app": f"{sys.executable} {ROOT / 'app.py'}"}))
    load_wine(as_frame=True).frame.to_csv(tmp_path / "wine.csv", index=False)

    ran = run_pytest(tmp_path, test)

    assert ran.returncode == 0, ran.stdout
    assert "2 passed" in ran.stdout


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("def test_it(run_step): run_step('Split', 'x.csv')", "cdk.json does not exist; run the command in the"),
        ("def test_it(deployed): deployed('Stack')", "cdk.json does not exist; run the command in the directory"),
        (
            "def test_it(local_aws): pass",
            "the local AWS does not start: ministack is not installed",
        ),
    ],
)
def test_an_error_is_a_sentence(tmp_path: Path, test: str, message: str) -> None:
    hide = "import importlib.util\nfind = importlib.util.find_spec\n"
    hide += "importlib.util.find_spec = lambda name, *a: None if name == 'ministack' else find(name, *a)\n\n"

    ran = run_pytest(tmp_path, hide + test + "\n")

    assert ran.returncode == 1
    assert message in ran.stdout
