"""A test run that is interrupted or killed leaves no server, no job and no temporary file behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.helpers.sandboxes import require_any_sandbox
from tests.helpers.stacks import ROOT
from tests.helpers.waiting import until

pytestmark = pytest.mark.exhaustive

_DEADLINE_IN_SECONDS = 180.0
# A shell that runs the tests in the background passes SIGINT on to them as ignored.
_RUN = """
import signal, sys, pytest
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(pytest.main(sys.argv[1:]))
"""
# The test of that run: it starts a local AWS and a job on it, and waits forever.
_HANGING = """
import os, tempfile, time
from pathlib import Path
from smproc.local import LocalAws
from tests.helpers.local_aws import RunningLocalAws
from tests.helpers.ports import free_port

def test_hangs():
    here = Path(__file__).parent
    with LocalAws(free_port(), state_dir=here / "state", runner="process", enforce_iam=False) as aws:
        user = RunningLocalAws(aws, "any")
        name = user.create(user.request("import time; print('ready', flush=True); time.sleep(1000)"))
        user.wait_for_log(name, "ready")
        (here / "pids.tmp").write_text(f"{os.getpid()} {aws.status().pid}")
        (here / "temporary").write_text(tempfile.mkdtemp())
        (here / "pids.tmp").rename(here / "pids")
        time.sleep(1000)
"""


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("target", "signal_sent"),
    [("run", signal.SIGKILL), ("run", signal.SIGINT), ("run", signal.SIGTERM), ("worker", signal.SIGKILL)],
    ids=["killed", "Ctrl-C", "terminated", "a worker killed"],
)
def test_nothing_is_left_behind(tmp_path: Path, target: str, signal_sent: signal.Signals) -> None:
    require_any_sandbox()
    (tmp_path / "test_hanging.py").write_text(_HANGING)
    command = [sys.executable, "-c", _RUN, "-q", "-n", "1", "-p", "tests.conftest", "-c", os.devnull]
    run = subprocess.Popen(
        [*command, "--rootdir", str(tmp_path), str(tmp_path / "test_hanging.py")],
        cwd=ROOT,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "constructs")]), "SMPROC_TESTS_END": "inf"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until((tmp_path / "pids").exists, seconds=_DEADLINE_IN_SECONDS)
        worker, server = map(int, (tmp_path / "pids").read_text().split())
        assert worker != run.pid
        jobs = psutil.Process(server).children(recursive=True)
        assert jobs
        os.kill(run.pid if target == "run" else worker, signal_sent)
        processes, temporary = (worker, server, *(job.pid for job in jobs)), Path((tmp_path / "temporary").read_text())
        until(lambda: not any(map(alive, processes)), seconds=_DEADLINE_IN_SECONDS)
        until(lambda: not temporary.parent.exists(), seconds=_DEADLINE_IN_SECONDS)
    finally:
        run.kill()
        run.wait()
