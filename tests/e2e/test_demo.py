"""`make demo` on a new machine: it works, or reports the problem in one sentence, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from smproc.local import LocalAws
from tests.helpers.ports import free_port
from tests.helpers.stacks import ROOT

DEMO = ROOT / "examples" / "demo" / "demo.py"


def demo(port: int, state: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(DEMO), "--port", str(port)],
        env=os.environ | {"SMPROC_HOME": str(state)} | environment,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
    )


@dataclass(frozen=True)
class Run:
    """A demo that has started the local AWS and stopped it again."""

    local_aws: LocalAws
    state: Path
    ended: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Run:
    state, port = tmp_path_factory.mktemp("state"), free_port()
    ended = demo(port, state)
    return Run(LocalAws(port=port, state_dir=state), state, ended)


def test_the_demo_shows_both_outputs_and_the_duration_of_each_step(first: Run) -> None:
    ran = first.ended
    assert ran.returncode == 0, ran.stdout
    for shown in ("142 rows x 14 columns", "36 rows x 14 columns", "alcohol", "where the time went"):
        assert shown in ran.stdout, ran.stdout
    steps = [line.split("  ")[0] for line in ran.stdout.splitlines()[-6:]]
    assert steps == ["start", "bootstrap", "deploy", "upload to outputs", "stop", "in all"]
    assert not first.local_aws.status().running


def test_a_running_local_aws_is_used_and_left_running(first: Run) -> None:
    # In the account that the first demo left behind: the stack exists already.
    with first.local_aws as local_aws:
        second = demo(local_aws.port, first.state)

        assert second.returncode == 0, second.stdout
        assert "Already running" in second.stdout
        assert f"The local AWS keeps running; to stop it: smproc local stop --port {local_aws.port}" in second.stdout
        assert local_aws.status().running


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ran = demo(port, tmp_path)

    assert ran.returncode == 1
    (sentence,) = [line for line in ran.stdout.splitlines() if line.startswith("demo: ")]
    assert str(port) in sentence
    assert "Traceback" not in ran.stdout
    assert not LocalAws(port=port, state_dir=tmp_path).status().running


@pytest.mark.parametrize("missing", ["node", "cdk"])
def test_a_missing_program(tmp_path: Path, missing: str) -> None:
    path = tmp_path / "bin"
    path.mkdir()
    for program in {"node", "cdk", "smproc"} - {missing}:
        (path / program).symlink_to("/bin/true")
    ran = demo(free_port(), tmp_path, PATH=str(path))

    assert ran.returncode == 1
    assert ran.stdout.replace("\n", " ").strip() == (
        f"demo: {missing} is not on the PATH; run `make demo`, which installs it"
    )


def test_no_sandbox(tmp_path: Path) -> None:
    path = tmp_path / "bin"
    path.mkdir()
    for program in ("node", "cdk", "smproc"):
        (path / program).symlink_to("/bin/true")
    port = free_port()
    ran = demo(port, tmp_path, PATH=str(path))

    assert ran.returncode == 1
    assert "bubblewrap" in ran.stdout
    assert "Traceback" not in ran.stdout
    assert not LocalAws(port=port, state_dir=tmp_path).status().running


def test_a_stale_lock_of_a_killed_run(tmp_path: Path) -> None:
    local_aws = LocalAws(port=free_port(), state_dir=tmp_path)
    pid = local_aws.start().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    ran = subprocess.run(
        [sys.executable, "-m", "smproc.cli", "local", "start", "--port", str(local_aws.port)],
        env=os.environ | {"SMPROC_HOME": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    try:
        assert ran.returncode == 0, ran.stderr
        assert f"The last server (pid {pid}) was killed; what ran has failed, what was stored is kept." in ran.stdout
    finally:
        local_aws.stop()
    assert not local_aws.status().running
