"""`smproc try` on an app with one step: outputs, edits without a synth, failures, differences, saves, its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from smproc.local import PrivateLocalAws
from tests.helpers.projects import edited, wait_for
from tests.helpers.sandboxes import require_any_sandbox

_DEADLINE_SECONDS = 180.0


@pytest.fixture(autouse=True)
def _sandbox() -> None:
    require_any_sandbox()


def tried(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "smproc", "try", *arguments],
        cwd=project,
        env=os.environ | environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=_DEADLINE_SECONDS,
    )


def test_a_step_runs_with_the_script_as_it_is_saved(project: Path, wine: Path) -> None:
    first = tried(project, str(wine))
    outputs = project / ".smproc" / "try" / "Split"

    assert first.returncode == 0, first.stdout + first.stderr
    assert "synthesizing the app" in first.stdout
    assert "  178 rows, 14 columns\n" in first.stdout
    assert "train  .smproc/try/Split/train/train.csv  142 rows x 14 columns" in first.stdout
    assert len((outputs / "train" / "train.csv").read_text().splitlines()) == 143
    assert (project / ".smproc" / ".gitignore").read_text() == "*\n"

    same = tried(project, "Split", str(wine), "--against", "last")
    assert same.returncode == 0, same.stdout + same.stderr
    assert "synthesizing" not in same.stdout
    assert "no difference from the last outputs in 1 file" in same.stdout

    with edited(project, "random_state=0", "random_state=1"):
        other = tried(project, "Split", str(wine), "--against", "last")
    assert other.returncode == 3, other.stdout + other.stderr
    assert "synthesizing" not in other.stdout
    assert "1 of 1 file differs from the last outputs\ntrain/train.csv  changed\n  alcohol: 142 of 142" in other.stdout


@pytest.mark.exhaustive
def test_arguments_and_variables_are_replaced_and_several_files_are_a_batch(project: Path, wine: Path) -> None:
    (project / "more.csv").write_text(wine.read_text())
    with edited(project, "    parser = arg", "    import os; print('level', os.environ['LEVEL'])\n    parser = arg"):
        ran = tried(
            project,
            *("Split", str(wine), "more.csv", "--output-dir", "out", "--environment", "LEVEL=7"),
            *("--argument", "--train-test-split-ratio", "--argument", "0.5"),
        )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "  level 7\n" in ran.stdout
    assert "  reading 2 file(s): more.csv, wine.csv\n" in ran.stdout
    assert "178 rows x 14 columns" in ran.stdout
    assert (project / "out" / "train" / "train.csv").is_file()


@pytest.mark.exhaustive
def test_a_script_that_fails_exits_with_1_and_leaves_the_outputs(project: Path, tmp_path: Path) -> None:
    (tmp_path / "short.csv").write_text("a,b\n1,2\n")
    kept = project / "kept"
    kept.mkdir()

    ran = tried(project, "Split", str(tmp_path / "short.csv"), "--output-dir", str(kept))

    assert ran.returncode == 1
    assert ran.stderr == ""
    assert "exit message 1 row(s) cannot be split into train and test\n" in ran.stdout
    assert "reason AlgorithmError" in ran.stdout
    assert list(kept.iterdir()) == []


def test_each_save_runs_the_step_again_until_ctrl_c(project: Path, wine: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "smproc", "try", "Split", str(wine), "--watch"],
            cwd=project,
            stdout=stream,
            stderr=subprocess.STDOUT,
            text=True,
            # A shell makes its background jobs ignore SIGINT, and pytest may be one of them.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no threads
        )
    try:
        wait_for(lambda text: "waiting for the next save" in text, process, log)
        with edited(project, "reading", "now reading"):
            wait_for(lambda text: text.count("succeeded in") == 2, process, log)
            assert "saved preprocess.py" in log.read_text()
            assert "now reading 1 file(s): wine.csv" in log.read_text()
            wait_for(lambda text: text.count("waiting for the next save") == 2, process, log)
        with edited(project, "def main():", "def main():\n    raise SystemExit(3)"):
            wait_for(lambda text: "exit code: 3" in text, process, log)
    finally:
        process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0, log.read_text()
    assert "synthesizing" not in log.read_text().replace("synthesizing the app\n", "", 1)


def test_a_private_local_aws_ends_with_its_owner_however_that_ends() -> None:
    code = (
        "import sys, time; from smproc.local import PrivateLocalAws; aws = PrivateLocalAws(); status = aws.start(); "
        "print(status.pid, status.folder, flush=True); time.sleep(600)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid, folder = owner.stdout.readline().split()

    owner.kill()
    owner.wait()
    owner.stdout.close()

    deadline = time.monotonic() + 60
    while Path("/proc", pid).exists() or Path(folder).parent.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_private_local_aws_that_is_stopped_leaves_nothing() -> None:
    with PrivateLocalAws() as aws:
        folder = aws.status().folder
        assert aws.session().client("s3").list_buckets()["Buckets"] == []
    assert not folder.parent.exists()
