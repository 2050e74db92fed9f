"""The commands of the READMEs of the examples, each in a copy of its project: deployed by the CDK CLI, used, destroyed.

What they print is compared with the README, in which three dots stand for anything. IAM is enforced, and the local AWS
refuses what it ignores. A new example is found by its cdk.json.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers.deployment import AWS_CLI, Deployment
from tests.helpers.examples import PROJECTS
from tests.helpers.stacks import ROOT

pytestmark = pytest.mark.exhaustive

_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_MARK = "--- the command has ended with status"
# Waits for other files, as it is meant to, for ten minutes; tests/e2e/test_batches.py runs batches.
WAITS = {"batches": "smproc run"}


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a README, and the lines that follow it there."""

    text: str
    shown: tuple[str, ...]


def commands_of(readme: str) -> Iterator[Command]:
    for block in _BLOCK.findall(readme):
        lines = block.splitlines()
        starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
        assert starts[:1] == [0], block
        for start, end in itertools.pairwise([*starts, len(lines)]):
            yield Command(lines[start].removeprefix("$ "), tuple(lines[start + 1 : end]))


def missing(shown: tuple[str, ...], printed: str) -> list[str]:
    """Return the lines of a README that a command has not printed."""
    patterns = {line: re.sub(r"\\\.\\\.\\\.", ".*", re.escape(line.strip())) for line in shown if line != "..."}
    return [
        line
        for line, pattern in patterns.items()
        if not any(re.fullmatch(pattern, each.strip()) for each in printed.splitlines())
    ]


def script_of(commands: list[Command], port: int) -> str:
    """Return a script that runs commands in one shell, and marks the end of each; it ends with the first that fails."""
    lines = []
    for command in commands:
        # The README's local AWS has the default port, and its project a pytest that knows the plugin.
        text = re.sub(r"smproc local (env|images add)", rf"smproc local \1 --port {port}", command.text)
        text = text.replace("python3 -m pytest", "python3 -m pytest -p smproc.pytest_plugin")
        lines += [f"{{ {text}\n}} 2>&1", 'status=$?; echo; echo "' + _MARK + ' $status"; [ $status = 0 ] || exit 1']
    return "\n".join(lines)


@pytest.mark.parametrize("name", PROJECTS)
def test_the_commands_of_the_readme_print_what_it_says(bootstrapped: Deployment, name: str, tmp_path: Path) -> None:
    project = tmp_path / name
    shutil.copytree(PROJECTS[name], project, ignore=shutil.ignore_patterns("__pycache__", "cdk.out"))
    commands = list(commands_of((project / "README.md").read_text(encoding="utf-8")))
    if waiting := WAITS.get(name):
        assert any(command.text.startswith(waiting) for command in commands)
        commands = [command for command in commands if not command.text.startswith(waiting)]
    assert any(command.text.startswith("cdk deploy") for command in commands)
    programs = [Path(sys.executable).parent, ROOT / "node_modules" / ".bin", AWS_CLI.parent]
    variables = {
        # As an installed package would be found; the project has modules of its own.
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "constructs"))),
        "PATH": os.pathsep.join([*map(str, programs), bootstrapped.environment["PATH"]]),
    }
    ran = subprocess.run(
        ["bash", "--noprofile", "--norc", "-c", script_of(commands, bootstrapped.port)],
        cwd=project,
        env=bootstrapped.environment | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    printed = re.split(rf"\n?{re.escape(_MARK)} \d+\n", ran.stdout)
    assert ran.returncode == 0, ran.stdout[-3000:]
    for command, output in zip(commands, printed, strict=False):
        assert missing(command.shown, output) == [], (command.text, output)
    assert any(command.text.startswith("cdk destroy") for command in commands)
    stacks = bootstrapped.session.client("cloudformation").describe_stacks()["Stacks"]
    assert not [stack["StackName"] for stack in stacks if stack["StackName"].endswith("Example")]


def test_a_line_that_was_not_printed_is_found() -> None:
    assert missing(("...", "a...z", "b"), "abz\nbc") == ["b"]
