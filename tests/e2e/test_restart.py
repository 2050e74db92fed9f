"""The demo on a local AWS that is killed, and stopped, and started again: the deployed pipeline still runs."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import boto3
import pytest
from sklearn.datasets import load_wine

from smproc.local import LocalAws
from tests.helpers.deployment import bootstrap, cdk, session_at
from tests.helpers.ports import free_port
from tests.helpers.stacks import ROOT

pytestmark = pytest.mark.exhaustive

_DEADLINE_SECONDS = 60


def test_the_deployed_demo_runs_after_a_kill_and_after_a_stop(tmp_path: Path) -> None:
    local_aws = LocalAws(port=free_port(), state_dir=tmp_path / "state")
    table = tmp_path / "wine.csv"
    load_wine(as_frame=True).frame.to_csv(table, index=False)
    with local_aws:
        environment = local_aws.redirect(os.environ) | {"SMPROC_HOME": str(tmp_path / "state")}
        bootstrap(environment)
        cdk(["deploy", "--output", str(tmp_path / "demo")], environment)
        run_demo(table, local_aws, environment)

        wait_until_saved(local_aws, environment)
        pid = local_aws.status().pid
        assert pid
        os.kill(pid, signal.SIGKILL)
        assert "was killed; what ran has failed, what was stored is kept" in local_aws.start().note
        run_demo(table, local_aws, environment)

        local_aws.stop()
        local_aws.start()
        run_demo(table, local_aws, environment)
        assert "(no changes)" in cdk(["deploy", "--output", str(tmp_path / "demo")], environment)


def run_demo(table: Path, local_aws: LocalAws, environment: Mapping[str, str]) -> None:
    ran = subprocess.run(
        ["smproc", "run", str(table), "--stack", "ProcessingDemo", "--local", str(local_aws.port)],
        env=dict(environment),
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "train/train.csv  142 rows x 14 columns" in ran.stdout


def wait_until_saved(local_aws: LocalAws, environment: Mapping[str, str]) -> None:
    """Wait until every change so far is on disk."""
    queues, deadline = (
        local_aws.status().folder / "account" / "services" / "sqs.json",
        time.monotonic() + _DEADLINE_SECONDS,
    )
    session = boto3.Session(
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_REGION"],
    )
    # One more change, so that a save follows.
    session_at(session, local_aws.endpoint).client("sqs").create_queue(QueueName="another")
    while "another" not in (queues.read_text() if queues.exists() else ""):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(3)  # what takes longer to save is saved after the others
