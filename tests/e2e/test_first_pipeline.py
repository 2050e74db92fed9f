"""The commands of docs/first-pipeline.md, from an empty directory to the outputs of a script of one's own.

They run in one shell with an empty home. What the commands of `smproc` print is compared with the page, names and times
replaced; ``UPDATE_SNAPSHOTS=1`` writes the page, and the recorded terminal that it shows, with the times of the run.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.helpers.ports import free_port
from tests.helpers.shells import Command, Shell
from tests.helpers.stacks import ROOT
from tools.terminal_recording import PROMPT, Line, draw, read_cast, write_cast

PAGE = ROOT / "docs" / "first-pipeline.md"
CAST = ROOT / "docs" / "recordings" / "first-pipeline.cast"
PICTURE = ROOT / "docs" / "images" / "first-pipeline.svg"
TITLE = "From an empty directory to the outputs of a script of your own"
HEAD = """\
# A first pipeline

From an empty directory to the outputs of a script of your own, without an AWS account. You need Linux, Python 3.11 or
newer, and Node.js 22 or newer, as for every CDK app in Python ([installation and platforms](installation.md)).

![A terminal: installation, a new project, a trial, a deployment, an upload and its outputs](images/first-pipeline.svg)

It took **{total}**, of which {installed} to install, on {cores} cores with a load average of {load:.1f} before, and
with a package index nearby; the picture shortens each wait. `tests/e2e/test_first_pipeline.py` has run these commands
in one shell with an empty home on {date}, recorded them, and compares what `smproc` prints with this page, in which
identifiers are replaced.

`data.csv` is a header and two rows.
"""
TAIL = """
## And then

- `process.py` is the script: edit it, and `smproc try ../data.csv --watch` [runs it at each save](inner-loop.md).
- `npx cdk deploy` without `smproc local env` deploys to your AWS account. There, the notifications of a new bucket come
  into force
  [about five minutes](local-and-aws.md#notifications-in-force)
  after the deployment, and a file that you upload before may start nothing; `smproc run` waits ten minutes for an
  execution.
- `smproc local open` shows what runs [in a browser](console.md); `smproc local stop` ends [the local
  AWS](local-aws.md).
- [What to use, and what it guarantees](overview.md) lists the rest.
"""
# What is installed and synthesized prints more than a page should show, in words that others choose.
SHOWN = ("smproc new", "smproc try", "smproc local start", "smproc run")
_ID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_REPLACED = (
    (r"\b[0-9a-f]{64}\b", "2985c49b5418"),
    (_ID, "6f1c2a90-58b3-4d0e-8c4f-2a7f1e6b9d35"),
    (r"\bs3://(rowcounts-\w+?bucket)[0-9a-f]+-[0-9a-f]+/", r"s3://\1/"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:4566"),
    (r" --port \d+", ""),
    (r"Jobs run in [^.]+\.", "Jobs run in bubblewrap."),  # as it is installed
)
# What a run that is not finished shows, in a pipe line by line.
_PROGRESS = re.compile(r"^ +\d+\.\d s  .*\n", re.MULTILINE)
_TIME = re.compile(r" *\b\d+\.\d+ s")


def page_commands() -> list[str]:
    """Return the commands of the page."""
    return re.findall(r"^\$ (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    home, programs, work = tmp_path / "home", tmp_path / "programs", tmp_path / "work"
    for directory in (home, programs, work):
        directory.mkdir()
    # Node is a prerequisite. Nothing else of this environment is visible.
    node = shutil.which("node")
    assert node is not None
    (programs / "node").symlink_to(node)
    npm = Path(node).resolve().parents[1] / "lib" / "node_modules" / "npm" / "bin"
    for name in ("npm", "npx"):
        (programs / name).symlink_to(npm / f"{name}-cli.js")
    path = [directory for directory in os.environ["PATH"].split(os.pathsep) if not Path(directory).is_relative_to(ROOT)]
    kept = {name: value for name, value in os.environ.items() if _is_of_an_index(name)}
    environment = {**kept, "HOME": str(home), "PATH": os.pathsep.join([str(programs), *path]), "LANG": "C.UTF-8"}
    (work / "data.csv").write_text("x,y\n1,2\n3,4\n", encoding="utf-8")
    opened = Shell(work, environment)
    try:
        yield opened
    finally:
        with contextlib.suppress(AssertionError, BrokenPipeError):
            opened.run("smproc local stop --port $SMPROC_TEST_PORT")
        opened.close()


def _is_of_an_index(name: str) -> bool:
    """Return whether a variable says from where packages come: a mirror, a proxy, or certificates."""
    return bool(re.fullmatch(r"(?i)(pip|uv|npm|ssl|requests|curl|node_extra)_.*|(https?|no)_proxy", name))


def shown(command: Command) -> list[tuple[float, str]]:
    """Return the lines of a command that the page shows, identifiers replaced, with the seconds from its start."""
    if not command.text.startswith(SHOWN):
        return []
    lines = []
    for at, line in zip(command.times, command.printed.splitlines(), strict=False):
        if _PROGRESS.fullmatch(f"{line}\n"):
            continue
        for pattern, replacement in _REPLACED:
            line = re.sub(pattern, replacement, line)  # noqa: PLW2901 - it stays the line
        lines.append((at, line))
    return lines


def transcript(commands: list[Command]) -> str:
    """Return the commands with what those of `smproc` printed, identifiers replaced."""
    blocks = []
    for command in commands:
        printed = "".join(f"{line}\n" for _, line in shown(command))
        blocks.append(f"```console\n$ {command.text}\n{printed}```\n\nTook {command.seconds:.1f} s.\n")
    return "\n".join(blocks)


def recording(commands: list[Command]) -> str:
    """Return the commands as a recorded terminal, one after the other."""
    lines, start = [], 0.0
    for command in commands:
        lines.append(Line(start, f"{PROMPT}{command.text}"))
        lines += [Line(start + at, line) for at, line in shown(command)]
        start += command.seconds
        lines.append(Line(start, f"# took {command.seconds:.1f} s"))
    return write_cast(lines, TITLE)


@pytest.mark.exhaustive
def test_the_commands_of_the_page_end_in_outputs(shell: Shell) -> None:
    commands = page_commands()
    assert len(commands) > 8
    port = free_port()
    load = os.getloadavg()[0]
    shell.run(f"SMPROC_TEST_PORT={port}")
    ran: list[Command] = []
    for text in commands:
        real = text.replace("/path/to/cdk-sagemaker-processing", str(ROOT))
        real = real.replace("smproc local start", f"smproc local start --port {port}")
        real = real.replace("smproc local env", f"smproc local env --port {port}")
        done = shell.run(real)
        ran.append(Command(text, done.printed, done.seconds, done.times))
    assert '"data.csv": 2' in ran[-1].printed

    total = sum(command.seconds for command in ran)
    installed = sum(command.seconds for command in ran if " install " in f"{command.text} " or "venv" in command.text)
    head = HEAD.format(
        date=datetime.now(UTC).date().isoformat(),
        cores=os.cpu_count(),
        load=load,
        total=f"{total:.0f} s",
        installed=f"{installed:.0f} s",
    )
    new = f"{head}\n{transcript(ran)}{TAIL}"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        PAGE.write_text(new, encoding="utf-8")
        CAST.write_text(recording(ran), encoding="utf-8")
        PICTURE.write_text(draw(CAST.read_text(encoding="utf-8")), encoding="utf-8")
    old = PAGE.read_text(encoding="utf-8").partition("\n```console")[2]
    assert without_times(old) == without_times(new.partition("\n```console")[2])


def without_times(page: str) -> str:
    """Return a page without its times, and without the widths of the columns that follow from them."""
    return re.sub(r" +", " ", _TIME.sub(" N s", page))


def test_the_recorded_terminal_is_that_of_the_page() -> None:
    cast = CAST.read_text(encoding="utf-8")
    assert PICTURE.read_text(encoding="utf-8") == draw(cast)
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    _, lines = read_cast(cast)
    assert "".join(f"{line.text}\n" for line in lines if not line.text.startswith("# took ")) == "".join(blocks)
