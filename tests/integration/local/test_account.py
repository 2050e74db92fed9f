"""The persistence of the account when the local AWS is stopped or killed, and started again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smproc.local import LocalAws, LocalAwsError
from smproc.local.server.autosave import AutoSaver
from tests.helpers.local_aws import BUCKET, RunningLocalAws
from tests.helpers.sandboxes import require_any_sandbox

KEYS = ["a", "a/b", "a/../b", "..", "x" * 900, "%00\u00e9 \u202e", "a//b", "a/b.meta.json"]


@pytest.fixture
def restartable(free_port: int, tmp_path: Path) -> Iterator[RunningLocalAws]:
    """Run a local AWS that the test may stop and kill."""
    require_any_sandbox()
    aws = LocalAws(free_port, state_dir=tmp_path, runner="process")
    aws.start()
    user = RunningLocalAws(aws, "any")
    yield user
    user.close()
    aws.stop()


def wait_until_saved(path: Path, change: str) -> None:
    """Wait until a file contains a text."""
    RunningLocalAws.until(lambda: path.read_text() if path.exists() else "", lambda written: change in written)


def kill_and_restart(local_aws: RunningLocalAws) -> None:
    pid = local_aws.aws.status().pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    local_aws.aws.start()


def test_objects_survive_a_kill_at_any_moment_whatever_their_keys(restartable: RunningLocalAws) -> None:
    for key in KEYS:
        restartable.put(key, key.encode())
    kill_and_restart(restartable)
    assert sorted(restartable.keys("")) == sorted(KEYS)
    assert [restartable.get(key) for key in KEYS] == [key.encode() for key in KEYS]


def test_other_services_survive_a_kill_some_seconds_later(restartable: RunningLocalAws) -> None:
    sqs = restartable.client("sqs")
    queue = sqs.create_queue(QueueName="waiting")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="hello")
    machine = restartable.machine({"End": {"Type": "Pass", "End": True}})
    ended = restartable.states.start_execution(stateMachineArn=machine, input='{"a": 1}')["executionArn"]
    restartable.wait_for_execution(ended)
    waiting = restartable.execute({"Wait": {"Type": "Wait", "Seconds": 1000, "End": True}})
    name = restartable.run("print('told')")["ProcessingJobName"]
    services = restartable.aws.status().folder / "account" / "services"
    for service, change in (("sqs", "hello"), ("stepfunctions", waiting), ("cloudwatch_logs", name)):
        wait_until_saved(services / f"{service}.json", change)
    kill_and_restart(restartable)
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert message["Body"] == "hello"
    assert restartable.states.describe_execution(executionArn=ended)["status"] == "SUCCEEDED"
    assert restartable.states.describe_execution(executionArn=waiting)["status"] == "FAILED"
    assert restartable.log(name) == {"algo-1": ["told"]}


def test_a_stop_keeps_everything_and_a_fresh_start_nothing(restartable: RunningLocalAws) -> None:
    restartable.put("kept", "x")
    job = restartable.run("")["ProcessingJobName"]
    parameter: dict[str, Any] = {"Name": "p", "Value": "1", "Type": "String"}
    ssm = restartable.client("ssm")
    ssm.put_parameter(**parameter)
    restartable.aws.stop()
    restartable.aws.start()
    assert (restartable.get("kept"), ssm.get_parameter(Name="p")["Parameter"]["Value"]) == (b"x", "1")
    with pytest.raises(LocalAwsError, match="a running local AWS cannot be emptied; stop it first: smproc local stop"):
        restartable.aws.start(fresh=True)
    restartable.aws.stop()
    restartable.aws.start(fresh=True)
    assert restartable.s3.list_buckets()["Buckets"] == []
    with pytest.raises(restartable.sagemaker.exceptions.ClientError, match="Could not find"):
        restartable.describe(job)
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name="p")
    restartable.s3.create_bucket(Bucket=BUCKET)


def test_a_service_whose_file_cannot_be_read_is_skipped_and_the_others_are_loaded(restartable: RunningLocalAws) -> None:
    restartable.put("kept", "x")
    restartable.client("ssm").put_parameter(Name="p", Value="1", Type="String")
    restartable.aws.stop()
    directory = restartable.aws.status().folder
    (directory / "account" / "services" / "ssm.json").write_text("{")
    restartable.aws.start()
    assert restartable.get("kept") == b"x"
    assert "failed to load ssm" in (directory / "server.log").read_text()


def test_a_failed_save_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smproc.local.server.autosave._INTERVAL_IN_SECONDS", 0.01)
    attempts: list[int] = []

    def save() -> None:
        attempts.append(len(attempts))
        if len(attempts) == 1:
            saver.note_change()
            raise OSError("no space left")

    saver = AutoSaver(save)
    saver.start()
    saver.note_change()
    RunningLocalAws.until(lambda: len(attempts), lambda count: count >= 2)
    saver.stop()
    assert attempts == [0, 1]
