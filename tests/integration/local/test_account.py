"""What is remembered of the account when the local AWS is stopped, or killed, and started again."""

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
def mine(free_port: int, tmp_path: Path) -> Iterator[RunningLocalAws]:
    """Run a local AWS that the test may stop and kill."""
    require_any_sandbox()
    aws = LocalAws(free_port, state_dir=tmp_path, runner="process")
    aws.start()
    user = RunningLocalAws(aws, "any")
    yield user
    user.close()
    aws.stop()


def wait_until_saved(path: Path, change: str) -> None:
    """Wait until something stands in a file."""
    RunningLocalAws.until(lambda: path.read_text() if path.exists() else "", lambda written: change in written)


def kill(local_aws: RunningLocalAws) -> None:
    pid = local_aws.aws.status().pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    local_aws.aws.start()


def test_objects_survive_a_kill_at_any_moment_whatever_their_keys(mine: RunningLocalAws) -> None:
    for key in KEYS:
        mine.put(key, key.encode())
    kill(mine)
    assert sorted(mine.keys("")) == sorted(KEYS)
    assert [mine.get(key) for key in KEYS] == [key.encode() for key in KEYS]


def test_the_rest_survives_a_kill_some_seconds_later(mine: RunningLocalAws) -> None:
    sqs = mine.client("sqs")
    queue = sqs.create_queue(QueueName="waiting")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="hello")
    machine = mine.machine({"End": {"Type": "Pass", "End": True}})
    ended = mine.states.start_execution(stateMachineArn=machine, input='{"a": 1}')["executionArn"]
    mine.wait_for_execution(ended)
    waits = mine.execute({"Wait": {"Type": "Wait", "Seconds": 1000, "End": True}})
    name = mine.run("print('told')")["ProcessingJobName"]
    services = mine.aws.status().folder / "account" / "services"
    for service, change in (("sqs", "hello"), ("stepfunctions", waits), ("cloudwatch_logs", name)):
        wait_until_saved(services / f"{service}.json", change)
    kill(mine)
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert message["Body"] == "hello"
    assert mine.states.describe_execution(executionArn=ended)["status"] == "SUCCEEDED"
    assert mine.states.describe_execution(executionArn=waits)["status"] == "FAILED"
    assert mine.log(name) == {"algo-1": ["told"]}


def test_an_orderly_end_keeps_everything_and_a_fresh_start_nothing(mine: RunningLocalAws) -> None:
    mine.put("kept", "x")
    job = mine.run("")["ProcessingJobName"]
    parameter: dict[str, Any] = {"Name": "p", "Value": "1", "Type": "String"}
    ssm = mine.client("ssm")
    ssm.put_parameter(**parameter)
    mine.aws.stop()
    mine.aws.start()
    assert (mine.get("kept"), ssm.get_parameter(Name="p")["Parameter"]["Value"]) == (b"x", "1")
    with pytest.raises(LocalAwsError, match="a running local AWS cannot be emptied; stop it first: smproc local stop"):
        mine.aws.start(fresh=True)
    mine.aws.stop()
    mine.aws.start(fresh=True)
    assert mine.s3.list_buckets()["Buckets"] == []
    with pytest.raises(mine.sagemaker.exceptions.ClientError, match="Could not find"):
        mine.describe(job)
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name="p")
    mine.s3.create_bucket(Bucket=BUCKET)


def test_a_part_that_cannot_be_read_is_left_out_and_the_rest_is_there(mine: RunningLocalAws) -> None:
    mine.put("kept", "x")
    mine.client("ssm").put_parameter(Name="p", Value="1", Type="String")
    mine.aws.stop()
    folder = mine.aws.status().folder
    (folder / "account" / "services" / "ssm.json").write_text("{")
    mine.aws.start()
    assert mine.get("kept") == b"x"
    assert "failed to load ssm" in (folder / "server.log").read_text()


def test_a_save_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smproc.local.server.autosave._INTERVAL_IN_SECONDS", 0.01)
    tries: list[int] = []

    def save() -> None:
        tries.append(len(tries))
        if len(tries) == 1:
            keeper.note_change()
            raise OSError("no space left")

    keeper = AutoSaver(save)
    keeper.start()
    keeper.note_change()
    RunningLocalAws.until(lambda: len(tries), lambda count: count >= 2)
    keeper.stop()
    assert tries == [0, 1]
