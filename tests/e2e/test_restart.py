"""The demo on a laptop AWS that is killed, and stopped, and started again: what was deployed still runs."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import boto3
from sklearn.datasets import load_wine

from deployed import SessionAt, bootstrap, cdk
from ports import free_port
from smproc.local import LaptopAws
from support import ROOT

_DEADLINE_SECONDS = 60


def test_what_is_deployed_runs_after_a_kill_and_after_a_stop(tmp_path: Path) -> None:
    laptop = LaptopAws(port=free_port(), state_dir=tmp_path / "state")
    table = tmp_path / "wine.csv"
    load_wine(as_frame=True).frame.to_csv(table, index=False)
    with laptop:
        environment = laptop.redirect(os.environ) | {"SMPROC_HOME": str(tmp_path / "state")}
        bootstrap(environment)
        cdk(["deploy", "--output", str(tmp_path / "demo")], environment)
        run_demo(table, laptop, environment)

        wait_until_saved(laptop, environment)
        pid = laptop.status().pid
        assert pid
        os.kill(pid, signal.SIGKILL)
        assert "was killed; what ran has failed, what was stored is kept" in laptop.start().note
        run_demo(table, laptop, environment)

        laptop.stop()
        laptop.start()
        run_demo(table, laptop, environment)
        assert "(no changes)" in cdk(["deploy", "--output", str(tmp_path / "demo")], environment)


def run_demo(table: Path, laptop: LaptopAws, environment: Mapping[str, str]) -> None:
    ran = subprocess.run(
        ["smproc", "run", str(table), "--stack", "ProcessingDemo", "--local", str(laptop.port)],
        env=dict(environment),
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "train/train.csv  142 rows x 14 columns" in ran.stdout


def wait_until_saved(laptop: LaptopAws, environment: Mapping[str, str]) -> None:
    """Wait until all that has happened so far is on disk."""
    services = laptop.status().folder / "account" / "services"
    paths = [services / f"{name}.json" for name in ("cloudformation", "lambda", "s3", "sqs", "stepfunctions")]
    now, deadline = time.time(), time.monotonic() + _DEADLINE_SECONDS
    session = boto3.Session(
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_REGION"],
    )
    # One more change, so that there is a save after this moment.
    SessionAt(session, laptop.endpoint).client("sqs").create_queue(QueueName="another")
    while not all(path.exists() and path.stat().st_mtime > now for path in paths):
        assert time.monotonic() < deadline
        time.sleep(0.1)
